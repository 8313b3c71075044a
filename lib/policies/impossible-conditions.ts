/** Tells of conditions that can never be true, or never be false, where that is certain. */
import { attributeAt } from './attributes.ts'
import type { Shape } from './attributes.ts'
import { operandText } from './condition-text.ts'
import type { Comparison, Condition, Path, Scalar } from './condition.ts'
import { evaluate } from './evaluate.ts'
import { instantOf } from './instant.ts'
import { quoted } from './words.ts'

export type Compare = Extract<Condition, { kind: 'compare' }>

export interface Impossible {
  /** The last of the comparisons that cannot hold together. */
  readonly at: Compare
  readonly message: string
}

/** A comparison, or that it is false. */
interface Demand {
  readonly written: Compare
  readonly operator: Compare['operator']
  readonly operand: Compare['operand']
  /** It shall be false; only of operators that have no opposite. */
  readonly negated: boolean
}

/** `null` where nothing is wrong for certain. Values of users are not known here, so a template may be anything but missing. */
export function impossible (condition: Condition, shape: Shape): Impossible | null {
  const once = asksOnce(condition)
  return (once && shape.kind !== 'each' ? null : neverTrue(condition, shape)) ?? (once ? null : neverFalse(condition))
}

/** Whether it is clear at once that no two comparisons are about the same attribute: they cannot contradict each other then. */
function asksOnce (condition: Condition): boolean {
  if (condition.kind === 'compare') return true
  return condition.kind === 'all' && condition.of.length <= FEW_PARTS && condition.of.every((part, index) => {
    return part.kind === 'compare' && !condition.of.slice(0, index).some((other) => isSamePath(part.path, (other as Compare).path))
  })
}

const FEW_PARTS = 4

function isSamePath (one: Path, other: Path): boolean {
  return one.length === other.length && one.every((segment, index) => segment === other[index])
}

function neverTrue (condition: Condition, shape: Shape): Impossible | null {
  return walk(condition, false, (path, demands) => {
    const values = declaredValues(path, shape)
    const found = contradiction(demands, values)
    if (found === null) return null
    const declared = values === null ? '' : 'declared '
    return { at: last(found), message: `no ${declared}${quoted(path.join('.'))} is ${found.map(demandText).join(' and ')}${found.length > 1 ? ' at once' : ''}: this can never be true` }
  })
}

/** What is true of all that can be compared is a mistake too: in an inverted rule it forbids everything. */
function neverFalse (condition: Condition): Impossible | null {
  return walk(condition, true, (path, demands) => {
    const found = contradiction(demands, null)
    return found === null ? null : { at: last(found), message: `every ${quoted(path.join('.'))} is ${found.map(opposite).map(demandText).join(' or ')}: this can never be false` }
  })
}

/** Looks at the demands on each attribute that must hold together, here and in every alternative. */
function walk (condition: Condition, negated: boolean, check: (path: Path, demands: readonly Demand[]) => Impossible | null): Impossible | null {
  const byPath = new Map<string, { readonly path: Path, readonly demands: Demand[] }>()
  const alternatives: { readonly condition: Condition, readonly negated: boolean }[] = []
  gather(condition, negated)
  for (const { path, demands } of byPath.values()) {
    const found = check(path, demands)
    if (found !== null) return found
  }
  for (const one of alternatives) {
    const found = walk(one.condition, one.negated, check)
    if (found !== null) return found
  }
  return null

  function gather (part: Condition, negated: boolean): void {
    if (part.kind === 'not') return gather(part.of, !negated)
    if (part.kind === 'compare') {
      const { path } = part
      const together = byPath.get(path.join('.')) ?? { path, demands: [] }
      together.demands.push(demandOf(part, negated))
      byPath.set(path.join('.'), together)
      return
    }
    for (const one of part.of) {
      if ((part.kind === 'all') !== negated) gather(one, negated)
      else alternatives.push({ condition: one, negated })
    }
  }
}

/** In three-valued logic too, the one is false exactly where the other is true. */
const OPPOSITE: Readonly<Partial<Record<Compare['operator'], Comparison>>> = {
  $eq: '$ne', $ne: '$eq', $in: '$nin', $nin: '$in', $lt: '$gte', $gte: '$lt', $gt: '$lte', $lte: '$gt',
}

function demandOf (written: Compare, negated: boolean): Demand {
  const demand = { written, operator: written.operator, operand: written.operand, negated: false }
  return negated ? opposite(demand) : demand
}

function opposite (demand: Demand): Demand {
  const operator = OPPOSITE[demand.operator]
  return operator === undefined ? { ...demand, negated: !demand.negated } : { ...demand, operator }
}

/** The most comparisons of a value with a demand: a policy is not trusted. */
const MOST_COMPARISONS = 10_000

/** The demands that cannot hold together: two of them, or else all. */
function contradiction (demands: readonly Demand[], declared: readonly unknown[] | null): readonly Demand[] | null {
  if (declared === null && demands.length < 2) return null
  if (demands.length * demands.length > MOST_COMPARISONS || !contradict(demands, declared)) return null
  for (const [index, one] of demands.entries()) {
    for (const other of demands.slice(0, index)) if (contradict([other, one], declared)) return [other, one]
  }
  return demands
}

function contradict (demands: readonly Demand[], declared: readonly unknown[] | null): boolean {
  const values = finiteValues(demands) ?? declared
  if (values !== null && values.length * demands.length <= MOST_COMPARISONS && values.every((value) => demands.some((demand) => !couldHold(demand, value)))) return true
  return ofDifferentKinds(demands) || demands.some((one, index) => demands.slice(0, index).some((other) => areOpposite(one, other) || leaveNothingBetween(one, other) || leaveNothingBetween(other, one)))
}

/** The only values for which some demand can hold, also as the dates that they stand for. */
function finiteValues (demands: readonly Demand[]): readonly unknown[] | null {
  for (const { operator, operand, negated } of demands) {
    if (operand.from !== 'literal') continue
    if (operator === '$exists' && operand.value === negated) return [null, undefined]
    if (operator === '$eq' || operator === '$in') return meant([operand.value].flat() as Scalar[])
  }
  return demands.some((demand) => kindsOf(demand).includes('boolean')) ? [true, false] : null
}

/** The values that subjects.yaml declares for every subject of the rule. That there is no value is told by none but `$exists` and `null`, see finiteValues. */
function declaredValues (path: Path, shape: Shape): readonly unknown[] | null {
  if (shape.kind !== 'each') return null
  const values: Scalar[] = []
  for (const entity of shape.entities) {
    const attribute = attributeAt(entity, path)
    if (attribute === null || attribute === 'inside' || attribute.enum === null) return null
    values.push(...attribute.enum)
  }
  return meant(values)
}

function meant (values: readonly Scalar[]): readonly unknown[] {
  return values.flatMap((value): unknown[] => typeof value === 'string' && !Number.isNaN(instantOf(value)) ? [value, new Date(value)] : [value])
}

/** Asks as a decision would. A template never is nothing, and may be anything else. */
function couldHold ({ operator, operand, negated }: Demand, value: unknown): boolean {
  if (operand.from === 'user' || operand.from === 'environment' || operand.from === 'memberships') return value !== null && value !== undefined
  return evaluate({ kind: 'compare', path: ['value'], operator, operand }, { value }) === !negated
}

type Kind = 'list' | 'single' | 'string' | 'number' | 'boolean'

/** A value is of one kind, and an operator that compares it with another is neither true nor false. */
function ofDifferentKinds (demands: readonly Demand[]): boolean {
  const kinds = new Set(demands.flatMap(kindsOf))
  if (!kinds.has('list')) kinds.delete('single')
  return kinds.size > 1
}

function kindsOf ({ operator, operand }: Demand): readonly Kind[] {
  if (operator === '$exists') return []
  if (operator === '$all' || operator === '$size') return ['list']
  if (operand.from !== 'literal') return ['single']
  const values = ([operand.value].flat() as Scalar[]).filter((value) => value !== null)
  return values.map((value) => typeof value === 'bigint' ? 'number' : typeof value as Kind)
}

function areOpposite (one: Demand, other: Demand): boolean {
  if (one.operator === '$size' && other.operator === '$size' && !one.negated && !other.negated) return !isSame(one, other)
  const opposed = one.negated === other.negated ? OPPOSITE[one.operator] === other.operator : one.operator === other.operator
  return opposed && isSame(one, other)
}

function isSame (one: Demand, other: Demand): boolean {
  return operandText(one.operand) === operandText(other.operand)
}

/** Between a lower and an upper bound, both for texts and for the dates that they may stand for. */
function leaveNothingBetween (lower: Demand, upper: Demand): boolean {
  const isLower = lower.operator === '$gt' || lower.operator === '$gte'
  const isUpper = upper.operator === '$lt' || upper.operator === '$lte'
  if (!isLower || !isUpper || lower.operand.from !== 'literal' || upper.operand.from !== 'literal') return false
  const operator = lower.operator === '$gte' && upper.operator === '$lte' ? '$gte' : '$gt'
  const highest = meant([upper.operand.value as Scalar])
  return highest.every((value) => !couldHold({ ...lower, operator }, value))
}

const OPERATOR_TEXTS: Readonly<Partial<Record<Compare['operator'], string>>> = { $eq: '', $ne: 'not ' }

function demandText ({ operator, operand, negated }: Demand): string {
  return `${negated ? 'not ' : ''}${OPERATOR_TEXTS[operator] ?? `${operator} `}${told(operand)}`
}

/** Of a list, in a message. */
const MOST_SHOWN = 5

function told (operand: Compare['operand']): string {
  switch (operand.from) {
    case 'literal': return Array.isArray(operand.value) ? `[${(operand.value as Scalar[]).slice(0, MOST_SHOWN).map(quoted).join(', ')}${operand.value.length > MOST_SHOWN ? ', …' : ''}]` : quoted(operand.value)
    case 'networks': return operand.networks.texts.join(', ')
    case 'hours': return operand.hours.text
    case 'memberships': return `a tenant of ${operand.role}`
    default: return `$${operand.from}.${operand.path.join('.')}`
  }
}

function last (demands: readonly Demand[]): Compare {
  return (demands.at(-1) as Demand).written
}
