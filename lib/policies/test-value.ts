/** The values of a test: what a policy file can say, and dates. */
import { instantOf } from './instant.ts'
import type { PlainMap } from './plain-data.ts'
import type { Keys } from './policy.ts'
import type { Report } from './problems.ts'
import { fits } from './subjects.ts'
import type { Attribute, Entity } from './subjects.ts'
import { instead, quoted } from './words.ts'

const DATE = '$date'

/** The value that is meant, frozen: `{ $date: '2026-01-01T00:00:00Z' }` is a date. Reports one that is none. */
export function meant (raw: unknown, at: Keys, report: Report): unknown {
  if (Array.isArray(raw)) return Object.freeze(raw.map((item, index) => meant(item, [...at, index], report)))
  if (!isMap(raw)) return raw
  if (DATE in raw) return dateOf(raw, at, report)
  return meantMap(raw, at, report)
}

export function meantMap (raw: PlainMap, at: Keys, report: Report): Readonly<Record<string, unknown>> {
  return Object.freeze(Object.fromEntries(Object.entries(raw).map(([key, value]) => [key, meant(value, [...at, key], report)])))
}

function dateOf (raw: PlainMap, at: Keys, report: Report): Date {
  const text = raw[DATE]
  const time = typeof text === 'string' ? instantOf(text) : NaN
  const other = Object.keys(raw).find((key) => key !== DATE)
  if (other !== undefined) report([...at, other], `"${DATE}" stands alone in its map`, 'key')
  if (Number.isNaN(time)) report([...at, DATE], `${quoted(text)} is no date: write it as in "2026-01-01T00:00:00Z"`)
  return new Date(time)
}

/** Reports what subjects.yaml does not declare; `also` are names that need not be declared. */
export function checkValues (values: Readonly<Record<string, unknown>>, entity: Entity, at: Keys, report: Report, also: readonly string[] = []): void {
  const names = [...entity.attributes.keys()]

  const check = (value: unknown, path: readonly string[]): void => {
    const place = [...at, ...path]
    const attribute = entity.attributes.get(path.join('.'))
    if (attribute !== undefined) return checkValue(value, attribute, `${quoted(path.join('.'))} of ${entity.name}`, place, report)
    const begin = `${path.join('.')}.`
    if (isMap(value) && names.some((name) => name.startsWith(begin))) {
      for (const [key, inner] of Object.entries(value)) check(inner, [...path, key])
      return
    }
    report(place, `unknown attribute ${quoted(path.join('.'))} of ${entity.name}.${instead(path.join('.'), names)}`, 'key')
  }
  for (const [key, value] of Object.entries(values)) if (entity.attributes.has(key) || !also.includes(key)) check(value, [key])
}

/** `null` is a missing value, which any attribute can have: what happens then is worth a test. */
function checkValue (value: unknown, attribute: Attribute, name: string, at: Keys, report: Report): void {
  if (value === null) return
  const { type, enum: allowed } = attribute
  if (!isOf(value, type)) return report(at, `${name} is ${type}: ${quoted(value)} does not fit`)
  if (allowed !== null && !allowed.includes(value as string)) report(at, `${quoted(value)} is no value of ${name}.${instead(String(value), allowed.map(String))}`)
}

function isOf (value: unknown, type: Attribute['type']): boolean {
  switch (type) {
    case 'array': return Array.isArray(value)
    case 'object': return isMap(value)
    case 'date': return value instanceof Date || fits(value as string, type)
    default: return fits(value as string, type)
  }
}

function isMap (value: unknown): value is PlainMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}
