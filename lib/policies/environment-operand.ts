/** Reads what a value of the environment is compared with: networks, or hours of the day. */
import type { EnvironmentComparison, Operand } from './condition.ts'
import { hoursOf } from './hours.ts'
import { networksOf } from './networks.ts'
import type { ReadOperand } from './operand.ts'
import { quoted } from './words.ts'

type EnvironmentOperand = Extract<Operand, { from: 'networks' | 'hours' }>

export function readEnvironmentOperand (operator: EnvironmentComparison, raw: unknown): ReadOperand<EnvironmentOperand> {
  if (operator === '$cidr') return readNetworks(raw)
  const read = hoursOf(raw)
  return read.kind === 'hours' ? { kind: 'operand', operand: { from: 'hours', hours: read.hours } } : read
}

function readNetworks (raw: unknown): ReadOperand<EnvironmentOperand> {
  const texts = typeof raw === 'string' ? [raw] : raw
  const networks = isTexts(texts) ? networksOf(texts) : null
  if (networks === null) return { kind: 'wrong', message: `"$cidr" needs a network or a list of them, "10.0.0.0/8" or "2001:db8::/32" with no bits beyond its prefix, not ${quoted(raw)}` }
  return { kind: 'operand', operand: { from: 'networks', networks } }
}

function isTexts (given: unknown): given is readonly string[] {
  return Array.isArray(given) && given.length > 0 && given.every((text) => typeof text === 'string')
}
