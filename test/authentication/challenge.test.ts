import assert from 'node:assert'
import t from 'tap'
import fc from 'fast-check'
import { formatChallenge, orderChallenges } from '../../lib/authentication/challenge.ts'
import { parseChallenges } from '../../lib/authentication/challenge-parser.ts'
import { oauthChallenge } from '../../lib/authentication/oauth-challenge.ts'
import type { AnyScheme, Challenge } from '../../lib/authentication/scheme.ts'

const TOKEN_CHARACTERS = [..."!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"]
const tokenText = fc.string({ unit: fc.constantFrom(...TOKEN_CHARACTERS), minLength: 1, maxLength: 12 })
const printable = fc.string({ unit: 'grapheme-ascii', maxLength: 30 })

const legalChallenge: fc.Arbitrary<Challenge> = fc.record({
  scheme: tokenText,
  params: fc.uniqueArray(
    fc.tuple(tokenText, fc.oneof(printable, tokenText.map((token) => ({ token })))).filter(([name, value]) => name.toLowerCase() !== 'realm' || typeof value === 'string'),
    { selector: ([name]) => name.toLowerCase(), maxLength: 6 }
  ),
}, { noNullPrototype: true })

const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom('\r', '\n', '"', '\\', 'ü', 'a', ',', '=', '\0', '😀') }))
const anyChallenge: fc.Arbitrary<Challenge> = fc.record({
  scheme: tokenText,
  params: fc.array(fc.tuple(fc.oneof(tokenText, anyText, fc.constant('Realm'), fc.constant('realm')), fc.oneof(anyText, anyText.map((token) => ({ token }))))),
})

function scheme (name: string, family: AnyScheme['family']): AnyScheme {
  return {
    name,
    family,
    guessable: false,
    oauth: false,
    varyOn: [],
    find: () => ({ kind: 'nothing' }),
    verify: () => ({ kind: 'invalid', reason: '' }),
    challenge: () => ({ scheme: name, params: [] }),
  }
}

t.test('authn H5: quotes and backslashes in a value are escaped, control characters and everything outside ASCII are dropped', async (t) => {
  t.equal(formatChallenge({ scheme: 'Basic', params: [['realm', 'say "hi" \\o/']] }), 'Basic realm="say \\"hi\\" \\\\o/"')
  t.equal(formatChallenge({ scheme: 'Basic', params: [['realm', 'a\r\nSet-Cookie: b=1\tüß\x7f😀']] }), 'Basic realm="aSet-Cookie: b=1"')
})

t.test('authn H4: each parameter stands once, whatever its case, the first one counts, and the realm is always quoted', async (t) => {
  t.equal(formatChallenge({ scheme: 'Bearer', params: [['realm', 'one'], ['Realm', 'two'], ['scope', 'x']] }), 'Bearer realm="one", scope="x"')
  t.equal(formatChallenge({ scheme: 'Digest', params: [['REALM', { token: 'one' }]] }), 'Digest REALM="one"')
})

t.test('a token value is bare; one that is no token is quoted; a parameter whose name is no token is left out', async (t) => {
  t.equal(
    formatChallenge({ scheme: 'Digest', params: [['algorithm', { token: 'SHA-256' }], ['stale', { token: 'tr ue' }], ['a b', 'x'], ['', 'y']] }),
    'Digest algorithm=SHA-256, stale="tr ue"'
  )
  t.equal(formatChallenge({ scheme: 'Negotiate', params: [] }), 'Negotiate')
})

t.test('a scheme whose name is not a token cannot be formatted', async (t) => {
  for (const name of ['', 'Bea rer', 'Bearer\r\n', 'Bearer,']) {
    t.throws(() => formatChallenge({ scheme: name, params: [] }), { name: 'TypeError', message: /must be a token/ }, JSON.stringify(name))
  }
})

t.test('a legal challenge survives formatting and parsing unchanged', async (t) => {
  fc.assert(fc.property(fc.array(legalChallenge, { minLength: 1, maxLength: 4 }), (challenges) => {
    assert.deepStrictEqual(parseChallenges(challenges.map(formatChallenge).join(', ')), challenges)
  }), { numRuns: 500 })
  t.pass()
})

t.test('whatever the parameters hold, the result is one well-formed challenge of printable ASCII', async (t) => {
  fc.assert(fc.property(anyChallenge, (challenge) => {
    const line = formatChallenge(challenge)
    return /^[ -~]+$/.test(line) && parseChallenges(line)?.length === 1
  }), { numRuns: 1000 })
  t.pass()
})

t.test('token schemes are challenged first, the others follow as configured, and each name stands once', async (t) => {
  const basic = scheme('Basic', 'password')
  const bearer = scheme('Bearer', 'token')
  const otherBearer = scheme('bearer', 'token')
  const key = scheme('ApiKey', 'other')
  const dpop = scheme('DPoP', 'token')
  t.same(orderChallenges([basic, key, bearer, dpop, basic, otherBearer]).map(({ name }) => name), ['Bearer', 'DPoP', 'Basic', 'ApiKey'])
  t.equal(orderChallenges([bearer, otherBearer], otherBearer)[0], otherBearer, 'the one that was tried carries the error, so it is the one that is sent')
  t.equal(orderChallenges([otherBearer, bearer], otherBearer)[0], otherBearer)
  t.same(orderChallenges([basic], bearer), [basic], 'one that is not on the route is not challenged with')
})

t.test('a header that somebody else has written is read as RFC 9110 writes it', async (t) => {
  const basic = { scheme: 'Basic', params: [['realm', 'simple']] }
  t.same(parseChallenges('Basic realm="simple"'), [basic])
  t.same(parseChallenges(' \tBasic realm="simple" '), [basic])
  t.same(parseChallenges('Basic realm = "simple"'), [basic], 'bad whitespace around =')
  t.same(
    parseChallenges('Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple"'),
    [{ scheme: 'Newauth', params: [['realm', 'apps'], ['type', { token: '1' }], ['title', 'Login to "apps"']] }, basic],
    'the example of RFC 9110 section 11.6.1'
  )
  t.same(parseChallenges('Negotiate'), [{ scheme: 'Negotiate', params: [] }])
  t.same(parseChallenges('Negotiate , Basic realm="simple"'), [{ scheme: 'Negotiate', params: [] }, basic])
  t.same(parseChallenges('Negotiate abc==, Basic realm="simple"'), [{ scheme: 'Negotiate', token68: 'abc==', params: [] }, basic])
  t.same(parseChallenges('NTLM abc='), [{ scheme: 'NTLM', token68: 'abc=', params: [] }], 'token68 that ends in one =')
  t.same(parseChallenges('NTLM realm='), [{ scheme: 'NTLM', token68: 'realm=', params: [] }], 'by the grammar this is token68 too')
  t.same(parseChallenges('X a=b'), [{ scheme: 'X', params: [['a', { token: 'b' }]] }], 'a parameter, not token68')
})

t.test('authn H4: a header that no sender may write is malformed', async (t) => {
  const malformed = [
    '', ' ', ',', 'Basic realm="a",', ', Basic realm="a"', 'Basic realm="a",,Bearer realm="b"', 'Basic realm=a', 'Basic realm="a', 'Basic realm="a\\',
    'Basic realm="a", realm="b"', 'Basic realm="a", REALM="b"', 'Basic realm="a" charset="UTF-8"', 'realm="a"', 'Basic, realm="a"', 'Negotiate abc==, realm="a"',
    'Basic "a"', 'Basic =a', 'Basic a b', 'Basic\trealm="a"', 'Ba sic realm="a"', 'Bäsic realm="a"', 'Basic realm="a\x01"', 'Basic realm="ŵ"', 'Basic ä="a"', '"', 'Basic a="b"c',
  ]
  for (const value of malformed) t.equal(parseChallenges(value), null, JSON.stringify(value))
})

t.test('reading a header never throws and takes no time that grows faster than the header', async (t) => {
  fc.assert(fc.property(fc.oneof(anyText, fc.string({ unit: fc.constantFrom('a', ' ', '=', ',', '"', '\\', '\t') })), (value) => {
    const challenges = parseChallenges(value)
    return challenges === null || challenges.length > 0
  }), { numRuns: 1000 })
  for (const piece of ['a', 'a=', '=', ' ', ', ', 'a, ', 'Basic a="\\"', 'a=b,', '\t=']) {
    const before = process.cpuUsage()
    parseChallenges(`X ${piece.repeat(20_000)}\0`)
    t.ok(process.cpuUsage(before).user < 1_000_000, JSON.stringify(piece)) // whatever else the machine has to do
  }
})

t.test('authn B1: where nothing was sent, the challenge has a realm and no error; authn B2: it always has a parameter', async (t) => {
  t.equal(formatChallenge(oauthChallenge('Bearer', { realm: 'newsroom' }, { kind: 'nothing_sent' })), 'Bearer realm="newsroom"')
  t.equal(formatChallenge(oauthChallenge('Bearer', { realm: '' }, { kind: 'nothing_sent' })), 'Bearer realm=""')
})

t.test('authn B3: an error carries its code, a fixed description, the scope and what the code needs besides', async (t) => {
  t.equal(
    formatChallenge(oauthChallenge('Bearer', { realm: 'newsroom' }, { kind: 'error', error: 'invalid_token' })),
    'Bearer realm="newsroom", error="invalid_token", error_description="The access token is malformed, expired, revoked or not meant for this service"'
  )
  t.equal(
    formatChallenge(oauthChallenge('Bearer', { realm: 'n' }, { kind: 'error', error: 'insufficient_scope', description: 'Ask for more', scope: 'a:read b:read' })),
    'Bearer realm="n", error="insufficient_scope", error_description="Ask for more", scope="a:read b:read"'
  )
  t.equal(
    formatChallenge(oauthChallenge('DPoP', { realm: 'n' }, { kind: 'error', error: 'insufficient_user_authentication', extra: { acr_values: 'gold silver', max_age: '300' } })),
    'DPoP realm="n", error="insufficient_user_authentication", error_description="This request needs a more recent or a stronger sign-in", acr_values="gold silver", max_age="300"'
  )
  t.equal(formatChallenge(oauthChallenge('Bearer', { realm: 'n' }, { kind: 'error', error: 'toString' })), 'Bearer realm="n", error="toString"', 'an unknown code has no description')
})

t.test('authn R4: the metadata of the resource are named first, also where nothing was sent', async (t) => {
  const context = { realm: 'n', resourceMetadata: 'https://api.example/.well-known/oauth-protected-resource' }
  const named = 'Bearer realm="n", resource_metadata="https://api.example/.well-known/oauth-protected-resource"'
  t.equal(formatChallenge(oauthChallenge('Bearer', context, { kind: 'nothing_sent' })), named)
  t.match(formatChallenge(oauthChallenge('Bearer', context, { kind: 'error', error: 'invalid_token' })), `${named}, error="invalid_token"`)
})

t.test('authn P11: a proof that lacks, and one that has no chance, say so in fixed words', async (t) => {
  for (const [error, text] of [['use_dpop_nonce', 'The DPoP proof must carry the nonce that this answer brings'], ['invalid_dpop_proof', 'The DPoP proof is missing, malformed, expired, used before or not made for this request']] as const) {
    t.equal(formatChallenge(oauthChallenge('DPoP', { realm: 'n' }, { kind: 'error', error })), `DPoP realm="n", error="${error}", error_description="${text}"`)
  }
})

t.test('authn B4: what RFC 6750 does not let through is replaced by a constant or left out', async (t) => {
  t.equal(
    formatChallenge(oauthChallenge('Bearer', { realm: 'n' }, { kind: 'error', error: 'in"valid', description: 'a\\b', scope: 'a  b' })),
    'Bearer realm="n", error="invalid_token", error_description="The access token is malformed, expired, revoked or not meant for this service"'
  )
})

t.test('authn B5: realm, scope, error and error_description stand once, also when the application adds them again', async (t) => {
  const line = formatChallenge(oauthChallenge('Bearer', { realm: 'n' }, {
    kind: 'error', error: 'insufficient_scope', scope: 'a', extra: { Error: 'x', SCOPE: 'y', realm: 'z', error_description: 'w', error_uri: 'https://example.org' },
  }))
  t.equal(line, 'Bearer realm="n", error="insufficient_scope", error_description="The access token lacks a scope that this request needs", scope="a", error_uri="https://example.org"')
})
