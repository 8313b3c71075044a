/** The throttle for credentials that nobody can guess, wrong tokens and keys: they are counted by network, after they were found wrong. */
import { DEFAULT_LADDERS, ladderOf, type LadderOptions } from './ladder.ts'
import { createThrottle, type Throttle, type ThrottleOptions } from './throttle.ts'

/** The throttle in front of guessable secrets, and the one behind all others. */
export interface SignInThrottleOptions extends ThrottleOptions {
  /**
   * The ladder of a client's network for wrong tokens, keys and sessions, in seconds; default 100 free, then 1 s doubling to 1 min, remembered for 1 min.
   * They are counted once they were found wrong, and where there are too many a 429 stands in place of the 401; right ones are always let in.
   * What was good once (expired, revoked) is not counted. `false`: nothing is.
   */
  readonly credentials?: Partial<LadderOptions> | false
}

/** What is left of a throttle's name beside the suffix. */
const LONGEST_NAME = 52

/** The name of the first throttle where the application gives none. */
export const SIGN_IN = 'sign-in'

/** The name by which `throttleOf()` gives the throttle for wrong tokens and keys. */
export const CREDENTIALS = 'credentials'

/** The name of the throttle for credentials, beside the first one's. */
export function credentialsName (name: string): string {
  return `${name.slice(0, LONGEST_NAME)}-credentials`
}

/** `null`: they are not counted. @throws {OptionError} for a ladder that does not make sense */
export function credentialsThrottle (ladder: SignInThrottleOptions['credentials'] = {}, options: ThrottleOptions): Throttle | null {
  if (ladder === false) return null
  const where = 'throttle.credentials'
  ladderOf('credentials', ladder, where)
  const { name = SIGN_IN, account: _account, device: _device, ...shared } = options
  return createThrottle({ ...shared, name: credentialsName(name), address: { ...DEFAULT_LADDERS.credentials, ...ladder }, account: false }, where)
}
