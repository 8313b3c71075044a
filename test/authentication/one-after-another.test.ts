/** Right credentials of one name wait for each other instead of being taken for guesses. */
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { digest, digestHash } from '../../lib/authentication/schemes/index.ts'
import { oneAfterAnother } from '../../lib/authentication/one-after-another.ts'
import { authenticated } from '../../lib/index.ts'
import { porch } from '../core/porch.ts'
import { answerTo, challengesIn, written, type Params } from './digest-client.ts'

const user = { kind: 'user' as const }

/** A verification that ends when it is told to. */
function held () {
  let end = (_verdict: { kind: string } | Error): void => {}
  const state = { started: false, run: () => { state.started = true; return new Promise<{ kind: string }>((resolve, reject) => { end = (verdict) => verdict instanceof Error ? reject(verdict) : resolve(verdict) }) }, end: (verdict: { kind: string } | Error) => end(verdict) }
  return state
}

t.test('of one name each waits for the one before it, whatever that comes to; of other names nobody does', async (t) => {
  const share = oneAfterAnother<string>((name) => name)
  const [one, two, three, other] = [held(), held(), held(), held()]
  const answers = [share('ada', one.run), share('ada', two.run), share('ada', three.run), share('bea', other.run)]
  await setImmediate()
  t.same([one, two, three, other].map(({ started }) => started), [true, false, false, true])
  one.end(new Error('down'))
  await t.rejects(answers[0] as Promise<unknown>, { message: 'down' })
  await setImmediate()
  t.same([two.started, three.started], [true, false])
  two.end(user)
  t.equal(await answers[1], user)
  await setImmediate()
  t.ok(three.started)
  three.end(user)
  other.end(user)
  t.same(await Promise.all([answers[2], answers[3]]), [user, user])
  const later = held()
  const last = share('ada', later.run)
  t.ok(later.started, 'and who comes when all have ended waits for nobody')
  later.end(user)
  t.equal(await last, user)
})

t.test('fifty wait at most; whoever comes then goes on at once', async (t) => {
  const share = oneAfterAnother<string>((name) => name)
  const queue = Array.from({ length: 52 }, () => held())
  const answers = queue.map(({ run }) => share('ada', run))
  await setImmediate()
  t.same(queue.map(({ started }, index) => started ? index : -1).filter((index) => index !== -1), [0, 50, 51])
  for (const one of queue) {
    await setImmediate()
    one.end(user)
  }
  t.equal((await Promise.all(answers)).length, 52)
  const later = held()
  const last = share('ada', later.run)
  t.ok(later.started, 'and nothing is kept of them')
  later.end(user)
  await last
})

t.test('law 10: one that never ends is not waited for any longer than it should take', async (t) => {
  const share = oneAfterAnother<string>((name) => name, 1)
  share('ada', held().run).catch(() => {})
  const next = held()
  const answer = share('ada', async () => { next.started = true; return user })
  t.equal(await answer, user)
  t.ok(next.started)
})

t.test('authn D6, throttling 1: thirty right requests at once are thirty answers; of thirty guesses five reach the password', async (t) => {
  let looked = 0
  const ha1 = { 'SHA-256': digestHash('SHA-256', 'ada', 'api', 'right') }
  const scheme = digest({ algorithms: ['SHA-256'], lookup: async (name) => { looked++; await setImmediate(); return name === 'ada' ? { user: { id: 'ada' }, ha1 } : null } })
  const app = await porch(t, { schemes: [scheme], throttle: { now: () => 0 } }, (app) => app.get('/', { config: { access: authenticated() } }, () => 'in'))
  const [challenge] = challengesIn((await app.inject('/')).headers)
  const ask = async (password: string, count: number) => {
    const sent = written(answerTo(challenge as Params, { username: 'ada', password, nc: count.toString(16).padStart(8, '0') }))
    return (await app.inject({ url: '/', headers: { authorization: sent } })).statusCode
  }
  const statuses = await Promise.all(Array.from({ length: 30 }, (_, index) => ask('right', index + 1)))
  t.same(statuses, Array.from({ length: 30 }, () => 200))
  looked = 0
  const guesses = await Promise.all(Array.from({ length: 30 }, (_, index) => ask('wrong', index + 100)))
  t.same([guesses.filter((status) => status === 401).length, guesses.filter((status) => status === 429).length, looked], [5, 25, 5])
})
