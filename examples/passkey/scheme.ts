/** The scheme: an assertion in `Authorization: Passkey`, and a 401 that carries the challenge of WebAuthn. */
import type { Scheme } from 'fastify-gatehouse/schemes'
import type { RelyingParty, User } from './relying-party.ts'

export function passkey (party: RelyingParty): Scheme<User, string> {
  return {
    name: 'Passkey',
    family: 'other',
    guessable: false,
    oauth: false,
    varyOn: ['Authorization'],
    find (_request, fields) {
      const sent = fields.find(({ scheme }) => scheme === 'passkey')
      return sent === undefined ? { kind: 'nothing' } : { kind: 'credentials', place: 'authorization', credentials: sent.rest }
    },
    verify: (assertion) => party.verify(assertion),
    challenge: (_reason, { realm }) => ({ scheme: 'Passkey', params: [['realm', realm], ['challenge', party.challenge()], ['rp-id', party.id()]] }),
  }
}
