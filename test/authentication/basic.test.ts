import t from 'tap'
import fc from 'fast-check'
import type { FastifyRequest } from 'fastify'
import type { Guard } from '../../lib/authentication/outcome.ts'
import { basic } from '../../lib/authentication/schemes/index.ts'
import { decodeBasic } from '../../lib/authentication/schemes/basic-credentials.ts'
import { gate, rawGet } from './gate.ts'

const encode = (text: string | Uint8Array) => Buffer.from(text).toString('base64')
const header = (text: string) => ({ authorization: `Basic ${encode(text)}` })
const verify = (username: string, password: string) => username === 'stage' && password === 'correct:horse' ? { id: 'stage', name: 'Stage' } : null

t.test('authn A1: a stranger gets Basic with the realm and the encoding', async (t) => {
  const challenge = async (scheme: ReturnType<typeof basic>) => (await (await gate(t, [scheme])).inject('/')).headers['www-authenticate']
  t.equal(await challenge(basic({ verify })), 'Basic realm="newsroom", charset="UTF-8"')
  t.equal(await challenge(basic({ verify, realm: 'Access to the "staging" site' })), 'Basic realm="Access to the \\"staging\\" site", charset="UTF-8"', "its own realm beats the plugin's")
  t.equal(await challenge(basic({ verify, charset: false })), 'Basic realm="newsroom"')
})

t.test('the right name and password give the user; the user-id ends at the first colon', async (t) => {
  const app = await gate(t, [basic({ verify })])
  const response = await app.inject({ url: '/', headers: header('stage:correct:horse') })
  t.equal(response.statusCode, 200)
  t.match(response.json(), { user: { id: 'stage', name: 'Stage' }, auth: { scheme: 'Basic', scopes: [] } })
})

t.test('a verifier that says just "true" gives a user with the name as id', async (t) => {
  const app = await gate(t, [basic({ verify: async () => true })])
  t.strictSame((await app.inject({ url: '/', headers: header('ada:x') })).json().user, { id: 'ada' })
})

t.test('authn A2: the vector of RFC 7617 section 2.1', async (t) => {
  t.strictSame(decodeBasic('dGVzdDoxMjPCow=='), { kind: 'decoded', username: 'test', password: '123£' })
})

t.test('authn A2: whatever is not strictly base64 of UTF-8 with a colon and without control characters is a 401', async (t) => {
  const asked: string[] = []
  const app = await gate(t, [basic({ verify: (username) => { asked.push(username); return true } })])
  const malformed = [
    '', 'Og', 'Og=', 'Og==x', '====', 'Oh==', 'dTpw,x', 'dTpw dTpw', 'dTp_', 'd-pw', encode('nocolon'), encode(Uint8Array.of(0xff, 0x3a, 0x61)), encode(Uint8Array.of(0x61, 0x3a, 0xc0, 0x80)),
    encode('a\0:b'), encode('a:b\n'), encode('a:\x7f'), encode(`a:${'b'.repeat(8192)}`),
  ]
  for (const credentials of malformed) {
    const response = await rawGet(app, [`Authorization: Basic ${credentials}`])
    t.equal(response.status, 401, credentials.slice(0, 40))
    t.match(response.head, /www-authenticate: Basic realm="newsroom"/i)
    t.match(JSON.parse(response.body), { kind: 'invalid', reason: /^the credentials / })
  }
  t.same(asked, [])
  t.strictSame(decodeBasic(encode('\ufeffa:b')), { kind: 'decoded', username: '\ufeffa', password: 'b' }, 'a byte order mark is a character like others')
})

t.test('authn A3: an unknown user and a wrong password get the same answer', async (t) => {
  const app = await gate(t, [basic({ verify })])
  const answers = await Promise.all(['stage:wrong', 'nobody:correct:horse', ':', 'stage:'].map(async (text) => {
    const { statusCode, headers, body } = await app.inject({ url: '/', headers: header(text) })
    return { statusCode, body, headers: { ...headers, date: '' } }
  }))
  t.equal(answers[0]?.statusCode, 401)
  for (const answer of answers) t.strictSame(answer, answers[0])
})

t.test('wrong is null, undefined or false', async (t) => {
  for (const wrong of [null, undefined, false] as const) {
    const app = await gate(t, [basic({ verify: async () => wrong })])
    t.equal((await app.inject({ url: '/', headers: header('a:b') })).statusCode, 401)
  }
})

t.test('authn A4: a verifier that throws, or returns what is no user, is a 503', async (t) => {
  const broken = [() => { throw new Error('down') }, async () => { throw new Error('down') }, () => 'ada' as never, () => 0 as never]
  for (const verify of broken) {
    const app = await gate(t, [basic({ verify })])
    t.equal((await app.inject({ url: '/', headers: header('a:b') })).statusCode, 503)
  }
})

t.test("authn A5: a page's own script is spared the password dialog, and still gets a challenge", async (t) => {
  const fromScript: ReadonlyArray<Record<string, string>> = [
    { 'sec-fetch-mode': 'cors' }, { 'sec-fetch-mode': 'same-origin' }, { 'sec-fetch-mode': 'no-cors' }, { 'x-requested-with': 'XMLHttpRequest' }, { 'sec-fetch-mode': 'navigate', 'x-requested-with': 'xmlhttprequest' },
  ]
  const byHand: ReadonlyArray<Record<string, string>> = [{}, { 'sec-fetch-mode': 'navigate' }, { 'x-requested-with': 'com.example.app' }]
  const [spares, asks] = [await gate(t, [basic({ verify })]), await gate(t, [basic({ verify, spareFetch: false })])]
  for (const headers of fromScript) {
    t.equal((await spares.inject({ url: '/', headers })).headers['www-authenticate'], 'xBasic realm="newsroom", charset="UTF-8"')
    t.equal((await asks.inject({ url: '/', headers })).headers['www-authenticate'], 'Basic realm="newsroom", charset="UTF-8"')
  }
  for (const headers of byHand) t.match((await spares.inject({ url: '/', headers })).headers['www-authenticate'], /^Basic /)
})

t.test('the scheme says of itself that it can be guessed, and whose account is tried', async (t) => {
  const scheme = basic({ verify })
  t.match(scheme, { name: 'Basic', family: 'password', guessable: true, oauth: false, varyOn: ['Authorization'] })
  t.match(scheme.find({} as FastifyRequest, [{ scheme: 'digest', rest: 'x' }, { scheme: 'basic', rest: encode('Ada:pw') }]), { kind: 'credentials', place: 'authorization', account: 'Ada' })
})

/** Charges first and takes it back after a success, five for each account. */
function fiveGuesses (): Guard & { charged: number } {
  const guard = Object.assign(async (_request: unknown, _scheme: unknown, _account: unknown, verify: Parameters<Guard>[3]) => {
    if (guard.charged >= 5) return { kind: 'throttled', retryAfter: 30, dimension: 'account' } as const
    guard.charged++
    const verdict = await verify()
    if (verdict.kind === 'user') guard.charged--
    return verdict
  }, { charged: 0 })
  return guard
}

t.test('throttling: 200 parallel requests with the same wrong password run the verifier five times', async (t) => {
  let runs = 0
  const guard = fiveGuesses()
  const app = await gate(t, [basic({ verify: async () => { runs++; await null; return false } })], { guard })
  const statuses = (await Promise.all(Array.from({ length: 200 }, () => app.inject({ url: '/', headers: header('ada:wrong') })))).map(({ statusCode }) => statusCode)
  t.equal(runs, 5)
  t.equal(statuses.filter((status) => status === 401).length, 5)
  t.equal(statuses.filter((status) => status === 429).length, 195)
})

t.test('throttling: 200 parallel requests with the same right password run the verifier once, and none is charged', async (t) => {
  let runs = 0
  let arrived = 0
  let allArrived = () => {}
  const everybody = new Promise<void>((resolve) => { allArrived = resolve })
  const guard = fiveGuesses()
  const app = await gate(t, [basic({ verify: async (username, password) => { runs++; await everybody; return verify(username, password) } })], {
    guard,
    onArrival () {
      if (++arrived === 200) queueMicrotask(() => setImmediate(allArrived))
    },
  })
  const responses = await Promise.all(Array.from({ length: 200 }, () => app.inject({ url: '/', headers: header('stage:correct:horse') })))
  t.ok(responses.every(({ statusCode }) => statusCode === 200))
  t.equal(runs, 1)
  t.equal(guard.charged, 0)
})

t.test('a verifier that gets the request shares nothing, and only one that declares it gets it', async (t) => {
  let runs = 0
  let arrived = 0
  let allArrived = () => {}
  const everybody = new Promise<void>((resolve) => { allArrived = resolve })
  const app = await gate(t, [basic({ verify: async (_username, _password, request) => { runs++; await everybody; return request.headers.host === 'right.example' } })], {
    onArrival () {
      if (++arrived === 2) queueMicrotask(() => setImmediate(allArrived))
    },
  })
  const statuses = await Promise.all(['right.example', 'wrong.example'].map(async (host) => (await app.inject({ url: '/', headers: { host, ...header('a:b') } })).statusCode))
  t.same(statuses, [200, 401])
  t.equal(runs, 2)
  const given: unknown[] = []
  const plain = await gate(t, [basic({ verify: (...args) => { given.push(...args); return true } })])
  await plain.inject({ url: '/', headers: header('a:b') })
  t.same(given, ['a', 'b'])
})

t.test('options that make no sense stop the start and name the mend', async (t) => {
  const wrong: Array<[unknown, RegExp]> = [
    [undefined, /basic\(\): the options must be an object with realm, verify/],
    [null, /must be an object/],
    [[verify], /must be an object/],
    [{}, /basic\(\) verify: undefined was given; allowed is a function/],
    [{ verify: null }, /basic\(\) verify: null was given/],
    [{ verify, relm: 'x' }, /basic\(\): there is no option 'relm'; .* Did you mean "realm"\?/],
    [{ verify, realm: '' }, /realm: '' was given; allowed is a text of printable ASCII characters/],
    [{ verify, realm: 'Büro' }, /realm: 'Büro' was given/],
    [{ verify, realm: 7 }, /realm: 7 was given/],
    [{ verify, charset: 'latin1' }, /charset: 'latin1' was given; allowed is 'UTF-8' or false/],
    [{ verify, spareFetch: 'no' }, /spareFetch: 'no' was given; allowed is true or false/],
  ]
  for (const [options, message] of wrong) t.throws(() => basic(options as never), { code: 'FST_GATEHOUSE_OPTION', message })
  t.doesNotThrow(() => basic({ verify, realm: undefined, charset: 'UTF-8', spareFetch: true }))
})

t.test('law 2: whatever follows Basic, the answer is a 401 or the right user, never a 500', async (t) => {
  const app = await gate(t, [basic({ verify: (username, password) => ({ id: username, password }) })])
  const soup = fc.string({ unit: fc.constantFrom('B', 'a', 's', '=', '/', '+', ' ', '-', ':', ',', '\xff', '\t') })
  await fc.assert(fc.asyncProperty(fc.oneof(soup, soup.map(encode), fc.uint8Array().map((bytes) => encode(bytes))), async (rest) => {
    const response = await app.inject({ url: '/', headers: { authorization: `Basic ${rest}` } })
    if (response.statusCode === 401) return decodeBasic(rest.trimStart()).kind === 'malformed'
    const { id, password } = response.json().user
    return response.statusCode === 200 && encode(`${id}:${password}`) === rest.trim()
  }), { numRuns: 150 })
  t.pass()
})
