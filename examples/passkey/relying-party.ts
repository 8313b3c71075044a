/** The relying party (WebAuthn section 7): it makes the challenges of both ceremonies, and verifies what authenticators answer. */
import { randomBytes } from 'node:crypto'
import {
  generateRegistrationOptions, verifyAuthenticationResponse, verifyRegistrationResponse,
  type AuthenticationResponseJSON, type PublicKeyCredentialCreationOptionsJSON, type RegistrationResponseJSON, type WebAuthnCredential,
} from '@simplewebauthn/server'
import type { Verdict } from 'fastify-gatehouse/schemes'
import { challengeMaker, type Challenges } from './challenges.ts'

/** `id` is the user handle: random, and all that the authenticator says of whose passkey it is. */
export interface User {
  readonly id: string
  readonly name: string
}

export interface Account extends User {
  readonly passkey: WebAuthnCredential
}

export interface RelyingParty {
  /** The domain that the passkeys are for. */
  readonly id: () => string
  /** For signing in. */
  readonly challenge: () => string
  /** `assertion`: JSON as the browser makes it, in base64url. */
  readonly verify: (assertion: string) => Promise<Verdict<User>>
  readonly creationOptions: (name: string) => Promise<PublicKeyCredentialCreationOptionsJSON>
  /** Opens the account. `null`, or for the log why it did not. */
  readonly register: (user: User, response: RegistrationResponseJSON) => Promise<string | null>
}

interface Settings {
  /** Where the pages are, as browsers say it. From configuration and never from the `Host` header: it is what keeps out phishing. */
  readonly origin: () => string
  readonly accounts: Map<string, Account>
  /** Default: of this process alone. */
  readonly challenges?: Challenges
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

interface Expected {
  readonly expectedChallenge: (challenge: string) => boolean
  readonly expectedOrigin: string
  readonly expectedRPID: string
}

type Checked<I> = { readonly kind: 'right', readonly info: I } | { readonly kind: 'wrong', readonly reason: string }

const SIGN_IN = ['sign-in']

export function relyingParty ({ origin, accounts, now = Date.now, challenges = challengeMaker({ now }) }: Settings): RelyingParty {
  const rpId = () => new URL(origin()).hostname
  const aboutAccount = (user: User) => ['register', user.id, user.name]

  return {
    id: rpId,

    challenge: () => challenges.issue(SIGN_IN),

    async verify (text) {
      const assertion = parse(text)
      const account = accounts.get(assertion?.response?.userHandle ?? '')
      if (assertion === null || account === undefined || account.passkey.id !== assertion.id) return { kind: 'invalid', reason: 'nobody has this passkey' }
      const checked = await ceremony(SIGN_IN, async (expected) => {
        const { verified, authenticationInfo } = await verifyAuthenticationResponse({ response: assertion, credential: account.passkey, ...expected })
        return verified ? authenticationInfo : null
      })
      if (checked.kind === 'wrong') return { kind: 'invalid', reason: checked.reason }
      account.passkey.counter = checked.info.newCounter
      return { kind: 'user', user: { id: account.id, name: account.name }, auth: { authTime: Math.floor(now() / 1000) } }
    },

    creationOptions (name) {
      const handle = randomBytes(16)
      const user = { id: handle.toString('base64url'), name }
      return generateRegistrationOptions({
        rpName: 'Passkeys',
        rpID: rpId(),
        userID: Uint8Array.from(handle),
        userName: name,
        userDisplayName: name,
        challenge: Uint8Array.from(Buffer.from(challenges.issue(aboutAccount(user)), 'base64url')),
        // the passkey itself says who signs in, so nobody is asked for a name
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      })
    },

    async register ({ id, name }, response) {
      const checked = await ceremony(aboutAccount({ id, name }), async (expected) => {
        const { registrationInfo } = await verifyRegistrationResponse({ response, ...expected })
        return registrationInfo ?? null
      })
      if (checked.kind === 'wrong') return checked.reason
      const { credential } = checked.info
      if ([...accounts.values()].some(({ passkey }) => passkey.id === credential.id)) return 'another account has this passkey'
      accounts.set(id, { id, name, passkey: credential })
      return null
    },
  }

  /** What both have in common. Only an answer that is right uses up its challenge. */
  async function ceremony<I> (about: readonly string[], verify: (expected: Expected) => Promise<I | null>): Promise<Checked<I>> {
    let answered = ''
    const expectedChallenge = (challenge: string) => {
      answered = challenge
      return challenges.isFresh(challenge, about)
    }
    const info = await verify({ expectedChallenge, expectedOrigin: origin(), expectedRPID: rpId() }).catch((error: Error) => error)
    if (info instanceof Error) return { kind: 'wrong', reason: info.message }
    if (info === null) return { kind: 'wrong', reason: 'the signature does not verify' }
    if (!await challenges.use(answered)) return { kind: 'wrong', reason: 'the challenge was answered before' }
    return { kind: 'right', info }
  }
}

function parse (text: string): AuthenticationResponseJSON | null {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString()) as AuthenticationResponseJSON | null
  } catch {
    return null
  }
}
