/** Compiles the conditions of a policy, and reports whatever in them does not make sense. */
import { COMPARISONS, CONNECTIVES, ENVIRONMENT_COMPARISONS } from './condition.ts'
import type { Comparison, Condition, EnvironmentComparison, Path } from './condition.ts'
import { comparisonProblem, operatorTypeProblem, pathProblem } from './attributes.ts'
import type { Shape } from './attributes.ts'
import { MOST_PARTS, isTooLarge } from './condition-size.ts'
import { readEnvironmentOperand } from './environment-operand.ts'
import { impossible } from './impossible-conditions.ts'
import type { Compare } from './impossible-conditions.ts'
import { readOperand } from './operand.ts'
import { readPath } from './path.ts'
import type { PlainMap } from './plain-data.ts'
import type { Keys } from './policy.ts'
import type { Report } from './problems.ts'
import type { Entity } from './subjects.ts'
import { instead, quoted } from './words.ts'

export interface Reading {
  readonly report: Report
  /** For a condition that could be compiled, and is always or never true. Left out: nobody asks. */
  readonly senseless?: Report
  /** The records that the condition is asked about. */
  readonly shape: Shape
  /** What templates may name, where declared. */
  readonly user: Entity | null
  readonly environment: Entity | null
  /** Whether the condition is on the environment, and so has its typed operators too. Default `false`. */
  readonly onEnvironment?: boolean
}

/** Stands for a part that was reported. It is never true, so it could not grant anything. */
export const REPORTED: Condition = { kind: 'any', of: [] }

/** All that may stand within the map of an attribute. */
const OPERATORS: readonly string[] = [...COMPARISONS, ...ENVIRONMENT_COMPARISONS, '$not']

/** Operators of MongoDB that are refused for a reason. */
const REFUSED: Readonly<Record<string, string>> = {
  // facts: authorization T14
  $regex: 'a pattern can take seconds for one value (ReDoS); compare with "$eq" or "$in"',
  $options: 'it belongs to "$regex", and a pattern can take seconds for one value (ReDoS)',
}

export function compileCondition (raw: unknown, at: Keys, { report, senseless, shape, user, environment, onEnvironment = false }: Reading): Condition {
  if (isTooLarge(raw)) return refuse({ report }, at, `a condition of more than ${MOST_PARTS} parts: write "$in" with a list in place of "$or", or an attribute that says what they have in common`)
  const written: Written[] = []
  const condition = compiled(raw, at, { report, shape, user, environment, onEnvironment, written })
  const mistake = senseless === undefined ? null : impossible(condition, shape)
  if (mistake !== null) senseless?.((written.find(({ comparison }) => comparison === mistake.at) as Written).at, mistake.message)
  return condition
}

interface Compiling extends Required<Omit<Reading, 'senseless'>> {
  readonly written: Written[]
}

/** Where a comparison stands. */
interface Written {
  readonly comparison: Compare
  readonly at: Keys
}

/** A key beginning with `$` must be known: CASL would take it for an attribute, and an inverted rule would never apply (facts: authorization T2). */
function compiled (raw: unknown, at: Keys, reading: Compiling): Condition {
  if (!isMap(raw)) return refuse(reading, at, `a condition must be a map, not ${quoted(raw)}`)
  const parts: Condition[] = []
  for (const [key, value] of Object.entries(raw)) {
    const below = [...at, key]
    parts.push(key.startsWith('$') ? connective(key, value, below, reading) : attribute(key, value, below, reading))
  }
  if (parts.length === 0) return refuse(reading, at, 'an empty condition would apply to every record; leave it out if that is meant')
  return together('all', parts)
}

function connective (key: string, raw: unknown, at: Keys, reading: Compiling): Condition {
  switch (key) {
    case '$and': return together('all', list(key, raw, at, reading))
    case '$or': return together('any', list(key, raw, at, reading))
    case '$nor': return not(together('any', list(key, raw, at, reading)))
    case '$not': return not(compiled(raw, at, reading))
  }
  if (isComparison(key)) return refuse(reading, at, `"${key}" needs an attribute before it: { status: { ${key}: … } }`, 'key')
  return unknownOperator(key, CONNECTIVES, at, reading)
}

function list (key: string, raw: unknown, at: Keys, reading: Compiling): Condition[] {
  if (!Array.isArray(raw) || raw.length === 0) return [refuse(reading, at, `"${key}" needs a list of conditions that is not empty`)]
  return raw.map((condition, index) => compiled(condition, [...at, index], reading))
}

function attribute (key: string, raw: unknown, at: Keys, reading: Compiling): Condition {
  if (Array.isArray(raw) && isConnective(`$${key}`)) return unknownOperator(key, [`$${key}`], at, reading)
  const read = readPath(key)
  if (read.kind === 'wrong') return refuse(reading, at, read.message, 'key')
  const problem = pathProblem(read.path, reading.shape)
  if (problem !== null) reading.report(at, problem, 'key')
  return isMap(raw) ? operators(read.path, raw, at, reading) : compare(read.path, '$eq', raw, at, reading)
}

function operators (path: Path, raw: PlainMap, at: Keys, reading: Compiling): Condition {
  const keys = Object.keys(raw)
  const plain = keys.find((key) => !key.startsWith('$'))
  const bare = keys.find((key) => OPERATORS.includes(`$${key}`))
  if (bare !== undefined) return unknownOperator(bare, [`$${bare}`], [...at, bare], reading)
  if (keys.length === 0) return refuse(reading, at, `"${path.join('.')}" is compared with an empty map`)
  if (plain !== undefined && keys.some((key) => key.startsWith('$'))) {
    return refuse(reading, [...at, plain], `operators and the plain key ${quoted(plain)} stand in one map`, 'key')
  }
  if (plain !== undefined) return refuse(reading, at, `a map is no value; for a nested attribute write a dotted path, ${quoted(`${path.join('.')}.${plain}`)}`)
  return together('all', keys.map((key) => operator(path, key, raw[key], [...at, key], reading)))
}

function operator (path: Path, key: string, raw: unknown, at: Keys, reading: Compiling): Condition {
  if (isComparison(key)) return compare(path, key, raw, at, reading)
  if (isEnvironmentComparison(key)) return compareEnvironment(path, key, raw, at, reading)
  if (key !== '$not') return unknownOperator(key, [...COMPARISONS, ...reading.onEnvironment ? ENVIRONMENT_COMPARISONS : [], '$not'], at, reading)
  if (!isMap(raw)) return refuse(reading, at, `"$not" needs a map of operators, not ${quoted(raw)}; for a value write "$ne"`)
  return not(operators(path, raw, at, reading))
}

function compare (path: Path, operator: Comparison, raw: unknown, at: Keys, reading: Compiling): Condition {
  const read = readOperand(operator, raw)
  if (read.kind === 'wrong') return refuse(reading, at, read.message)
  const problem = comparisonProblem(path, operator, read.operand, reading)
  if (problem !== null) return refuse(reading, at, problem)
  return noted({ kind: 'compare', path, operator, operand: read.operand }, at, reading)
}

/** Networks and hours of the day: no list of records is ever filtered by them. */
function compareEnvironment (path: Path, operator: EnvironmentComparison, raw: unknown, at: Keys, reading: Compiling): Condition {
  if (!reading.onEnvironment) return refuse(reading, at, `"${operator}" belongs into "environment", which is about the request's time and address`, 'key')
  const read = readEnvironmentOperand(operator, raw)
  if (read.kind === 'wrong') return refuse(reading, at, read.message)
  const problem = operatorTypeProblem(path, operator, reading.shape)
  if (problem !== null) return refuse(reading, at, problem)
  return noted({ kind: 'compare', path, operator, operand: read.operand }, at, reading)
}

function noted (comparison: Compare, at: Keys, { written }: Compiling): Compare {
  written.push({ comparison, at })
  return comparison
}

function unknownOperator (key: string, known: readonly string[], at: Keys, reading: Compiling): Condition {
  const why = REFUSED[key]
  return refuse(reading, at, why === undefined ? `unknown operator "${key}".${instead(key, known)}` : `"${key}" is refused: ${why}`, 'key')
}

function refuse ({ report }: Pick<Reading, 'report'>, at: Keys, message: string, part: 'key' | 'value' = 'value'): Condition {
  report(at, message, part)
  return REPORTED
}

/** One part stands for itself. */
function together (kind: 'all' | 'any', of: readonly Condition[]): Condition {
  const [first] = of
  return first !== undefined && of.length === 1 ? first : { kind, of }
}

function not (of: Condition): Condition {
  return { kind: 'not', of }
}

function isConnective (key: string): boolean {
  return (CONNECTIVES as readonly string[]).includes(key)
}

function isComparison (key: string): key is Comparison {
  return (COMPARISONS as readonly string[]).includes(key)
}

function isEnvironmentComparison (key: string): key is EnvironmentComparison {
  return (ENVIRONMENT_COMPARISONS as readonly string[]).includes(key)
}

function isMap (raw: unknown): raw is PlainMap {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw)
}
