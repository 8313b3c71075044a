import t from 'tap'
import type { FastifyRequest } from 'fastify'
import { authenticate } from '../../lib/authentication/authenticate.ts'
import type { Guard } from '../../lib/authentication/outcome.ts'
import { waysOf } from '../../lib/authentication/way.ts'
import type { AnyScheme, CredentialPlace, Verdict } from '../../lib/authentication/scheme.ts'
import { oddPromises } from '../support/odd-promises.ts'
import { gate, rawGet } from './gate.ts'

interface Sketch {
  readonly name?: string
  /** The `Authorization` scheme that it reads; default its own name. */
  readonly reads?: string
  /** A header that it reads instead, and where a client would say that stands. */
  readonly header?: { readonly name: string, readonly place: CredentialPlace }
  readonly guessable?: boolean
  readonly oauth?: boolean
  readonly verify?: (credentials: string) => unknown
}

/** `ok…` is a user, `bad…` is malformed, all else is invalid. */
function scheme ({ name = 'Bearer', reads = name, header, guessable = false, oauth = true, verify = verdictOn }: Sketch = {}): AnyScheme & { asked: string[] } {
  const asked: string[] = []
  return {
    asked,
    name,
    family: 'token',
    guessable,
    oauth,
    varyOn: [],
    find (request, fields) {
      const place = header?.place ?? 'authorization'
      const sent = header === undefined ? fields.find((field) => field.scheme === reads.toLowerCase())?.rest : request.headers[header.name]
      if (typeof sent !== 'string') return { kind: 'nothing' }
      if (sent.startsWith('bad')) return { kind: 'malformed', place, reason: 'malformed' }
      return { kind: 'credentials', place, credentials: sent, account: sent }
    },
    verify (credentials) {
      asked.push(credentials)
      return verify(credentials) as Verdict
    },
    challenge: () => ({ scheme: name, params: [['realm', 'r']] }),
  }
}

function verdictOn (credentials: string): Verdict {
  return credentials.startsWith('ok') ? { kind: 'user', user: { id: credentials } } : { kind: 'invalid', reason: `${credentials.length} characters` }
}

const accepts = (prefix: string) => (credentials: string) => credentials.startsWith(prefix) ? { kind: 'user', user: { id: prefix } } : { kind: 'invalid', reason: `not ${prefix}`, error: `no_${prefix}` }
const bearerLine = (rest: string) => ({ authorization: `Bearer ${rest}` })

t.test('law 2: nothing sent, something wrong, something malformed and a user are told apart', async (t) => {
  const app = await gate(t, [scheme()])
  t.match((await app.inject('/')).json(), { kind: 'nothing' })
  t.match((await app.inject({ url: '/', headers: bearerLine('ok') })).json(), { kind: 'user', user: { id: 'ok' }, auth: { scheme: 'Bearer', scopes: [], authTime: null, acr: null, expiresAt: null } })
  t.match((await app.inject({ url: '/', headers: bearerLine('no') })).json(), { kind: 'invalid', scheme: 'Bearer', error: 'invalid_token', reason: '2 characters' })
  t.match((await app.inject({ url: '/', headers: bearerLine('bad') })).json(), { kind: 'invalid', scheme: 'Bearer', error: 'invalid_token', reason: 'malformed' })
})

t.test('a scheme that answers at once gets its outcome at once, without a promise', async (t) => {
  const schemes = [scheme(), scheme()]
  for (const rest of ['ok', 'no', 'bad']) {
    const request = { headers: {}, raw: { rawHeaders: ['Authorization', `Bearer ${rest}`] } } as unknown as FastifyRequest
    t.notOk(authenticate(request, { ways: waysOf(schemes), known: schemes }) instanceof Promise, rest)
  }
})

t.test('what the scheme knows of the sign-in is passed on', async (t) => {
  const verify = () => ({ kind: 'user', user: {}, auth: { scopes: ['a'], authTime: 1, acr: 'gold', expiresAt: 2 } })
  const app = await gate(t, [scheme({ verify })])
  t.match((await app.inject({ url: '/', headers: bearerLine('x') })).json().auth, { scheme: 'Bearer', scopes: ['a'], authTime: 1, acr: 'gold', expiresAt: 2 })
})

t.test('the schemes of the route are asked in its order; the first that finds something decides', async (t) => {
  const header = (name: string): Sketch => ({ name, header: { name: 'x-session', place: 'cookie' } })
  const [first, second] = [scheme(header('First')), scheme(header('Second'))]
  const app = await gate(t, [second, first], { known: [first, second] })
  t.match((await app.inject({ url: '/', headers: { 'x-session': 'no' } })).json(), { kind: 'invalid', scheme: 'Second' })
  t.same(first.asked, [], 'an invalid credential never falls through to another method')
  const empty = await gate(t, [scheme(), first])
  t.match((await empty.inject({ url: '/', headers: { 'x-session': 'ok' } })).json(), { kind: 'user', scheme: 'First' })
})

t.test('a cookie or a certificate beside a credential that the client chose is ignored, wherever it stands in the list', async (t) => {
  for (const place of ['cookie', 'certificate'] as const) {
    const ambient = scheme({ name: 'Ambient', header: { name: 'x-ambient', place } })
    const bearer = scheme()
    for (const schemes of [[ambient, bearer], [bearer, ambient]]) {
      const app = await gate(t, schemes)
      const both = await app.inject({ url: '/', headers: { 'x-ambient': 'no', ...bearerLine('ok') } })
      t.match(both.json(), { kind: 'user', scheme: 'Bearer' })
      const wrong = await app.inject({ url: '/', headers: { 'x-ambient': 'ok', ...bearerLine('no') } })
      t.match(wrong.json(), { kind: 'invalid', scheme: 'Bearer' })
    }
    t.same(ambient.asked, [])
    const beside = await gate(t, [ambient], { known: [ambient, bearer] })
    t.match((await beside.inject({ url: '/', headers: { 'x-ambient': 'ok', ...bearerLine('no') } })).json(), { kind: 'user', scheme: 'Ambient' })
  }
})

t.test('authn H11: two Authorization lines of schemes that the application knows are two, also of one scheme and also identical', async (t) => {
  const [bearer, basic] = [scheme(), scheme({ name: 'Basic' })]
  const app = await gate(t, [bearer], { known: [bearer, basic] })
  const pairs = [['Bearer ok', 'Bearer ok'], ['Bearer ok', 'Bearer no'], ['Bearer ok', 'Basic x'], ['Basic x', 'Bearer ok'], ['Bearer bad', 'Bearer ok'], ['Bearer', 'Bearer ok'], ['Basic x', 'Basic x']]
  for (const [one, two] of pairs) {
    const response = await rawGet(app, [`Authorization: ${one}`, `authorization: ${two}`])
    t.equal(response.status, 400, `${one} and ${two}`)
  }
  t.same(bearer.asked, [], 'nothing is verified')
  t.match((await app.inject({ url: '/', headers: { authorization: ['Bearer ok', 'Bearer ok'] as unknown as string } })).json(), { kind: 'two', schemes: ['Bearer'] })
  t.match((await app.inject({ url: '/', headers: { authorization: ['Bearer ok', 'Basic ok'] as unknown as string } })).json(), { kind: 'two', schemes: ['Bearer', 'Basic'] })
})

t.test('authn H11: of very many Authorization lines none is looked at', async (t) => {
  let looks = 0
  const counting: AnyScheme = { ...scheme({ name: 'Own' }), find: () => { looks++; return { kind: 'nothing' } } }
  const app = await gate(t, [counting])
  const lines = (count: number) => Array.from({ length: count }, (_, index) => `Authorization: unknown${index}`)
  t.match(JSON.parse((await rawGet(app, lines(8))).body), { kind: 'nothing' })
  t.equal(looks, 1, 'and who found nothing there is not asked again for each line')
  t.match(JSON.parse((await rawGet(app, lines(9))).body), { kind: 'two', reason: 'there are more than 8 Authorization lines' })
  t.equal(looks, 1)
})

t.test('an Authorization line of a scheme that nobody knows counts as nothing sent, alone or beside another', async (t) => {
  const app = await gate(t, [scheme()])
  for (const line of ['Digest x', 'Basic dTpw', '', 'Bearer,ok', 'Bearer\tok']) {
    t.match(JSON.parse((await rawGet(app, [`Authorization: ${line}`])).body), { kind: 'nothing' }, line)
    for (const lines of [[`Authorization: ${line}`, 'Authorization: Bearer ok'], ['Authorization: Bearer ok', `Authorization: ${line}`]]) {
      t.match(JSON.parse((await rawGet(app, lines)).body), { kind: 'user' }, lines.join(', '))
    }
  }
})

t.test('a credential of a known scheme that the route does not accept is nothing by itself and counts for two', async (t) => {
  const [bearer, key] = [scheme(), scheme({ name: 'ApiKey', header: { name: 'x-api-key', place: 'header' } })]
  const app = await gate(t, [bearer], { known: [bearer, key] })
  t.match((await app.inject({ url: '/', headers: { 'x-api-key': 'ok' } })).json(), { kind: 'nothing' })
  t.match((await app.inject({ url: '/', headers: { 'x-api-key': 'ok', ...bearerLine('ok') } })).json(), { kind: 'two', schemes: ['ApiKey', 'Bearer'] })
  t.match((await app.inject({ url: '/', headers: { 'x-api-key': 'bad', ...bearerLine('ok') } })).json(), { kind: 'two' }, 'a malformed one counts too')
  const other = await gate(t, [key], { known: [bearer, key] })
  t.match((await other.inject({ url: '/', headers: bearerLine('ok') })).json(), { kind: 'nothing' })
  t.same([...bearer.asked, ...key.asked], [])
})

t.test('a key in a header, one in the query and one in Authorization are two, also of one scheme', async (t) => {
  const header = scheme({ name: 'ApiKey', header: { name: 'x-api-key', place: 'header' } })
  const sameHeader = scheme({ name: 'ApiKey', header: { name: 'x-api-key', place: 'header' } })
  const query = scheme({ name: 'ApiKey', header: { name: 'x-query', place: 'query' } })
  const other = scheme({ name: 'Token', header: { name: 'x-token', place: 'header' } })
  const both = await gate(t, [header], { known: [header, sameHeader, query, other] })
  t.match((await both.inject({ url: '/', headers: { 'x-api-key': 'ok' } })).json(), { kind: 'user' }, 'two schemes that see the same header see one credential')
  t.match((await both.inject({ url: '/', headers: { 'x-api-key': 'ok', 'x-query': 'ok' } })).json(), { kind: 'two' })
  t.match((await both.inject({ url: '/', headers: { 'x-api-key': 'ok', 'x-token': 'ok' } })).json(), { kind: 'two', schemes: ['ApiKey', 'Token'] })
  t.match((await both.inject({ url: '/', headers: { 'x-api-key': 'ok', authorization: 'apikey ok' } })).json(), { kind: 'two', schemes: ['ApiKey'] }, 'though this scheme looks only at its header')
})

t.test('a scheme that reads an Authorization scheme of another name claims that line', async (t) => {
  const legacy = scheme({ name: 'Legacy', reads: 'Token' })
  const bearer = scheme()
  const app = await gate(t, [bearer, legacy])
  t.match((await app.inject({ url: '/', headers: { authorization: 'Token ok' } })).json(), { kind: 'user', scheme: 'Legacy' })
  t.equal((await rawGet(app, ['Authorization: Token ok', 'Authorization: Bearer ok'])).status, 400)
  t.equal((await rawGet(app, ['Authorization: Token ok', 'Authorization: Token ok'])).status, 400)
})

t.test('schemes that share a name are tried in turn while the credentials are invalid; the last error counts', async (t) => {
  const schemes = [scheme({ verify: accepts('one') }), scheme({ name: 'Basic' }), scheme({ name: 'bearer', verify: accepts('two') })]
  const app = await gate(t, schemes)
  t.match((await app.inject({ url: '/', headers: bearerLine('one') })).json(), { kind: 'user', user: { id: 'one' } })
  t.match((await app.inject({ url: '/', headers: bearerLine('two') })).json(), { kind: 'user', user: { id: 'two' } })
  t.match((await app.inject({ url: '/', headers: bearerLine('none') })).json(), { kind: 'invalid', reason: 'not two', error: 'no_two' })
  t.same((schemes[1] as { asked?: string[] }).asked, [])
})

t.test('falling through works the same with schemes that answer later, and with one that finds nothing or something malformed', async (t) => {
  const later = (prefix: string) => async (credentials: string) => accepts(prefix)(credentials)
  const nothing = scheme({ reads: 'Other' })
  const app = await gate(t, [scheme({ verify: later('one') }), nothing, scheme({ verify: later('two') })])
  t.match((await app.inject({ url: '/', headers: bearerLine('two') })).json(), { kind: 'user', user: { id: 'two' } })
  t.match((await app.inject({ url: '/', headers: bearerLine('bad') })).json(), { kind: 'invalid', reason: 'malformed' })
  const short: AnyScheme = { ...scheme(), find: () => ({ kind: 'malformed', place: 'authorization', reason: 'too long for this one' }) }
  const lenient = await gate(t, [short, scheme()])
  t.match((await lenient.inject({ url: '/', headers: bearerLine('ok') })).json(), { kind: 'user' })
})

t.test('falling through never leads to another place or past a scheme that cannot know', async (t) => {
  const cookie = scheme({ header: { name: 'x-session', place: 'cookie' } })
  const app = await gate(t, [scheme(), cookie])
  t.match((await app.inject({ url: '/', headers: { 'x-session': 'ok', ...bearerLine('no') } })).json(), { kind: 'invalid' })
  t.same(cookie.asked, [])
  const last = scheme()
  const down = await gate(t, [scheme({ verify: () => ({ kind: 'unavailable', reason: 'key server', cause: 'ECONNREFUSED' }) }), last])
  t.match((await down.inject({ url: '/', headers: bearerLine('ok') })).json(), { kind: 'unavailable', reason: 'key server', cause: 'ECONNREFUSED' })
  t.same(last.asked, [])
})

t.test('a scheme is asked once what it finds, however many are tried', async (t) => {
  let looks = 0
  const counting: AnyScheme = { ...scheme({ verify: accepts('ok') }), find: (request, fields) => { looks++; return scheme().find(request, fields) } }
  const app = await gate(t, [scheme(), scheme(), counting])
  t.match((await app.inject({ url: '/', headers: bearerLine('no') })).json(), { kind: 'invalid', error: 'no_ok' })
  t.equal(looks, 1)
})

t.test('authn B6: a scheme that finds two credentials of its own is a 400, also where the route does not accept it', async (t) => {
  const two: AnyScheme = { ...scheme({ name: 'Two' }), find: () => ({ kind: 'two', reason: 'in the header and in the query' }) }
  const app = await gate(t, [scheme()], { known: [two, scheme()] })
  t.match((await app.inject({ url: '/', headers: bearerLine('ok') })).json(), { kind: 'two', schemes: ['Two'], reason: 'in the header and in the query' })
})

t.test('a guessable secret is tried once: it never falls through, however many schemes share the name', async (t) => {
  const schemes = [scheme({ name: 'Basic', guessable: true, oauth: false }), scheme({ name: 'Basic', guessable: true, oauth: false, verify: accepts('two') })]
  const app = await gate(t, schemes)
  t.match((await app.inject({ url: '/', headers: { authorization: 'Basic two' } })).json(), { kind: 'invalid', scheme: 'Basic', error: 'invalid_credentials' })
  t.match((await app.inject({ url: '/', headers: { authorization: 'Basic bad' } })).json(), { kind: 'invalid', reason: 'malformed', error: 'invalid_credentials' })
  const strict: AnyScheme = { ...scheme({ name: 'Basic', guessable: true }), find: () => ({ kind: 'malformed', place: 'authorization', reason: 'too strict' }) }
  const lenient = await gate(t, [strict, schemes[1] as AnyScheme])
  t.match((await lenient.inject({ url: '/', headers: { authorization: 'Basic two' } })).json(), { kind: 'invalid', reason: 'too strict' })
  t.same(schemes[1]?.asked, [])
})

t.test('law 10: a scheme that throws, rejects or returns what is no verdict is unavailable', async (t) => {
  const failures: Array<[unknown, RegExp]> = [
    [() => { throw new Error('down') }, /could not verify/],
    [async () => { throw new Error('down') }, /could not verify/],
    [() => undefined, /returned no verdict/],
    [async () => null, /returned no verdict/],
    [() => true, /returned no verdict/],
    [() => ({ kind: 'throttled', retryAfter: 1, dimension: 'x' }), /returned no verdict/],
    [() => ({ kind: 'user' }), /returned undefined where a user object is due/],
    [() => ({ kind: 'user', user: null }), /returned null where/],
    [() => ({ kind: 'user', user: 'ada' }), /returned string where/],
    [async () => ({ kind: 'user', user: [] }), /returned an array where/],
  ]
  for (const [verify, reason] of failures) {
    for (const guessable of [false, true]) {
      const app = await gate(t, [scheme({ verify: verify as () => unknown, guessable })])
      const response = await app.inject({ url: '/', headers: bearerLine('x') })
      t.equal(response.statusCode, 503)
      t.match(response.json(), { kind: 'unavailable', scheme: 'Bearer', reason })
    }
  }
})

t.test('a scheme of other makes may answer with promises of any make', async (t) => {
  for (const index of oddPromises(null).keys()) {
    const app = await gate(t, [scheme({ verify: (credentials) => oddPromises(verdictOn(credentials))[index]?.[1] })])
    t.match((await app.inject({ url: '/', headers: bearerLine('ok') })).json(), { kind: 'user' })
    t.match((await app.inject({ url: '/', headers: bearerLine('no') })).json(), { kind: 'invalid' })
  }
})

t.test('law 10: a scheme that throws while looking, or says nothing of what it found, is unavailable', async (t) => {
  const throws: AnyScheme = { ...scheme(), find: () => { throw new Error('looked') } }
  const silent: AnyScheme = { ...scheme(), find: () => undefined as never }
  const odd: AnyScheme = { ...scheme(), find: () => ({ kind: 'maybe' }) as never }
  for (const broken of [throws, silent, odd]) {
    const app = await gate(t, [broken])
    t.equal((await app.inject('/')).statusCode, 503)
  }
})

t.test('throttling: the guard stands before every verification of a guessable secret, and only of those', async (t) => {
  const calls: unknown[] = []
  const guard: Guard = async (_request, { name }, account, verify) => {
    calls.push([name, account])
    return account === 'locked' ? { kind: 'throttled', retryAfter: 30, dimension: 'account' } : verify()
  }
  const [basic, bearer] = [scheme({ name: 'Basic', guessable: true }), scheme()]
  const app = await gate(t, [bearer, basic], { guard })
  t.match((await app.inject({ url: '/', headers: bearerLine('ok') })).json(), { kind: 'user' })
  t.match((await app.inject({ url: '/', headers: { authorization: 'Basic bad' } })).json(), { kind: 'invalid' })
  t.same(calls, [], 'what is malformed is no guess')
  t.match((await app.inject({ url: '/', headers: { authorization: 'Basic ok' } })).json(), { kind: 'user' })
  const denied = await app.inject({ url: '/', headers: { authorization: 'Basic locked' } })
  t.equal(denied.statusCode, 429)
  t.match(denied.json(), { kind: 'throttled', retryAfter: 30, scheme: 'Basic', dimension: 'account' })
  t.same(basic.asked, ['ok'], 'law 9: a throttled attempt never reaches the verifier')
  t.same(calls, [['Basic', 'ok'], ['Basic', 'locked']])
})

t.test('throttling: the guard sees a verdict also where the scheme broke, and one that breaks itself lets nobody in', async (t) => {
  const seen: unknown[] = []
  const guard: Guard = async (_request, _scheme, _account, verify) => {
    const verdict = await verify()
    seen.push(verdict.kind)
    return verdict
  }
  for (const verify of [() => { throw new Error('down') }, () => ({ kind: 'user', user: undefined })]) {
    const app = await gate(t, [scheme({ guessable: true, verify })], { guard })
    t.equal((await app.inject({ url: '/', headers: bearerLine('x') })).statusCode, 503)
  }
  t.same(seen, ['unavailable', 'unavailable'])
  const broken = await gate(t, [scheme({ guessable: true })], { guard: async () => { throw new Error('store') } })
  t.match((await broken.inject({ url: '/', headers: bearerLine('ok') })).json(), { kind: 'unavailable', reason: 'the guard in front of Bearer failed', cause: 'Error: store' })
})
