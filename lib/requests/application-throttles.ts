/** The throttles of an application: in front of guessable secrets, for wrong tokens and keys, and those that it names itself. */
import { didYouMean } from '../nearest.ts'
import { knownOptionsOnly, OptionError } from '../option-error.ts'
import type { Settings } from '../options.ts'
import { reportThrottle, type ThrottleEvent } from '../reporting/throttle-event.ts'
import { CREDENTIALS, credentialsThrottle } from '../throttling/credentials.ts'
import { THROTTLE_OPTIONS } from '../throttling/options.ts'
import { createThrottle, type Throttle, type ThrottleOptions } from '../throttling/throttle.ts'
import { RequestThrottle } from './throttle.ts'

type ThrottleLog = Parameters<typeof reportThrottle>[1]

export class ApplicationThrottles {
  readonly signIn: RequestThrottle
  readonly credentials: RequestThrottle
  readonly #named: ReadonlyMap<string, RequestThrottle>

  /** @throws {OptionError} for options that make no sense */
  constructor ({ throttle, throttles }: Pick<Settings, 'throttle' | 'throttles'>, log: ThrottleLog) {
    const { signIn, credentials } = signInThrottles(throttle, log)
    this.signIn = new RequestThrottle(signIn)
    this.credentials = new RequestThrottle(credentials)
    this.#named = new Map([[CREDENTIALS, this.credentials], ...Object.entries(throttles).map(([name, options]): [string, RequestThrottle] => {
      return [name, new RequestThrottle(createThrottle({ ...reported({ ...inCommon(throttle, options), ...options }, log), name }, `throttles.${name}`))]
    })])
  }

  /** @throws {OptionError} for a name that there is none of */
  named (name: string): RequestThrottle {
    const throttle = this.#named.get(name)
    if (throttle !== undefined) return throttle
    throw new OptionError(`throttleOf: there is no throttle ${JSON.stringify(name)}; there are ${[...this.#named.keys()].join(', ')}, and more where the option "throttles" names them.${didYouMean(name, this.#named.keys())}`)
  }
}

function signInThrottles (options: Settings['throttle'], log: ThrottleLog): { signIn: Throttle | null, credentials: Throttle | null } {
  if (options === false) return { signIn: null, credentials: null }
  // What is none is refused as such.
  if (typeof options !== 'object' || options === null) return { signIn: createThrottle(options), credentials: null }
  knownOptionsOnly('throttle', options, [...THROTTLE_OPTIONS, 'credentials'])
  const { credentials, ...own } = options
  const all = reported(own, log)
  return { signIn: createThrottle(all), credentials: credentialsThrottle(credentials, all) }
}

/** What another throttle has of the first; its store not where the other has options for one in memory. */
function inCommon (first: Settings['throttle'], { max, now }: ThrottleOptions): ThrottleOptions {
  if (first === false) return {}
  const names = IN_COMMON.filter((name) => first[name] !== undefined && (name !== 'store' || (max === undefined && now === undefined)))
  return Object.fromEntries(names.map((name) => [name, first[name]]))
}

const IN_COMMON = ['store', 'secret', 'deadline', 'onStoreError', 'ipv6Prefix', 'canonical', 'onEvent'] as const satisfies readonly (keyof ThrottleOptions)[]

/** What a throttle tells is told to the log and the channel too. Options that make no sense stay as they are, and are refused as such. */
function reported (options: ThrottleOptions, log: ThrottleLog): ThrottleOptions {
  const onEvent: unknown = (options as Partial<ThrottleOptions> | null)?.onEvent
  if (typeof options !== 'object' || options === null || (onEvent !== undefined && typeof onEvent !== 'function')) return options
  return {
    ...options,
    onEvent (event: ThrottleEvent) {
      reportThrottle(event, log)
      return onEvent?.(event)
    },
  }
}
