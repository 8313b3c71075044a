/** Asks a three-valued filter in two-valued questions, for stores whose own "not" is another than that of a check. */
import type { Comparison, Condition, Path, Scalar } from '../../policies/condition.ts'
import { isStorable } from '../../policies/text.ts'
import type { RecordFilter } from '../filter.ts'

/**
 * What one comparison comes to. `wanted` is the answer that is asked for: the query for `true` and the query for `false` both leave out a
 * record of which neither is known.
 */
export type Question =
  | { readonly ask: 'present', readonly path: Path, readonly wanted: boolean }
  /** Is the value one of the list? Of an empty list it must still be a value that compares. */
  | { readonly ask: 'among', readonly path: Path, readonly wanted: boolean, readonly list: readonly Scalar[] }
  | { readonly ask: 'order', readonly path: Path, readonly operator: Order, readonly literal: Exclude<Scalar, null> }
  | { readonly ask: 'all', readonly path: Path, readonly wanted: boolean, readonly list: readonly Scalar[] }
  | { readonly ask: 'size', readonly path: Path, readonly wanted: boolean, readonly size: number }

export type Order = '$lt' | '$lte' | '$gt' | '$gte'

/** A query for no record, for every record, or for some. */
export type Part<Q> = 'none' | 'every' | Q

export interface Language<Q> {
  /** Of at least two parts. */
  readonly and: (parts: readonly Q[]) => Q
  /** Of at least two parts. */
  readonly or: (parts: readonly Q[]) => Q
  readonly answer: (question: Question) => Part<Q>
}

/** The records of the filter: allowing conditions are asked for true, inverted ones for false. An `and` or `or` of nothing is never written. */
export function queryOf<Q> (filter: RecordFilter, language: Language<Q>): Part<Q> {
  if (filter.kind !== 'where') return filter.kind
  return conjunction(language, filter.clauses.flatMap(({ allowing, inverted }) => [
    allowing === 'every' ? 'every' : disjunction(language, allowing.map((condition) => partOf(condition, true, language))),
    ...inverted.map((condition) => partOf(condition, false, language)),
  ]))
}

/** Every comparison of a condition. */
export function comparisonsOf (condition: Condition): readonly Extract<Condition, { kind: 'compare' }>[] {
  switch (condition.kind) {
    case 'compare': return [condition]
    case 'not': return comparisonsOf(condition.of)
    default: return condition.of.flatMap(comparisonsOf)
  }
}

export function conjunction<Q> (language: Pick<Language<Q>, 'and'>, parts: readonly Part<Q>[]): Part<Q> {
  if (parts.includes('none')) return 'none'
  const queries = parts.filter((part) => part !== 'every') as Q[]
  return queries.length < 2 ? queries[0] ?? 'every' : language.and(queries)
}

export function disjunction<Q> (language: Pick<Language<Q>, 'or'>, parts: readonly Part<Q>[]): Part<Q> {
  if (parts.includes('every')) return 'every'
  const queries = parts.filter((part) => part !== 'none') as Q[]
  return queries.length < 2 ? queries[0] ?? 'none' : language.or(queries)
}

/** Kleene's logic, once for each answer: what is not both is false when either is, and so on (De Morgan). */
function partOf<Q> (condition: Condition, wanted: boolean, language: Language<Q>): Part<Q> {
  switch (condition.kind) {
    case 'not': return partOf(condition.of, !wanted, language)
    case 'compare': {
      const question = questionOf(condition, wanted)
      return question === null ? 'none' : language.answer(question)
    }
    default: {
      const parts = condition.of.map((part) => partOf(part, wanted, language))
      return (condition.kind === 'all') === wanted ? conjunction(language, parts) : disjunction(language, parts)
    }
  }
}

const OPPOSITE: Readonly<Record<Order, Order>> = { $lt: '$gte', $lte: '$gt', $gt: '$lte', $gte: '$lt' }

export function isOrder (operator: Comparison): operator is Order {
  return Object.hasOwn(OPPOSITE, operator)
}

/** `null` where it is known of no record. */
function questionOf ({ path, operator, operand }: Extract<Condition, { kind: 'compare' }>, wanted: boolean): Question | null {
  if (operand.from !== 'literal') throw new TypeError('only a bound condition can become a filter')
  const { value } = operand
  switch (operator as Comparison) {
    case '$exists': return { ask: 'present', path, wanted: wanted === value }
    case '$eq': return { ask: 'among', path, wanted, list: [value as Scalar] }
    case '$ne': return { ask: 'among', path, wanted: !wanted, list: [value as Scalar] }
    case '$in': return { ask: 'among', path, wanted, list: value as readonly Scalar[] }
    case '$nin': return { ask: 'among', path, wanted: !wanted, list: value as readonly Scalar[] }
    case '$all': return { ask: 'all', path, wanted, list: value as readonly Scalar[] }
    case '$size': return { ask: 'size', path, wanted, size: value as number }
    default: {
      const literal = value as Scalar
      if (literal === null || Number.isNaN(literal) || (typeof literal === 'string' && !isStorable(literal))) return null
      return { ask: 'order', path, operator: wanted ? operator as Order : OPPOSITE[operator as Order], literal }
    }
  }
}
