/** When policies are read again: on a change, on a signal, and from time to time. */
import type { Stop } from '../policies/source.ts'
import type { Supply } from '../policies/supply.ts'
import type { PolicyLog, PolicyTrigger } from '../reporting/policy-event.ts'
import { waits, type Waits } from './waits.ts'
import { keepWatching } from './watching.ts'

export interface ReloadTimes {
  readonly watch: boolean
  /** `null`: on none. */
  readonly signal: NodeJS.Signals | null
  /** Milliseconds; 0: never. */
  readonly every: number
}

/**
 * Calls `reload` whenever the policies should be read again, until what it returns is called; that resolves when everything has ended. Nothing of it keeps
 * the process alive, except what a store's own watch does.
 */
export function startReloading (supply: Supply, times: ReloadTimes, reload: (trigger: PolicyTrigger) => unknown, log: PolicyLog, retries: Waits = waits()): () => Promise<void> {
  const stops: Stop[] = [onSignal(times.signal, () => reload('signal'))]
  if (times.every > 0) {
    const timer = setInterval(() => reload('interval'), times.every).unref()
    stops.push(() => clearInterval(timer))
  }
  if (times.watch && supply.watch !== undefined) stops.push(keepWatching(supply.name, supply.watch, () => reload('change'), log, retries))
  return async () => {
    for (const stop of stops) await stop()
  }
}

function onSignal (signal: NodeJS.Signals | null, act: () => unknown): Stop {
  // On Windows the signals that can be caught mean the end: of the console, of the process.
  if (signal === null || process.platform === 'win32') return () => {}
  process.on(signal, act)
  return () => process.off(signal, act)
}
