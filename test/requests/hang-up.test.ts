import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import t from 'tap'
import gatehouse, { authenticated, DECISIONS, type DecisionEvent } from '../../lib/index.ts'
import { basic } from '../../lib/authentication/schemes/index.ts'
import { bare } from '../core/porch.ts'

const credentials = (password: string) => `authorization: Basic ${Buffer.from(`ada:${password}`).toString('base64')}\r\n`

t.test('law 7: who hangs up chooses nothing of what is told: of each request whose answer is made there is one event, whether it can be sent or not', async (t) => {
  const events: DecisionEvent[] = []
  const listener = (event: unknown): void => { events.push(event as DecisionEvent) }
  subscribe(DECISIONS, listener)
  t.teardown(() => unsubscribe(DECISIONS, listener))
  let hangUp = (): void => {}
  let goOn = (): void => {}
  const gone = new Promise<void>((resolve) => { goOn = resolve })
  const app = bare(t)
  await app.register(gatehouse, {
    throttle: false,
    schemes: [basic({
      async verify (name, password) {
        hangUp()
        await gone
        return password === 'right' ? { id: name } : null
      },
    })],
  })
  app.get('/slow', { config: { access: 'public' } }, async () => {
    await gone
    return 'late'
  })
  app.post('/deed', { config: { access: authenticated() } }, () => 'done')
  app.server.on('connection', (socket) => socket.once('close', () => goOn()))
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const told = once(app.server, 'close')

  const socket = connect(port, '127.0.0.1')
  let asked = 0
  hangUp = () => {
    asked += 1
    if (asked === 2) socket.destroy()
  }
  socket.write(`GET /slow HTTP/1.1\r\nhost: a\r\n\r\n${['right', 'wrong'].map((password) => `POST /deed HTTP/1.1\r\nhost: a\r\n${credentials(password)}content-length: 0\r\n\r\n`).join('')}`)
  await gone
  await app.close()
  await told
  t.equal(asked, 2)
  t.same(events.filter(({ route }) => route === '/deed').map(({ outcome }) => outcome).sort(), ['allow', 'deny'])
  t.same(events.filter(({ route }) => route === '/slow').map(({ outcome }) => outcome), ['allow'])
})
