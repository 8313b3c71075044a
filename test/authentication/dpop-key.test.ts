import t from 'tap'
import fc from 'fast-check'
import { calculateJwkThumbprint, type JWK } from 'jose'
import { PROOF_ALGORITHMS, readProofKey, thumbprintOf, type ProofKey } from '../../lib/authentication/dpop-key.ts'
import { clientKey } from './dpop-client.ts'

function keyOf (algorithm: string, jwk: unknown): ProofKey {
  const read = readProofKey(algorithm, jwk)
  if (read.kind === 'invalid') throw new Error(read.reason)
  return read.key
}

function modulus (bits: number): string {
  const bytes = Buffer.alloc(Math.ceil(bits / 8), 0xff)
  bytes[0] = 0xff >> (bytes.length * 8 - bits)
  return bytes.toString('base64url')
}

t.test('authn P8: the thumbprints of RFC 7638 section 3.1 and of RFC 8037 appendix A.3', async (t) => {
  const n = '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6' +
    'qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw'
  t.equal(thumbprintOf(keyOf('RS256', { kty: 'RSA', n, e: 'AQAB', alg: 'RS256', kid: '2011-04-29' })), 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs')
  t.equal(thumbprintOf(keyOf('EdDSA', { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' })), 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
})

t.test('authn P8: the thumbprint is the one that jose makes, for a key of each kind', async (t) => {
  for (const algorithm of ['ES256', 'ES384', 'ES512', 'Ed25519', 'RS256']) {
    const { jwk, thumbprint } = clientKey(algorithm)
    t.equal(thumbprintOf(keyOf(algorithm, { ...jwk, kid: 'x', use: 'sig' })), await calculateJwkThumbprint(jwk as JWK), algorithm)
    t.equal(thumbprintOf(keyOf(algorithm, jwk)), thumbprint, algorithm)
  }
})

t.test('authn P2: an RSA key has 2048 to 4096 bits and the usual exponent, so that nobody can choose what a signature costs', async (t) => {
  const kinds = (bits: number, e: unknown = 'AQAB') => readProofKey('RS256', { kty: 'RSA', n: modulus(bits), e }).kind
  t.strictSame([2048, 2049, 3072, 4095, 4096].map((bits) => kinds(bits)), ['key', 'key', 'key', 'key', 'key'])
  t.strictSame([512, 1024, 2040, 2047, 4097, 4104, 8192].map((bits) => kinds(bits)), ['invalid', 'invalid', 'invalid', 'invalid', 'invalid', 'invalid', 'invalid'])
  t.strictSame([modulus(1024), 'Aw', '', null, 65_537].map((e) => kinds(2048, e)), ['invalid', 'invalid', 'invalid', 'invalid', 'invalid'])
})

t.test('authn P2: whatever a key is, it is read or refused, and what is read are its public members', async () => {
  const { jwk } = clientKey()
  const members = fc.dictionary(fc.constantFrom('kty', 'crv', 'x', 'y', 'n', 'e', 'd', 'k', '__proto__'), fc.oneof(fc.jsonValue(), fc.constantFrom(...Object.values(jwk), 'RSA', 'OKP', 'AQAB', modulus(2048))))
  fc.assert(fc.property(fc.constantFrom(...PROOF_ALGORITHMS), fc.oneof(fc.anything(), members, members.map((some) => ({ ...jwk, ...some }))), (algorithm, given) => {
    const read = readProofKey(algorithm, given)
    if (read.kind === 'invalid') return read.reason !== ''
    return !Object.keys(read.key).some((name) => ['d', 'k'].includes(name)) && Object.entries(read.key).every(([name, value]) => (given as Record<string, unknown>)[name] === value)
  }), { numRuns: 2000 })
})
