/** Several schemes at once: all of them or nobody. */
import t from 'tap'
import type { Guard } from '../../lib/authentication/outcome.ts'
import type { AnyScheme, CredentialPlace, Verdict } from '../../lib/authentication/scheme.ts'
import { requireAll, schemesOf, type Combine } from '../../lib/authentication/way.ts'
import { gate, rawGet } from './gate.ts'

interface Sketch {
  readonly place?: CredentialPlace
  readonly guessable?: boolean
  readonly oauth?: boolean
  readonly expiresAt?: number | null
  readonly verify?: (credentials: string) => Verdict | Promise<Verdict>
}

/** Reads the header `x-<name>`, or `Authorization: <name>`; `ok` is Ada. */
function scheme (name: string, { place = 'header', guessable = false, oauth = false, expiresAt = null, verify }: Sketch = {}): AnyScheme & { asked: string[] } {
  const asked: string[] = []
  return {
    asked,
    name,
    family: 'token',
    guessable,
    oauth,
    varyOn: [],
    find (request, fields) {
      const sent = place === 'authorization' ? fields.find((field) => field.scheme === name.toLowerCase())?.rest : request.headers[`x-${name.toLowerCase()}`]
      return sent === undefined ? { kind: 'nothing' } : { kind: 'credentials', place, credentials: sent, account: String(sent) }
    },
    verify (sent) {
      asked.push(sent)
      if (verify !== undefined) return verify(sent)
      return sent === 'ok' ? { kind: 'user', user: { id: 'ada', by: name }, auth: { scopes: [name], expiresAt }, headers: { [`x-from-${name.toLowerCase()}`]: '1' } } : { kind: 'invalid', reason: `wrong ${name}` }
    },
    challenge: () => ({ scheme: name, params: [['realm', 'r']] }),
  }
}

const token = (sketch: Sketch = {}) => scheme('Token', { place: 'authorization', oauth: true, ...sketch })
const OK = { authorization: 'Token ok', 'x-key': 'ok' }

t.test('both right: the user, the scopes and the scheme of the first, and whatever ends first', async (t) => {
  const app = await gate(t, [requireAll([token({ expiresAt: 200 }), scheme('Key', { expiresAt: 100 }), scheme('Third', { place: 'certificate' })])])
  const answer = await app.inject({ url: '/', headers: { ...OK, 'x-third': 'ok' } })
  t.match(answer.json(), { kind: 'user', user: { id: 'ada', by: 'Token' }, scheme: 'Token', auth: { scopes: ['Token'], expiresAt: 100 } })
  t.match(answer.headers, { 'x-from-token': '1', 'x-from-key': '1' }, 'what each of their protocols puts on the answer')
  const endless = await gate(t, [requireAll([token(), scheme('Key')])])
  t.equal((await endless.inject({ url: '/', headers: OK })).json().auth.expiresAt, null)
})

t.test('law 1: one of them missing is a 401 that challenges with all, carries no error, and verifies nothing', async (t) => {
  const [one, other] = [token(), scheme('Key', { guessable: true })]
  const app = await gate(t, [requireAll([one, other])])
  for (const [headers, missing] of [[{ 'x-key': 'ok' }, 'Token'], [{ authorization: 'Token ok' }, 'Key'], [{ authorization: 'Token wrong' }, 'Key']] as const) {
    const answer = await app.inject({ url: '/', headers })
    t.match(answer.json(), { kind: 'incomplete', reason: `all of Token, Key are required; missing: ${missing}` })
    t.equal(answer.statusCode, 401)
  }
  t.same([one.asked, other.asked], [[], []], 'so no factor can be guessed alone')
  t.match((await app.inject('/')).json(), { kind: 'nothing' })
})

t.test('law 2: one of them wrong is a 401 of that one, whichever it is', async (t) => {
  const app = await gate(t, [requireAll([token(), scheme('Key')])])
  t.match((await app.inject({ url: '/', headers: { ...OK, 'x-key': 'no' } })).json(), { kind: 'invalid', scheme: 'Key', error: 'invalid_credentials' })
  t.match((await app.inject({ url: '/', headers: { ...OK, authorization: 'Token no' } })).json(), { kind: 'invalid', scheme: 'Token', error: 'invalid_token' })
})

t.test('two credentials are no 400 where the route demands them both, and still are where it does not', async (t) => {
  const [one, other, third] = [token(), scheme('Key'), scheme('Third', { place: 'authorization' })]
  const known = [one, other, third]
  const both = await gate(t, [requireAll([one, other])], { known })
  t.equal((await both.inject({ url: '/', headers: OK })).statusCode, 200)
  t.equal((await rawGet(both, ['Authorization: Token ok', 'Authorization: Third ok', 'X-Key: ok'])).status, 400, 'a third one is one too many')
  t.equal((await rawGet(both, ['Authorization: Token ok', 'Authorization: Token ok', 'X-Key: ok'])).status, 400, 'and so is the same one twice')
  const either = await gate(t, [one, other], { known })
  t.equal((await either.inject({ url: '/', headers: OK })).statusCode, 400)
  const lines = await gate(t, [requireAll([one, third])], { known })
  t.equal((await rawGet(lines, ['Authorization: Token ok', 'Authorization: Third ok'])).status, 200, 'two Authorization lines of two schemes')
})

t.test('beside other ways: two credentials go to the way that demands them, one to the first that takes it', async (t) => {
  const [one, other] = [token(), scheme('Key')]
  const app = await gate(t, [one, requireAll([one, other])])
  t.match((await app.inject({ url: '/', headers: OK })).json(), { kind: 'user', auth: { scopes: ['Token'] } })
  t.same(other.asked, ['ok'])
  t.match((await app.inject({ url: '/', headers: { authorization: 'Token ok' } })).json(), { kind: 'user' })
  t.same(other.asked, ['ok'])
})

t.test('ways of the same names are tried in turn, as two issuers are', async (t) => {
  const accepts = (prefix: string) => (sent: string): Verdict => sent === prefix ? { kind: 'user', user: { id: 'ada', by: prefix } } : { kind: 'invalid', reason: `not ${prefix}` }
  const [first, second, key] = [token({ verify: accepts('one') }), token({ verify: accepts('two') }), scheme('Key')]
  const app = await gate(t, [requireAll([first, key]), scheme('Third'), requireAll([second, key])])
  t.match((await app.inject({ url: '/', headers: { authorization: 'Token two', 'x-key': 'ok' } })).json(), { kind: 'user', user: { by: 'two' } })
  t.match((await app.inject({ url: '/', headers: { authorization: 'Token six', 'x-key': 'ok' } })).json(), { kind: 'invalid', reason: 'not two' })
})

t.test('two issuers, one of which demands something beside its token: each token goes to its own', async (t) => {
  const accepts = (prefix: string) => (sent: string): Verdict => sent === prefix ? { kind: 'user', user: { id: 'ada', by: prefix } } : { kind: 'invalid', reason: `not ${prefix}` }
  const [one, two, device] = [token({ verify: accepts('one') }), token({ verify: accepts('two') }), scheme('Device', { place: 'certificate' })]
  for (const ways of [[one, requireAll([device, two])], [requireAll([device, two]), one]]) {
    const app = await gate(t, ways)
    const answer = async (sent: string, more = {}) => (await app.inject({ url: '/', headers: { authorization: `Token ${sent}`, ...more } })).json()
    t.match(await answer('one'), { kind: 'user', user: { by: 'one' } })
    t.match(await answer('two', { 'x-device': 'ok' }), { kind: 'user', user: { by: 'Device' } })
    t.match(await answer('two'), { kind: 'invalid', reason: 'not one' }, 'that the device is missing does not hide what is wrong')
    t.match(await answer('two', { 'x-device': 'no' }), { kind: 'invalid' })
  }
})

t.test('without combine all factors must be of one user: somebody else\'s second factor is a 401', async (t) => {
  const user = (of: unknown) => (): Verdict => ({ kind: 'user', user: of as object })
  const answer = async (one: object, other: object) => {
    const app = await gate(t, [requireAll([token({ verify: user(one) }), scheme('Key', { verify: user(other) })])])
    return (await app.inject({ url: '/', headers: OK })).json()
  }
  t.match(await answer({ id: 'ada', a: 1 }, { id: 'ada', b: 2 }), { kind: 'user', user: { id: 'ada', a: 1 } })
  t.match(await answer({ id: 7 }, { id: 7 }), { kind: 'user', user: { id: 7 } })
  for (const [one, other] of [[{ id: 'ada' }, { id: 'mallory' }], [{ id: 'ada' }, {}], [{}, {}], [{ id: null }, { id: null }], [{ id: '' }, { id: '' }], [{ id: 7 }, { id: '7' }], [{ id: ['ada'] }, { id: ['ada'] }]] as const) {
    t.match(await answer(one, other), { kind: 'invalid', scheme: 'Token', reason: /not one and the same/ }, JSON.stringify([one, other]))
  }
})

t.test('what can be guessed is verified last, wherever it stands in the list', async (t) => {
  const [password, other] = [scheme('Password', { guessable: true }), token()]
  const app = await gate(t, [requireAll([password, other])])
  t.match((await app.inject({ url: '/', headers: { 'x-password': 'no', authorization: 'Token no' } })).json(), { kind: 'invalid', scheme: 'Token' })
  t.same(password.asked, [], 'a wrong token says nothing of the password')
  t.match((await app.inject({ url: '/', headers: { 'x-password': 'ok', authorization: 'Token ok' } })).json(), { kind: 'user', user: { by: 'Password' }, auth: { scopes: ['Password'] } })
})

t.test('throttling: a right password beside somebody else\'s token is a failure of the password, and says nothing of it', async (t) => {
  const verdicts: string[] = []
  const guard: Guard = async (_request, _scheme, _account, verify) => {
    const verdict = await verify()
    verdicts.push(verdict.kind)
    return verdict
  }
  const mallorys = token({ verify: () => ({ kind: 'user', user: { id: 'mallory' } }) })
  const app = await gate(t, [requireAll([mallorys, scheme('Password', { guessable: true })])], { guard })
  const answers = await Promise.all(['ok', 'no'].map(async (password) => (await app.inject({ url: '/', headers: { authorization: 'Token ok', 'x-password': password } })).json()))
  for (const answer of answers) t.match(answer, { kind: 'invalid', scheme: 'Password', error: 'invalid_credentials' })
  t.same(verdicts, ['invalid', 'invalid'])
  const broken = await gate(t, [requireAll([token(), scheme('Password', { guessable: true })], { combine: () => { throw new Error('down') } })], { guard })
  t.match((await broken.inject({ url: '/', headers: { authorization: 'Token ok', 'x-password': 'ok' } })).json(), { kind: 'unavailable' })
  t.equal(verdicts.at(-1), 'unavailable', 'which is no attempt')
})

t.test('combine makes one user of all, or says that they do not belong together', async (t) => {
  const answer = async (combine: Combine) => (await (await gate(t, [requireAll([token(), scheme('Key')], { combine })])).inject({ url: '/', headers: OK })).json()
  t.match(await answer(([one, other], request) => ({ id: `${one.by} ${other.by}`, method: request.method })), { kind: 'user', user: { id: 'Token Key', method: 'GET' } })
  t.match(await answer(async () => ({ id: 'late' })), { kind: 'user', user: { id: 'late' } })
  for (const none of [null, undefined]) t.match(await answer(() => none), { kind: 'invalid', scheme: 'Token', error: 'invalid_token', reason: /do not belong together/ })
  const plain = await gate(t, [requireAll([scheme('A'), scheme('B')], { combine: () => null })])
  t.match((await plain.inject({ url: '/', headers: { 'x-a': 'ok', 'x-b': 'ok' } })).json(), { kind: 'invalid', scheme: 'A', error: 'invalid_credentials' })
})

t.test('combine is asked once, also where the last secret can be guessed', async (t) => {
  let asked = 0
  const combine: Combine = ([one]) => { asked++; return one }
  const app = await gate(t, [requireAll([token(), scheme('Password', { guessable: true })], { combine })])
  t.match((await app.inject({ url: '/', headers: { authorization: 'Token ok', 'x-password': 'ok' } })).json(), { kind: 'user' })
  t.equal(asked, 1)
})

t.test('law 10: a combine that throws, rejects or returns what is no user is unavailable', async (t) => {
  const wrong: Combine[] = [() => { throw new Error('down') }, async () => { throw new Error('down') }, () => 'ada' as never, () => [] as never]
  for (const combine of wrong) {
    const app = await gate(t, [requireAll([token(), scheme('Key')], { combine })])
    t.match((await app.inject({ url: '/', headers: OK })).json(), { kind: 'unavailable', scheme: 'Token' })
  }
})

t.test('credentials in the URL are remembered, whichever of them it is', async (t) => {
  const app = await gate(t, [requireAll([token(), scheme('Key', { place: 'query' })])])
  t.equal((await app.inject({ url: '/', headers: OK })).json().place, 'query')
})

t.test('what makes no sense stops the start and names the mend', async (t) => {
  for (const [schemes, message] of [
    [[], /two or more/], [[token()], /two or more/], ['token', /two or more/], [[token(), token()], /two schemes are called "token"/],
  ] as const) t.throws(() => requireAll(schemes as never), { code: 'FST_GATEHOUSE_OPTION', message })
  t.throws(() => requireAll([token(), scheme('Key')], { combines: () => null } as never), { code: 'FST_GATEHOUSE_OPTION', message: /combines.*Did you mean "combine"/ })
  t.throws(() => requireAll([token(), scheme('Key')], { combine: 'first' as never }), { code: 'FST_GATEHOUSE_OPTION', message: /combine/ })
})

t.test('the schemes of a list are each named once, in order', async (t) => {
  const [one, other, third] = [token(), scheme('Key'), scheme('Third')]
  t.same(schemesOf([third, requireAll([one, other]), other, one]).map(({ name }) => name), ['Third', 'Token', 'Key'])
})
