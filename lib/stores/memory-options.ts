/** The options of counters in memory, checked once, at the start. */
import { knownOptionsOnly, wrongOption } from '../option-error.ts'
import { type MemoryAttemptsOptions, mustBeBound } from './memory.ts'

const KNOWN = ['max', 'now', 'overflow'] satisfies (keyof MemoryAttemptsOptions)[]

/** `where`: the function that was called. @throws {OptionError} for an option that is unknown or out of bounds */
export function memorySettings (where: string, options: MemoryAttemptsOptions): Required<MemoryAttemptsOptions> {
  knownOptionsOnly(where, options, KNOWN)
  const { max = 100_000, now = () => performance.now(), overflow = () => {} } = options
  mustBeBound(`${where}.max`, max)
  if (typeof now !== 'function') throw wrongOption(`${where}.now`, now, 'a function that returns milliseconds')
  if (typeof overflow !== 'function') throw wrongOption(`${where}.overflow`, overflow, 'a function')
  return { max, now, overflow }
}
