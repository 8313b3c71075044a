/** The checks that the options of every scheme share; each failure stops the start and names the mend. */
import { knownOptionsOnly, OptionError, wrongOption } from '../../option-error.ts'

/** @throws OptionError unless `options` is an object whose keys are all among `known`. What is no object may be a secret, so it is not shown. */
export function checkKeys (where: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new OptionError(`${where}: the options must be an object with ${known.join(', ')}.`)
  }
  knownOptionsOnly(where, options, known)
}

/** A text or a list of texts, as a list. @throws OptionError when there is none, or an empty one among them. */
export function textList (where: string, name: string, value: unknown): string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  if (list.length === 0 || !list.every((text) => typeof text === 'string' && text !== '')) {
    throw new OptionError(`${where}: \`${name}\` is required: a text, or a list of texts, none of them empty.`)
  }
  return [...list as readonly string[]]
}

/** @throws OptionError unless `value` is a number from `min` to `max`; a whole one if `unit` is counted. */
export function numberWithin (where: string, name: string, value: unknown, range: { min: number, max: number, whole: boolean, unit: string }): number {
  const { min, max, whole, unit } = range
  if (typeof value !== 'number' || !(value >= min && value <= max) || (whole && !Number.isInteger(value))) {
    throw wrongOption(`${where} ${name}`, value, `a ${whole ? 'whole ' : ''}number of ${unit} from ${min} to ${max}`)
  }
  return value
}

/** @throws OptionError unless `value` is a function. */
export function checkFunction (where: string, name: string, value: unknown): void {
  if (typeof value !== 'function') throw wrongOption(`${where} ${name}`, value, 'a function')
}
