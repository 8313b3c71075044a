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

/** Bytes that a secret must have at least from which others are derived: as many as SHA-256 gives. */
const SECRET_BYTES = 32

/** @throws OptionError unless `secret` is a text or bytes, and long enough. The message does not show it. */
export function secretBytes (where: string, secret: unknown): Uint8Array {
  if (typeof secret !== 'string' && !(secret instanceof Uint8Array)) {
    throw new OptionError(`${where}: \`secret\` must be a text or a Buffer, not ${secret === null ? 'null' : typeof secret}.`)
  }
  const bytes = Buffer.from(secret)
  if (bytes.length < SECRET_BYTES) {
    throw new OptionError(`${where}: \`secret\` has ${bytes.length} bytes; at least ${SECRET_BYTES} are needed. \`openssl rand -base64 ${SECRET_BYTES}\` makes one.`)
  }
  return bytes
}
