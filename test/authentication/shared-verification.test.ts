/** Who shares a verification, and that nobody shares a no. */
import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { sharedVerification } from '../../lib/authentication/shared-verification.ts'

const client = { ip: '192.0.2.1', headers: { cookie: 'device=a' } } as FastifyRequest

function sharing (now?: () => number) {
  const share = sharedVerification<string>((text) => text, now)
  return (credentials: string, run: () => Promise<{ kind: string }>, request = client) => share(credentials, run, request)
}

const user = { kind: 'user' as const }
const wrong = { kind: 'invalid' as const }

function counted (answers: ReadonlyArray<{ kind: string } | Error>) {
  const counter = {
    runs: 0,
    async run (): Promise<{ kind: string }> {
      const answer = answers[counter.runs++]
      await null
      if (answer instanceof Error || answer === undefined) throw answer
      return answer
    },
  }
  return counter
}

t.test('who comes while the same credentials are being verified shares the success', async (t) => {
  const share = sharing()
  const counter = counted([user])
  const verdicts = await Promise.all(Array.from({ length: 50 }, () => share('same', counter.run)))
  t.equal(counter.runs, 1)
  t.ok(verdicts.every((verdict) => verdict === user))
})

t.test('nothing is kept: who comes afterwards is verified anew', async (t) => {
  const share = sharing()
  const counter = counted([user, wrong, user])
  t.equal(await share('same', counter.run), user)
  t.equal(await share('same', counter.run), wrong)
  t.equal(await share('same', counter.run), user)
})

t.test('one that never ends is waited for by those who came within ten seconds, and by nobody later', async (t) => {
  let time = 0
  const share = sharing(() => time)
  const never = share('same', () => new Promise<{ kind: string }>(() => {}))
  time = 10_001
  const counter = counted([user, user])
  t.equal(await share('same', counter.run), user)
  t.equal(await share('same', counter.run), user)
  t.equal(counter.runs, 2)
  t.ok(never instanceof Promise)
})

t.test('who was given up does not take the place of a later one with it', async (t) => {
  let time = 0
  const share = sharing(() => time)
  let end = (_verdict: { kind: string }): void => {}
  const first = share('same', () => new Promise<{ kind: string }>((resolve) => { end = resolve }))
  time = 10_001
  let endSecond = (_verdict: { kind: string }): void => {}
  const second = share('same', () => new Promise<{ kind: string }>((resolve) => { endSecond = resolve }))
  end(wrong)
  t.equal(await first, wrong)
  const third = share('same', async () => wrong)
  endSecond(user)
  t.same(await Promise.all([second, third]), [user, user], 'the third has waited for the second')
})

t.test('other credentials share nothing', async (t) => {
  const share = sharing()
  const [one, other] = [counted([user]), counted([wrong])]
  t.same(await Promise.all([share('one', one.run), share('other', other.run)]), [user, wrong])
})

t.test('a failure is not shared: each of those who waited goes on by itself', async (t) => {
  const share = sharing()
  const counter = counted([wrong, wrong, user])
  t.same(await Promise.all([1, 2, 3].map(() => share('same', counter.run))), [wrong, wrong, user])
  t.equal(counter.runs, 3)
})

t.test('a first one that rejects leaves nobody waiting and nothing behind', async (t) => {
  const share = sharing()
  const counter = counted([new Error('down'), user, user])
  const [first, second] = await Promise.allSettled([share('same', counter.run), share('same', counter.run)])
  t.match(first, { status: 'rejected', reason: { message: 'down' } })
  t.match(second, { status: 'fulfilled', value: user })
  t.equal(await share('same', counter.run), user)
})

t.test('throttling 6: a stranger shares nothing, so that he cannot compare guesses with what is in flight', async (t) => {
  const share = sharing()
  const strangers = [{ ip: '192.0.2.2', headers: { cookie: 'device=a' } }, { ip: '192.0.2.1', headers: {} }, { ip: '192.0.2.1', headers: { cookie: 'device=b' } }] as FastifyRequest[]
  const own = counted([user])
  const theirs = counted(strangers.map(() => wrong))
  const verdicts = await Promise.all([share('same', own.run), ...strangers.map((stranger) => share('same', theirs.run, stranger))])
  t.same(verdicts, [user, ...strangers.map(() => wrong)])
  t.equal(theirs.runs, strangers.length)
})
