/** The error of a wrong option: thrown at start-up, it says what was given, what is allowed, where, and the nearest right word. */
import { inspect } from 'node:util'
import { createError } from '@fastify/error'
import { didYouMean } from './nearest.ts'

/** `FST_GATEHOUSE_OPTION`: an option does not make sense. A `TypeError` with status 500, as it is the application's mistake. */
export const OptionError = createError<'FST_GATEHOUSE_OPTION', 500, [message: string]>('FST_GATEHOUSE_OPTION', '%s', 500, TypeError)

/** An `OptionError` for one value: `throttling.account.free: 0 was given; allowed is an integer from 1 up.` Not for secrets: the value is shown. */
export function wrongOption (where: string, given: unknown, allowed: string): InstanceType<typeof OptionError> {
  return new OptionError(`${where}: ${shown(given)} was given; allowed is ${allowed}.`)
}

/** Throws an `OptionError` unless `given` is an object that has no other names than the known ones. */
export function knownOptionsOnly (where: string, given: unknown, known: readonly string[]): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw wrongOption(where, given, `an object with ${known.join(', ')}`)
  }
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) throw new OptionError(`${where}: there is no option ${shown(name)}; allowed are ${known.join(', ')}.${didYouMean(name, known)}`)
  }
}

function shown (value: unknown): string {
  return inspect(value, { depth: 0, breakLength: Infinity, maxStringLength: 80, maxArrayLength: 3 })
}
