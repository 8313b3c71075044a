import { createHmac, generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import fc from 'fast-check'
import { forgeries } from '../../lib/authentication/tokens/forgeries.ts'
import { createTokenVerifier } from '../../lib/authentication/tokens/token-verifier.ts'
import type { VerifiedToken } from '../../lib/authentication/tokens/verified-token.ts'
import { bearer } from '../../lib/authentication/schemes/index.ts'
import { gate } from './gate.ts'
import { AUDIENCE, goodClaims, ISSUER, now, SECRET, signingInput, token, tokenWith } from './tokens.ts'

const SECRETS = { key: Buffer.from(SECRET.repeat(2)), algorithms: ['HS256', 'HS384', 'HS512'] }
const ACCEPTED = { ...SECRETS, issuers: [ISSUER], audiences: [AUDIENCE], clockTolerance: 5 }
const OTHER_SECRET = 'a secret that nobody here has ever used'

function hmac (payload: unknown, { secret = SECRETS.key as Buffer | string, alg = 'HS256', ...header }: { secret?: Buffer | string, alg?: string } & Record<string, unknown> = {}): string {
  const input = signingInput({ alg, ...header }, payload)
  return `${input}.${createHmac(`sha${alg.slice(2)}`, secret).update(input).digest('base64url')}`
}

const right = (sub: string, header: Record<string, unknown> = {}) => hmac({ sub }, header)
const forged = (sub: string, header: Record<string, unknown> = {}) => hmac({ sub }, { ...header, secret: OTHER_SECRET })

t.test('nobody looks before a forged token came', async (t) => {
  t.notOk(forgeries(SECRETS).catches(forged('ada')))
})

for (const alg of SECRETS.algorithms) {
  t.test(`${alg}: after a forged token the next ones are caught, and right ones are not`, async (t) => {
    const suspects = forgeries(SECRETS)
    suspects.saw(forged('ada', { alg }))
    for (let i = 0; i < 20; i++) {
      t.ok(suspects.catches(forged(`forged ${i}`, { alg })))
      t.notOk(suspects.catches(right(`right ${i}`, { alg })))
    }
  })
}

t.test('a signature that is cut, longer, or encoded in another way is not taken for another one', async (t) => {
  const suspects = forgeries(SECRETS)
  suspects.saw(forged('ada'))
  const good = right('ada')
  t.ok(suspects.catches(good.slice(0, -1)))
  t.ok(suspects.catches(`${good}AA`))
  // 43 characters have two bits more than 32 bytes need; the verifier, too, does not ask for them
  const last = good.at(-1) as string
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  t.notOk(suspects.catches(good.slice(0, -1) + alphabet[alphabet.indexOf(last) ^ 1]))
})

t.test('four right ones end the suspicion, and a forged one among them begins it anew', async (t) => {
  const suspects = forgeries(SECRETS)
  suspects.saw(forged('ada'))
  for (let i = 0; i < 3; i++) t.notOk(suspects.catches(right(`right ${i}`)))
  t.ok(suspects.catches(forged('bea')))
  for (let i = 0; i < 4; i++) t.notOk(suspects.catches(right(`right ${i}`)))
  t.notOk(suspects.catches(forged('bea')), 'nobody looks any more')
})

t.test('a token with another header is left to the verifier, which may have something else to say of it', async (t) => {
  const suspects = forgeries(SECRETS)
  suspects.saw(forged('ada', { kid: '1' }))
  t.notOk(suspects.catches(forged('ada', { kid: '2' })))
  t.notOk(suspects.catches(forged('ada', { kid: '12' })))
  const plain = forged('ada')
  suspects.saw(plain)
  t.notOk(suspects.catches(plain.replace('.', 'ICAg.')), 'what begins with a header is another one')
  suspects.saw(forged('ada', { kid: '1' }))
  t.ok(suspects.catches(forged('ada', { kid: '1' })))
  suspects.saw(forged('ada', { kid: '2' }))
  t.ok(suspects.catches(forged('ada', { kid: '2' })), 'the latest is the one that is remembered')
  t.notOk(suspects.catches(forged('ada', { kid: '1' })))
})

t.test('a header that is too long to remember is not remembered, and changes nothing', async (t) => {
  const suspects = forgeries(SECRETS)
  suspects.saw(forged('ada'))
  suspects.saw(forged('ada', { kid: 'k'.repeat(8000) }))
  t.notOk(suspects.catches(forged('ada', { kid: 'k'.repeat(8000) })))
  t.ok(suspects.catches(forged('ada')))
})

t.test('an algorithm that is none of a secret is never taken from a token', async (t) => {
  for (const alg of ['none', 'HS1', 'RS256', 'md5', 7, undefined]) {
    const suspects = forgeries(SECRETS)
    const odd = `${signingInput({ alg }, { sub: 'ada' })}.AAAA`
    suspects.saw(odd)
    t.notOk(suspects.catches(odd), String(alg))
  }
})

t.test('with a public key it stands aside', async (t) => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const suspects = forgeries({ key: Buffer.from(publicKey.export({ type: 'spki', format: 'pem' })), algorithms: ['ES256'] })
  const odd = `${tokenWith(privateKey, 'ES256', { sub: 'ada' }).slice(0, -4)}AAAA`
  suspects.saw(odd)
  t.notOk(suspects.catches(odd))
  // Whoever has the public key could sign with it as a secret.
  suspects.saw(forged('ada'))
  t.notOk(suspects.catches(forged('ada')))
})

t.test('after a forged token nothing is read of one with that header that nobody signed, and after other tokens it is', async (t) => {
  const unreadable = hmac('not JSON', { secret: OTHER_SECRET })
  for (const [before, reason] of [
    [hmac(goodClaims(), { secret: OTHER_SECRET }), 'the signature is wrong'],
    [hmac(goodClaims()), 'the token cannot be decoded'],
    [hmac({ ...goodClaims(), exp: now() - 60 }), 'the token cannot be decoded'],
  ] as const) {
    const verify = await createTokenVerifier(ACCEPTED)
    await verify(before)
    t.match(await verify(unreadable), { kind: 'invalid', reason })
  }
})

// One verifier sees tokens as they come. The other sees before each a forged one with another header, so that it never looks at a signature first.
t.test('whatever tokens come, and in whatever order, the answers are those of a verifier that suspects nobody', async (t) => {
  const [verify, other] = await Promise.all([createTokenVerifier(ACCEPTED), createTokenVerifier(ACCEPTED)])
  const distraction = hmac(goodClaims(), { secret: OTHER_SECRET, kid: 'of nobody else' })
  const unsuspecting = (one: string) => {
    other(distraction)
    return other(one)
  }
  const claims = fc.constantFrom<unknown>(
    goodClaims(), goodClaims(), goodClaims(), goodClaims(), { ...goodClaims(), exp: now() - 60 }, { ...goodClaims(), nbf: now() + 60 }, { ...goodClaims(), iss: 'else' },
    { ...goodClaims(), aud: 'else' }, { sub: 'ada' }, {}, [], null, 'not JSON'
  )
  const header = fc.constantFrom<Record<string, unknown>>({}, {}, { typ: 'JWT' }, { kid: '1' }, { crit: ['exp'] }, { alg: 'HS384' }, { alg: 'HS512' })
  const secret = fc.constantFrom(SECRETS.key, OTHER_SECRET)
  const end = fc.constantFrom('', '', '', 'A', '-', '=', '.')
  const tokens = fc.oneof(
    { weight: 8, arbitrary: fc.record({ claims, header, secret, end }).map((one) => hmac(one.claims, { ...one.header, secret: one.secret }) + one.end) },
    { weight: 1, arbitrary: fc.constantFrom('none', 'RS256', 'HS1').map((alg) => `${signingInput({ alg }, goodClaims())}.AAAA`) },
    { weight: 1, arbitrary: fc.stringMatching(/^[\w-]{1,20}\.[\w-]{1,20}\.[\w-]{1,20}$/) },
    { weight: 1, arbitrary: fc.string() }
  )
  const seen = { right: 0, forged: 0 }
  fc.assert(fc.property(fc.array(tokens, { minLength: 1, maxLength: 12 }), (list) => {
    for (const one of list) {
      const [first, second] = [verify(one), unsuspecting(one)] as const
      if (first instanceof Promise || second instanceof Promise) throw new Error('a verifier with a secret waits for nothing')
      if (first.kind === 'claims') seen.right++
      if (first.kind === 'invalid' && first.reason === 'the signature is wrong') seen.forged++
      t.strictSame(comparable(first), comparable(second))
    }
  }), { numRuns: 1000 })
  t.ok(seen.right > 100 && seen.forged > 100, JSON.stringify(seen))
})

/** What nobody signed is not read by the one that looks first, which so does not see that there are no claims in it. */
const UNREAD = ['the signature is wrong', 'the token cannot be decoded', 'the claims are not an object']

function comparable (verdict: VerifiedToken): object {
  if (verdict.kind === 'claims') return { ...verdict, later: undefined }
  return UNREAD.includes(verdict.reason) ? { ...verdict, reason: 'one of these' } : verdict
}

t.test('each forged token gets the same answer, and the log the same reason', async (t) => {
  const app = await gate(t, [bearer({ issuer: ISSUER, audience: AUDIENCE, secret: SECRET })])
  const answers = []
  for (let i = 0; i < 3; i++) {
    const { statusCode, headers, json } = await app.inject({ url: '/', headers: { authorization: `Bearer ${token({ ...goodClaims(), sub: `user ${i}` }, {}, OTHER_SECRET)}` } })
    answers.push({ statusCode, challenge: headers['www-authenticate'], outcome: json() })
  }
  const [first, ...others] = answers
  t.match(first, { statusCode: 401, challenge: /error="invalid_token"/, outcome: { reason: 'the signature is wrong' } })
  for (const other of others) t.strictSame(other, first)
})
