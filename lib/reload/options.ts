/** The option `reload`: when policies are read again. */
import { knownOptionsOnly, OptionError, wrongOption } from '../option-error.ts'
import { isPolicyStore } from '../policies/source.ts'
import type { Policies } from '../policies/supply.ts'
import type { ReloadTimes } from './times.ts'

export interface ReloadOptions {
  /** Whether changes are noticed by themselves. Default: `true` for a store that can tell of them, `policyFolder(…)` among them; `false` for the URL or path of a folder. */
  readonly watch?: boolean
  /** A signal on which the policies are read again; on Windows none is. Default: none. */
  readonly signal?: 'SIGHUP' | 'SIGUSR2'
  /**
   * How often they are read whatever happens, in milliseconds from 10 to 86,400,000 (a day); 0: never. Where nothing has changed nothing happens.
   * Default: 60,000 where they are watched, for a connection may be lost without a word; otherwise 0.
   */
  readonly every?: number
}

const KNOWN: readonly (keyof ReloadOptions)[] = ['watch', 'signal', 'every']
/** The other signals end the process, or belong to the debugger. */
const SIGNALS: readonly unknown[] = ['SIGHUP', 'SIGUSR2']
const SHORTEST = 10
const LONGEST = 86_400_000
const NET = 60_000

/** @throws {OptionError} */
export function checkReload (where: string, options: ReloadOptions, policies: Policies | null): ReloadTimes {
  knownOptionsOnly(where, options, KNOWN)
  if (policies === null && Object.keys(options).length > 0) throw new OptionError(`${where}: there is nothing to reload without the option "policies"`)
  const { watch = isPolicyStore(policies) && policies.watch !== undefined, signal = null } = options
  if (typeof watch !== 'boolean') throw wrongOption(`${where}.watch`, watch, 'true or false')
  if (watch && !canBeWatched(policies)) throw new OptionError(`${where}.watch: nobody can tell of changes of these policies; allowed is a folder, or a store with a method "watch"`)
  if (signal !== null && !SIGNALS.includes(signal)) throw wrongOption(`${where}.signal`, signal, "'SIGHUP' or 'SIGUSR2'")
  const { every = watch ? NET : 0 } = options
  if (every !== 0 && (!Number.isInteger(every) || every < SHORTEST || every > LONGEST)) {
    throw wrongOption(`${where}.every`, every, `an integer of milliseconds from ${SHORTEST} to ${LONGEST}, or 0`)
  }
  return { watch, signal, every }
}

function canBeWatched (policies: Policies | null): boolean {
  if (typeof policies === 'string' || policies instanceof URL) return true
  return isPolicyStore(policies) && policies.watch !== undefined
}
