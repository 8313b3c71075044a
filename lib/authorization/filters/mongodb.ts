/** A backend for MongoDB: a list filter in its query language. */
import { knownOptionsOnly, OptionError, wrongOption } from '../../option-error.ts'
import { didYouMean } from '../../nearest.ts'
import type { Path, Scalar } from '../../policies/condition.ts'
import type { Backend } from '../backend.ts'
import { equalTo, FAMILIES, familiesOf, ordered, TYPES } from './mongodb-values.ts'
import type { Family, Literal } from './mongodb-values.ts'
import { storedAs } from './stored-as.ts'
import { comparisonsOf, conjunction, disjunction, queryOf } from './two-valued.ts'
import type { Language, Part, Question } from './two-valued.ts'

/** A query as `collection.find` takes it. */
export type MongodbFilter = Readonly<Record<string, unknown>>

const ATTRIBUTE_TYPES = [...FAMILIES, 'array'] as const
export type MongodbType = typeof ATTRIBUTE_TYPES[number]

export interface MongodbOptions {
  /**
   * The attributes that rules may mention, by their dotted names, and their types. Then a rule that mentions another one stops the start, and a value
   * of another type compares with nothing. Default: any attributes, of any types.
   */
  readonly attributes?: Readonly<Record<string, MongodbType>>
}

/**
 * For MongoDB 3.6 and later, and collections without a collation of their own. `F` is what the driver calls a filter: `mongodb<Filter<Article>>()`.
 * Throws FST_GATEHOUSE_OPTION for an option that makes no sense; `translate` does for an attribute that is not declared.
 */
export function mongodb<F = MongodbFilter> (options: MongodbOptions = {}): Backend<F> {
  knownOptionsOnly('mongodb(…)', options, ['attributes'])
  const { attributes } = options
  if (attributes !== undefined) checkAttributes(attributes)
  const language: Language<MongodbFilter> = {
    ...CONNECTIVES,
    answer: (question) => {
      const problem = problemOf(question.path, attributes)
      if (problem !== null) throw new OptionError(`MongoDB: ${problem}`)
      return answer(question, attributes?.[question.path.join('.')])
    },
  }
  return Object.freeze({
    name: 'MongoDB',
    ...attributes !== undefined && { stored: { option: 'attributes', attributes: new Map(Object.entries(attributes).map(([name, type]) => [name, { type, holds: storedAs(type) }])) } },
    problem: (condition) => comparisonsOf(condition).map(({ path }) => problemOf(path, attributes)).find((problem) => problem !== null) ?? null,
    translate: (filter) => {
      const query = queryOf(filter, language)
      if (query === 'none') return NOTHING as F
      return (query === 'every' ? {} : query) as F
    },
  } satisfies Backend<F>)
}

const NOTHING: MongodbFilter = { _id: { $in: [] } }

const CONNECTIVES: Pick<Language<MongodbFilter>, 'and' | 'or'> = { and: (parts) => ({ $and: parts }), or: (parts) => ({ $or: parts }) }

function checkAttributes (attributes: Readonly<Record<string, MongodbType>>): void {
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes)) throw wrongOption('mongodb({ attributes })', attributes, 'an object from attributes to their types')
  for (const [name, type] of Object.entries(attributes)) {
    if (!ATTRIBUTE_TYPES.includes(type)) throw wrongOption(`mongodb({ attributes }): "${name}"`, type, `one of ${ATTRIBUTE_TYPES.join(', ')}`)
  }
}

function problemOf (path: Path, attributes: MongodbOptions['attributes']): string | null {
  const name = path.join('.')
  if (attributes === undefined || Object.hasOwn(attributes, name)) return null
  return `there is no attribute "${name}" in "attributes", and a rule mentions it.${didYouMean(name, Object.keys(attributes))}`
}

function answer (question: Question, declared: MongodbType | undefined): Part<MongodbFilter> {
  const { path } = question
  const families = declared === undefined ? FAMILIES : FAMILIES.filter((family) => family === declared)
  const maybeList = declared === undefined || declared === 'array'
  switch (question.ask) {
    case 'present':
      return question.wanted ? present(path) : { $nor: [present(path)] }
    case 'among':
      return question.wanted ? isAmong(path, question.list, families) : isOutside(path, question.list, families)
    case 'order': {
      const { operator, literal } = question
      return disjunction(CONNECTIVES, familiesOf(literal).filter((family) => families.includes(family)).map((family) =>
        single(path, { ...ordered(operator, literal, family), ...typed([family]), ...(family === 'number' && { $ne: NaN }) })))
    }
    case 'size':
      if (!maybeList) return 'none'
      return at(path, question.wanted ? { $size: question.size } : { $type: 'array', $not: { $size: question.size } })
    case 'all': {
      if (!maybeList) return 'none'
      const { list } = question
      if (!question.wanted) return disjunction(CONNECTIVES, list.map((literal) => lacks(path, literal as Literal)))
      return conjunction(CONNECTIVES, [at(path, { $type: 'array' }), ...list.map((literal) => has(path, literal as Literal))])
    }
  }
}

/** MongoDB looks into lists unasked, a check never does: nothing on the way to the value may be a list. */
function at (path: Path, operators: object): MongodbFilter {
  const way = path.slice(1).map((_segment, index) => [path.slice(0, index + 1).join('.'), { $not: { $type: 'array' } }])
  return { ...Object.fromEntries(way), [path.join('.')]: operators }
}

/** Nor may the value itself be one. */
function single (path: Path, operators: object): MongodbFilter {
  return at(path, notList(operators))
}

function notList (operators: object): object {
  return { ...operators, $not: { $type: 'array' } }
}

function typed (families: readonly Family[]): { readonly $type: readonly string[] } {
  return { $type: families.flatMap((family) => TYPES[family]) }
}

function present (path: Path): MongodbFilter {
  // A list is a value, also one with a null in it, of which MongoDB would say that it is null.
  return { $or: [at(path, { $type: 'array' }), single(path, { $exists: true, $ne: null })] }
}

function isAmong (path: Path, list: readonly Scalar[], families: readonly Family[]): Part<MongodbFilter> {
  const named = list.filter((literal) => literal !== null)
  const values = named.flatMap((literal) => equalTo(literal, families))
  const numbers = values.filter((value) => typeof value === 'number' || typeof value === 'bigint')
  const others = values.filter((value) => !numbers.includes(value as number | bigint))
  return disjunction(CONNECTIVES, [
    named.length < list.length ? single(path, { $type: 'null' }) : 'none',
    others.length > 0 ? single(path, oneOf(others)) : 'none',
    // A decimal equals a number in MongoDB, and in no check.
    numbers.length > 0 ? single(path, { ...oneOf(numbers), ...typed(['number']) }) : 'none',
  ])
}

function oneOf (values: readonly unknown[]): object {
  return values.length === 1 ? { $eq: values[0] } : { $in: values }
}

/** Of a type that compares with each of the list, and equal to none. */
function isOutside (path: Path, list: readonly Scalar[], families: readonly Family[]): Part<MongodbFilter> {
  const named = list.filter((literal) => literal !== null)
  if (named.length === 0 && list.length > 0) return present(path)
  const comparable = families.filter((family) => named.every((literal) => familiesOf(literal).includes(family)))
  if (comparable.length === 0) return 'none'
  return single(path, { ...typed(comparable), $nin: [...named.flatMap((literal) => equalTo(literal, comparable)), ...(comparable.includes('number') ? [NaN] : [])] })
}

function has (path: Path, literal: Literal): Part<MongodbFilter> {
  const values = equalTo(literal, FAMILIES)
  if (values.length === 0) return 'none'
  return at(path, { $elemMatch: notList({ $in: values, ...typed(familiesOf(literal)) }) })
}

/** A list each of whose items compares with the literal, and none is equal. */
function lacks (path: Path, literal: Literal): MongodbFilter {
  const families = familiesOf(literal)
  if (families.length === 0) return at(path, { $size: 0 })
  const item = (operators: object): MongodbFilter => ({ [path.join('.')]: { $elemMatch: operators } })
  return {
    ...at(path, { $type: 'array' }),
    $nor: [item({ $type: 'array' }), item({ $not: typed(families) }), item({ $in: [...equalTo(literal, families), NaN] })],
  }
}
