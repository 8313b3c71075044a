/** A small application whose `onRequest` hook is nothing but `authenticate`, and raw requests for it. */
import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import { fastify, type FastifyInstance } from 'fastify'
import { authenticate } from '../../lib/authentication/authenticate.ts'
import type { Guard, Outcome } from '../../lib/authentication/outcome.ts'
import { schemesOf, waysOf, type AcceptedScheme } from '../../lib/authentication/way.ts'
import { formatChallenge, orderChallenges } from '../../lib/authentication/challenge.ts'
import type { AnyScheme, ChallengeReason } from '../../lib/authentication/scheme.ts'

export interface GateOptions {
  readonly known?: readonly AnyScheme[]
  readonly guard?: Guard
  readonly realm?: string
  readonly onArrival?: () => void
}

interface Teardown { teardown: (end: () => unknown) => void }

const STATUS = { user: 200, nothing: 401, invalid: 401, incomplete: 401, cross_site: 403, two: 400, throttled: 429, unavailable: 503 } as const

/** Answers with the outcome: `{ kind, user?, auth?, reason?, schemes? }`, and with the challenges of a 401. */
export async function gate (t: Teardown, accepted: readonly AcceptedScheme[], options: GateOptions = {}): Promise<FastifyInstance> {
  const schemes = schemesOf(accepted)
  const { known = schemes, guard, realm = 'newsroom' } = options
  for (const scheme of known) await scheme.prepare?.()
  const app = fastify()
  t.teardown(() => app.close())
  app.addHook('onRequest', async (request, reply) => {
    options.onArrival?.()
    const outcome = await authenticate(request, { ways: waysOf(accepted), known }, guard)
    if ('headers' in outcome && outcome.headers !== undefined) reply.headers(outcome.headers)
    reply.code(outcome.kind === 'invalid' && outcome.error === 'invalid_request' ? 400 : STATUS[outcome.kind])
    if (outcome.kind === 'nothing' || outcome.kind === 'invalid') {
      const tried = outcome.kind === 'invalid' ? outcome.scheme : undefined
      const lines = orderChallenges(schemes, tried).flatMap((scheme) => [scheme.challenge(reasonFor(scheme, outcome), { request, realm })].flat().map(formatChallenge))
      reply.header('www-authenticate', lines.length === 1 ? lines[0] : lines)
    }
    reply.send(visible(outcome))
    return reply
  })
  app.get('/', () => 'never reached')
  return app
}

function reasonFor (scheme: AnyScheme, outcome: Outcome): ChallengeReason {
  return outcome.kind === 'invalid' && scheme === outcome.scheme ? { kind: 'error', error: outcome.error } : { kind: 'nothing_sent' }
}

function visible (outcome: Outcome) {
  const names = outcome.kind === 'two' ? { schemes: outcome.schemes.map(({ name }) => name) } : {}
  const scheme = 'scheme' in outcome ? { scheme: outcome.scheme.name } : {}
  const cause = outcome.kind === 'unavailable' ? { cause: String(outcome.cause) } : {}
  return { ...outcome, ...names, ...scheme, ...cause }
}

/** One GET over a socket with exactly these header lines; the whole answer as text. */
export async function rawGet (app: FastifyInstance, lines: readonly string[]): Promise<{ status: number, head: string, body: string }> {
  if (!app.server.listening) await app.listen({ port: 0, host: '127.0.0.1' })
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.write(Buffer.from(['GET / HTTP/1.1', 'Host: localhost', 'Connection: close', ...lines, '', ''].join('\r\n'), 'latin1'))
  await once(socket, 'close')
  const text = Buffer.concat(chunks).toString('latin1')
  const end = text.indexOf('\r\n\r\n')
  return { status: Number(text.slice(9, 12)), head: text.slice(0, end), body: text.slice(end + 4) }
}
