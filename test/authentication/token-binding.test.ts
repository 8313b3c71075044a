import type { X509Certificate } from 'node:crypto'
import t from 'tap'
import fc from 'fast-check'
import { confirmationOf, reasonAgainstSender, type Binding, type Possession } from '../../lib/authentication/tokens/binding.ts'
import type { ClientCertificate } from '../../lib/authentication/client-certificate.ts'

/** The thumbprints of the examples in RFC 9449 section 6.1 and RFC 8705 section 3.1. */
const JKT = '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I'
const X5T = 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2'

const bearer: Possession = { kind: 'bearer' }
const holder: Possession = { kind: 'dpop', thumbprint: JKT }
const stranger: Possession = { kind: 'dpop', thumbprint: `${JKT.slice(1)}x` }
const none: ClientCertificate = { kind: 'none' }
const shown = (thumbprint: string): ClientCertificate => ({ kind: 'certificate', thumbprint, certificate: null, verified: true })
const selfSigned = (thumbprint: string): ClientCertificate => ({ kind: 'certificate', thumbprint, certificate: {} as X509Certificate, verified: false, reason: 'self-signed' })

function reason (cnf: unknown, possession: Possession, certificate?: ClientCertificate, more: Partial<Binding> = {}): string | undefined {
  return reasonAgainstSender({ confirmation: confirmationOf(cnf), type: undefined, shown: possession, certificate, certificateBound: false, ...more })
}

t.test('authn P10: a token that is bound to a key is no bearer token, and one that is not is of no use with a proof', async (t) => {
  t.equal(reason(undefined, bearer), undefined)
  t.equal(reason({ jkt: JKT }, bearer), 'the token is bound to a key, which a bearer does not show')
  t.equal(reason(undefined, holder), 'the token is not bound to the key of a proof')
  t.equal(reason({ 'x5t#S256': X5T }, holder, shown(X5T)), 'the token is not bound to the key of a proof')
})

t.test('authn P8: the key of the proof is the one that the token is bound to', async (t) => {
  t.equal(reason({ jkt: JKT }, holder), undefined)
  t.equal(reason({ jkt: JKT }, stranger), 'the token is bound to another key')
  for (const jkt of [`${JKT}=`, JKT.toLowerCase(), ` ${JKT}`, JKT.slice(1)]) t.equal(reason({ jkt }, holder), 'the token is bound to another key', jkt)
})

t.test('authn M1: a token that is bound to a certificate needs that one, whether or not an authority vouches for it', async (t) => {
  const cnf = { 'x5t#S256': X5T }
  t.equal(reason(cnf, bearer, shown(X5T)), undefined)
  t.equal(reason(cnf, bearer, selfSigned(X5T)), undefined, 'RFC 8705 section 2.2: a self-signed certificate binds as well')
  t.equal(reason(cnf, bearer, shown(X5T.toLowerCase())), 'the token is bound to another certificate')
  t.equal(reason(cnf, bearer, none), 'the token is bound to a certificate, and none was shown')
  t.equal(reason(cnf, bearer), 'the token is bound to a certificate, and none was shown')
  t.equal(reason(cnf, bearer, { kind: 'unreadable', reason: 'it is no PEM' }), 'the token is bound to a certificate, and the one shown cannot be read: it is no PEM')
})

t.test('authn M2: where tokens must be bound to a certificate, others are refused', async (t) => {
  const only = { certificateBound: true }
  t.equal(reason({ 'x5t#S256': X5T }, bearer, shown(X5T), only), undefined)
  t.equal(reason(undefined, bearer, shown(X5T), only), 'the token is not bound to a certificate')
  t.equal(reason({ jkt: JKT }, holder, shown(X5T), only), 'the token is not bound to a certificate')
  t.equal(reason({ jkt: JKT, 'x5t#S256': X5T }, holder, shown(X5T), only), undefined)
})

t.test('authn M4: what cannot be checked is refused, and of two bindings both must hold', async (t) => {
  for (const cnf of [null, 0, '', 'x', true, [], {}, { kid: 'x' }, { jwk: {} }, { jkt: '' }, { jkt: 7 }, { jkt: null }, { 'x5t#S256': [X5T] }, { jkt: JKT, 'x5t#S256': null }, { jkt: {}, 'x5t#S256': X5T }, { JKT }]) {
    for (const possession of [bearer, holder]) {
      t.equal(reason(cnf, possession, shown(X5T)), 'the token is bound to something that cannot be checked', JSON.stringify(cnf))
    }
  }
  t.equal(reason({ jkt: JKT, kid: 'x' }, holder), undefined, 'a member that is not known beside one that is')
  const both = { jkt: JKT, 'x5t#S256': X5T }
  t.equal(reason(both, holder, shown(X5T)), undefined)
  t.equal(reason(both, stranger, shown(X5T)), 'the token is bound to another key')
  t.equal(reason(both, holder, none), 'the token is bound to a certificate, and none was shown')
  t.equal(reason(both, bearer, shown(X5T)), 'the token is bound to a key, which a bearer does not show')
})

t.test('authn P10, I3: how the issuer says that a token is to be sent counts too', async (t) => {
  const typed = (type: unknown, possession: Possession, cnf?: unknown) => reason(cnf, possession, undefined, { type })
  for (const type of ['Bearer', 'bearer', 'BEARER', undefined]) t.equal(typed(type, bearer), undefined)
  for (const type of ['DPoP', 'dpop', 'DPOP']) {
    t.equal(typed(type, bearer), 'the token is for DPoP, not for a bearer')
    t.equal(typed(type, bearer, { jkt: JKT }), 'the token is for DPoP, not for a bearer')
    t.equal(typed(type, holder), 'the token is not bound to the key of a proof')
    t.equal(typed(type, holder, { jkt: JKT }), undefined)
  }
  t.equal(typed('Bearer', holder, { jkt: JKT }), undefined, 'a server that has one word for all its tokens')
  for (const type of [null, 7, '', 'mac', ['Bearer'], {}]) t.equal(typed(type, bearer), 'the type of the token is not known')
})

t.test('authn P10, M2, M4: whatever a token is bound to, it is of use to nobody who does not hold all of it', async (t) => {
  const member = fc.oneof(fc.constantFrom(JKT, X5T, 'x', ''), fc.jsonValue({ maxDepth: 1 }))
  const cnf = fc.oneof(fc.dictionary(fc.constantFrom('jkt', 'x5t#S256', 'kid', '__proto__'), member), fc.jsonValue({ maxDepth: 1 }), fc.constant(undefined))
  const certificate = fc.constantFrom<ClientCertificate | undefined>(undefined, none, shown(X5T), shown('x'), selfSigned(X5T), { kind: 'unreadable', reason: 'x' })
  let accepted = 0
  fc.assert(fc.property(cnf, fc.constantFrom(bearer, holder, stranger), certificate, fc.boolean(), (cnf, possession, certificate, certificateBound) => {
    if (reason(cnf, possession, certificate, { certificateBound }) !== undefined) return true
    accepted++
    const { jkt, 'x5t#S256': x5t } = (cnf ?? {}) as Record<string, unknown>
    const key = possession.kind === 'bearer' ? undefined : possession.thumbprint
    const held = certificate?.kind === 'certificate' ? certificate.thumbprint : undefined
    return jkt === key && (x5t === undefined ? !certificateBound : x5t === held) && (cnf === undefined || jkt !== undefined || x5t !== undefined)
  }), { numRuns: 3000 })
  t.ok(accepted > 50, `${accepted} were accepted`)
})
