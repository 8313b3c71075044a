/** Checks the structure of a policy's content and puts what is wrong into words. */
import { Ajv } from 'ajv'
import type { ErrorObject, ValidateFunction } from 'ajv'
import { didYouMean } from '../nearest.ts'
import { plainCopy } from './plain-data.ts'
import type { Keys } from './policy.ts'
import type { Report } from './problems.ts'
import { subjectsSchema } from './schema.ts'
import { policyFileSchema, testsFileSchema } from './tests-schema.ts'
import { instead, quoted } from './words.ts'

const ajv = new Ajv({ allErrors: true, verbose: true, allowUnionTypes: true, strictTypes: false })

export const CHECKS = {
  policy: ajv.compile(policyFileSchema),
  subjects: ajv.compile(subjectsSchema),
  tests: ajv.compile(testsFileSchema),
} as const satisfies Record<string, ValidateFunction>

/** What to do instead, for keys whose absence or emptiness means something. */
const INSTEAD: Readonly<Record<string, string>> = {
  subject: '; "all" means every subject',
  fields: '; leave "fields" out to mean every field',
  conditions: '; leave "conditions" out to apply to every record',
}

/** What may stand in a place that takes more than one sort of value; the last ones are no words. */
const FORMS: Readonly<Record<string, readonly string[]>> = {
  'an expectation': ['allow', 'deny', '{ allow: […] }', '{ deny: code }'],
}

/** Where a map stands one level too high. */
const MAPS: Readonly<Record<string, string>> = {
  'a quota': ': each quota stands under its name, { requests: { limit: 100, window: 1m } }',
}

const TYPES: Readonly<Record<string, string>> = { object: 'a map', array: 'a list', string: 'a text', boolean: 'true or false', number: 'a number', bigint: 'a number', null: 'nothing' }

/** What of `content` can be read as the schema says: all of it, or a copy without what is broken, which is reported. */
export function soundPartOf (content: unknown, check: ValidateFunction, report: Report): unknown {
  if (check(content)) return content
  const broken: Keys[] = []
  for (const error of check.errors as ErrorObject[]) {
    if (error.keyword === 'if' || error.keyword === 'propertyNames' || typeof error.data === 'function') continue
    const path = pathOf(error)
    tell(error, path, report)
    broken.push(path)
  }
  const sound = plainCopy(content, report)
  for (const path of broken) takeOut(sound, path)
  return sound
}

function tell (error: ErrorObject, path: Keys, report: Report): void {
  const { keyword, params, data, parentSchema } = error
  const schema = parentSchema as { title: string, description: string, type: string | string[], properties?: object }
  const key = String(path.findLast((part) => typeof part === 'string') ?? schema.title)
  const known = Object.keys(schema.properties ?? {}).filter((name) => !name.startsWith('$'))
  switch (keyword) {
    case 'additionalProperties':
      return report(path, `unknown key ${quoted(path.at(-1))} in ${schema.title}.${nearestTo(String(path.at(-1)), known, data as object)}`, 'key')
    case 'required':
      return report(path, `${schema.title} needs "${params['missingProperty']}"${INSTEAD[params['missingProperty']] ?? ''}`)
    case 'type':
      if (FORMS[schema.title] !== undefined) return report(path, `${thing(path, schema.title)} is ${quoted(data)}, and must be one of ${FORMS[schema.title]?.join(', ')}`)
      return report(path, `${typeof path.at(-1) === 'number' ? `an entry of "${key}"` : thing(path, schema.title)} must be ${typeNames(schema.type)}; it is ${typeName(data)}${MAPS[schema.title] ?? ''}`)
    case 'uniqueItems':
      return report([...path, params['i']], `${quoted((data as unknown[])[params['i']])} is listed twice in "${key}"`)
    case 'pattern':
      return report(path, `${quoted(data)} is not ${schema.title}: ${schema.description}`, error.propertyName === undefined ? 'value' : 'key')
    case 'enum':
      return report(path, `${quoted(data)} is not ${schema.title}.${instead(String(data), FORMS[schema.title] ?? params['allowedValues'])}`)
    default: // minItems, minProperties, minLength
      return report(path, `${thing(path, schema.title)} is empty${INSTEAD[key] ?? ''}`)
  }
}

/** What is written already is hardly meant again. */
function nearestTo (key: string, known: readonly string[], written: object): string {
  return didYouMean(key, known.filter((name) => !Object.hasOwn(written, name))) || instead(key, known)
}

function thing (path: Keys, title: string): string {
  return path.length === 0 ? title : `"${path.at(-1)}"`
}

function typeNames (type: string | string[]): string {
  return [type].flat().map((name) => TYPES[name]).join(' or ')
}

function typeName (data: unknown): string | undefined {
  if (data === null) return 'nothing'
  return TYPES[Array.isArray(data) ? 'array' : typeof data]
}

/** A missing key is placed at the map that lacks it, which is the nearest value around it. */
function pathOf ({ instancePath, keyword, params, propertyName }: ErrorObject): Keys {
  const path = instancePath.split('/').slice(1).map(unescaped)
  if (keyword === 'additionalProperties') return [...path, params['additionalProperty']]
  if (keyword === 'required') return [...path, params['missingProperty']]
  return propertyName === undefined ? path : [...path, propertyName]
}

/** JSON Pointer, RFC 6901 section 4. */
function unescaped (part: string): string | number {
  return /^\d+$/.test(part) ? Number(part) : part.replaceAll('~1', '/').replaceAll('~0', '~')
}

/** Takes out the innermost map entry on the way to `path`: a list with a hole would no longer say which entry is meant. */
function takeOut (content: unknown, path: Keys): void {
  let value = content as Record<string, unknown> | undefined
  let owner: Record<string, unknown> | undefined
  let entry = ''
  for (const key of path) {
    if (typeof value !== 'object' || value === null) break
    if (!Array.isArray(value)) {
      owner = value
      entry = String(key)
    }
    value = value[key] as Record<string, unknown> | undefined
  }
  if (owner !== undefined) delete owner[entry]
}
