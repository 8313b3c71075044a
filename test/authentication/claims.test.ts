import t from 'tap'
import fc from 'fast-check'
import { authInfoOf, checkClaims, MAX_SUBJECT_LENGTH, userOf, type Claims } from '../../lib/authentication/claims.ts'

const good = { iss: 'issuer', sub: 'ada', exp: 2_000_000_000 }

function claims (more: Record<string, unknown> = {}): Claims {
  const checked = checkClaims({ ...good, ...more }, ['issuer'])
  if (checked.kind === 'invalid') throw new Error(checked.reason)
  return checked.claims
}

function refused (payload: unknown): string | null {
  const checked = checkClaims(payload, ['issuer', 'other'])
  return checked.kind === 'invalid' ? checked.reason : null
}

t.test('claims are a plain object', async (t) => {
  for (const payload of [null, undefined, 'text', 7, [], [good]]) t.equal(refused(payload), 'the claims are not an object')
})

t.test('the issuer is one text of the list', async (t) => {
  t.equal(refused({ ...good, iss: 'other' }), null)
  for (const iss of [undefined, null, '', 'Issuer', 'issuer ', ['issuer'], 1]) t.equal(refused({ ...good, iss }), 'the issuer is not accepted')
})

t.test('authn K7: a date is a whole number of seconds that a Date can hold', async (t) => {
  for (const date of [null, 'x', '2000000000', Number.NaN, Number.POSITIVE_INFINITY, 1e30, -1, -1e30, 1.5, 8.64e12 + 1, [], {}, true]) {
    t.equal(refused({ ...good, exp: date }), 'exp is not a date', `exp ${String(date)}`)
    t.equal(refused({ ...good, nbf: date }), 'nbf is not a date', `nbf ${String(date)}`)
    t.equal(refused({ ...good, iat: date }), 'iat is not a date', `iat ${String(date)}`)
  }
  t.equal(refused({ ...good, exp: undefined }), 'exp is not a date')
  t.equal(refused({ ...good, exp: 8.64e12, nbf: 0, iat: 0 }), null)
})

t.test('authn K3: a subject is a text of 1 to 1024 characters', async (t) => {
  for (const sub of [undefined, null, '', 7, ['ada'], { id: 'ada' }]) t.equal(refused({ ...good, sub }), 'sub is missing or not a text')
  t.equal(refused({ ...good, sub: 'x'.repeat(MAX_SUBJECT_LENGTH) }), null)
  t.equal(refused({ ...good, sub: 'x'.repeat(MAX_SUBJECT_LENGTH + 1) }), 'sub is longer than 1024 characters')
})

t.test('the user is the claims that are not about the token, and its id is the subject, whatever claim "id" says', async (t) => {
  t.strictSame(userOf(claims({ aud: 'a', nbf: 1, iat: 1, jti: 'x', cnf: { jkt: 'x' }, id: 'root', roles: ['editor'] })), { id: 'ada', sub: 'ada', roles: ['editor'] })
})

t.test('authn J4: a client that acts for itself and a person never have the same id', async (t) => {
  t.equal(userOf(claims({ sub: 'ada', client_id: 'web' })).id, 'ada')
  t.equal(userOf(claims({ sub: 'web', client_id: 'web' })).id, 'client:web')
  t.equal(userOf(claims({ sub: 'client:web', client_id: 'client:web' })).id, 'client:client:web')
  for (const client of [undefined, null, 'web', ['client:web'], 'client:']) {
    t.equal(refused({ ...good, sub: 'client:web', client_id: client }), 'sub begins with client: and is not the client_id', String(client))
  }
  const name = fc.constantFrom('client:', 'client', ':', 'web', 'client:web', 'CLIENT:')
  fc.assert(fc.property(name, name, name, (person, client, other) => {
    const [one, two] = [checkClaims({ ...good, sub: person, client_id: other }, ['issuer']), checkClaims({ ...good, sub: client, client_id: client }, ['issuer'])]
    return one.kind !== 'claims' || two.kind !== 'claims' || person === other || userOf(one.claims).id !== userOf(two.claims).id
  }))
})

t.test('a claim __proto__ is dropped', async (t) => {
  const payload = JSON.parse(`{"__proto__":{"admin":true},${JSON.stringify(good).slice(1)}`)
  const checked = checkClaims(payload, ['issuer'])
  if (checked.kind === 'invalid') throw new Error(checked.reason)
  t.strictSame(Object.keys(checked.claims), ['iss', 'sub', 'exp'])
  const user = userOf(checked.claims)
  t.equal(user['admin'], undefined)
  t.equal(Object.getPrototypeOf(user), Object.prototype)
})

t.test('scopes come from scope, else scp, as a text or as a list', async (t) => {
  const scopes = (more: Record<string, unknown>) => authInfoOf(claims(more)).scopes
  t.strictSame(scopes({}), [])
  t.strictSame(scopes({ scope: 'a:read  b:read ' }), ['a:read', 'b:read'])
  t.strictSame(scopes({ scp: 'a b' }), ['a', 'b'])
  t.strictSame(scopes({ scp: ['a', '', 7, null, 'b'] }), ['a', 'b'])
  t.strictSame(scopes({ scope: 'a', scp: 'b' }), ['a'])
  for (const scope of [7, true, { a: true }]) t.strictSame(scopes({ scope }), [])
})

t.test('the sign-in is known only as far as the token says it in the right form', async (t) => {
  t.strictSame(authInfoOf(claims({ auth_time: 1_700_000_000, acr: 'gold' })), { scopes: [], authTime: 1_700_000_000, acr: 'gold', expiresAt: 2_000_000_000 })
  for (const wrong of [undefined, null, {}, ['x'], -1.5]) {
    t.strictSame(authInfoOf(claims({ auth_time: wrong, acr: wrong })), { scopes: [], authTime: null, acr: null, expiresAt: 2_000_000_000 })
  }
})
