import t from 'tap'
import { sharedVerification } from '../../lib/authentication/shared-verification.ts'

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
  const share = sharedVerification<string>((text) => text)
  const counter = counted([user])
  const verdicts = await Promise.all(Array.from({ length: 50 }, () => share('same', counter.run)))
  t.equal(counter.runs, 1)
  t.ok(verdicts.every((verdict) => verdict === user))
})

t.test('nothing is kept: who comes afterwards is verified anew', async (t) => {
  const share = sharedVerification<string>((text) => text)
  const counter = counted([user, wrong, user])
  t.equal(await share('same', counter.run), user)
  t.equal(await share('same', counter.run), wrong)
  t.equal(await share('same', counter.run), user)
})

t.test('other credentials share nothing', async (t) => {
  const share = sharedVerification<string>((text) => text)
  const [one, other] = [counted([user]), counted([wrong])]
  t.same(await Promise.all([share('one', one.run), share('other', other.run)]), [user, wrong])
})

t.test('a failure is not shared: each of those who waited goes on by itself', async (t) => {
  const share = sharedVerification<string>((text) => text)
  const counter = counted([wrong, wrong, user])
  t.same(await Promise.all([1, 2, 3].map(() => share('same', counter.run))), [wrong, wrong, user])
  t.equal(counter.runs, 3)
})

t.test('a first one that rejects leaves nobody waiting and nothing behind', async (t) => {
  const share = sharedVerification<string>((text) => text)
  const counter = counted([new Error('down'), user, user])
  const [first, second] = await Promise.allSettled([share('same', counter.run), share('same', counter.run)])
  t.match(first, { status: 'rejected', reason: { message: 'down' } })
  t.match(second, { status: 'fulfilled', value: user })
  t.equal(await share('same', counter.run), user)
})
