import { randomBytes } from 'node:crypto'
import t from 'tap'
import fc from 'fast-check'
import { rollingNonces } from '../../lib/authentication/rolling-nonce.ts'

const SECRET = Buffer.from('the secret that makes the nonces')
const LIFETIME = 300_000

t.test('authn P12: a nonce is current for its lifetime, and for as long again the previous one', async (t) => {
  const at = rollingNonces(SECRET, LIFETIME)
  const start = 6_000_000 * LIFETIME
  const { current, previous } = at(start)
  t.not(current, previous)
  t.strictSame(at(start + LIFETIME - 1), { current, previous })
  const next = at(start + LIFETIME)
  t.equal(next.previous, current)
  t.notOk([current, previous].includes(next.current))
  const last = at(start + 2 * LIFETIME)
  t.equal(last.previous, next.current)
  t.notOk(Object.values(last).includes(current))
  t.strictSame(at(start), { current, previous }, 'also when a clock goes back')
})

t.test('authn P12: every process with the secret knows the same nonces, and nobody else', async (t) => {
  const time = 1_800_000_000_000
  t.strictSame(rollingNonces(Buffer.from(SECRET), LIFETIME)(time), rollingNonces(SECRET, LIFETIME)(time + 1))
  const all = [rollingNonces(SECRET, LIFETIME), rollingNonces(randomBytes(32), LIFETIME), rollingNonces(SECRET, LIFETIME / 2)].flatMap((at) => Object.values(at(time)))
  t.equal(new Set(all).size, all.length)
})

t.test('authn P12: a nonce is NQCHAR throughout, at any time', async () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 32 }), fc.integer({ min: 1000, max: 86_400_000 }), fc.maxSafeNat(), (secret, lifetime, time) => {
    const { current, previous } = rollingNonces(secret, lifetime)(time)
    return [current, previous].every((nonce) => /^[\x21\x23-\x5b\x5d-\x7e]{24}$/.test(nonce)) && current !== previous
  }))
})

t.test('a clock that says nothing makes a nonce that no clock makes', async (t) => {
  const at = rollingNonces(SECRET, LIFETIME)
  t.strictSame(at(Number.NaN), at(Number.NaN))
  t.not(at(Number.NaN).current, at(0).current)
})
