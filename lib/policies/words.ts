/** What may be written in place of a word that is not known. */
import { didYouMean } from '../nearest.ts'

/** `' Did you mean "read"?'`, or all that is allowed when nothing is near. */
export function instead (given: string, known: Iterable<string>): string {
  const words = [...known]
  return didYouMean(given, words) || ` Allowed: ${words.join(', ') || 'nothing'}`
}

/** A value as it is quoted in messages, cut after 60 characters. */
export function quoted (value: unknown): string {
  const text = typeof value === 'bigint' ? `${value}n` : JSON.stringify(value, (_key, part: unknown) => typeof part === 'bigint' ? `${part}n` : part)
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}
