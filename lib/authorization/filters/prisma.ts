/** A backend for Prisma on PostgreSQL: a list filter as a `where` object. */
import { knownOptionsOnly, OptionError, wrongOption } from '../../option-error.ts'
import { didYouMean } from '../../nearest.ts'
import type { Comparison, Condition, Path, Scalar } from '../../policies/condition.ts'
import type { Backend, StoredAttribute } from '../backend.ts'
import { fieldOf } from './prisma-fields.ts'
import type { Field, PrismaField } from './prisma-fields.ts'
import type { Literal, PrismaWhere } from './prisma-kinds.ts'
import { storedAs } from './stored-as.ts'
import { comparisonsOf, conjunction, disjunction, isOrder, queryOf } from './two-valued.ts'
import type { Language, Part, Question } from './two-valued.ts'

export type { PrismaField, PrismaWhere }

export interface PrismaOptions {
  /** As in the Prisma schema. With another database texts would be equal that are not equal in a check, or dates be kept otherwise. */
  readonly provider: 'postgresql'
  /** The fields that rules mention, and their types: `{ id: 'integer', title: 'string?', tags: 'string[]', 'author.locked': 'boolean' }`. A dotted name goes through relations to one. */
  readonly fields: Readonly<Record<string, PrismaField>>
}

type Fields = ReadonlyMap<string, Field>

/**
 * For Prisma 7. `F` is what the generated client calls it: `prisma<Prisma.ArticleWhereInput>({ … })`. The `where` holds no `undefined`, and no empty `OR`.
 * Throws FST_GATEHOUSE_OPTION for an option that makes no sense; `translate` does for what `problem` tells, and where a user has such a value.
 */
export function prisma<F = PrismaWhere> (options: PrismaOptions): Backend<F> {
  knownOptionsOnly('prisma(…)', options, ['provider', 'fields'])
  if (options.provider !== 'postgresql') throw wrongOption('prisma({ provider })', options.provider, "'postgresql': on no other database it is known that lists and checks agree")
  if (typeof options.fields !== 'object' || options.fields === null || Array.isArray(options.fields)) throw wrongOption('prisma({ fields })', options.fields, 'an object from fields to their types')
  const fields: Fields = new Map(Object.entries(options.fields).map(([name, declared]) => [name, fieldOf(declared, `prisma({ fields }): "${name}"`)]))
  const nothing = contradiction(fields)
  const language: Language<PrismaWhere> = { ...CONNECTIVES, answer: (question) => answer(question, fields.get(question.path.join('.')) as Field) }
  const problem = (condition: Condition): string | null => problemOf(condition, fields)
  return Object.freeze({
    name: 'Prisma',
    stored: { option: 'fields', attributes: new Map(Object.entries(options.fields).map(([name, declared]) => [name, storedField(declared)])) },
    problem,
    translate: (filter) => {
      const conditions = filter.kind === 'where' ? filter.clauses.flatMap(({ allowing, inverted }) => [...(allowing === 'every' ? [] : allowing), ...inverted]) : []
      const found = conditions.map(problem).find((found) => found !== null)
      if (found !== undefined) throw new OptionError(`Prisma cannot express ${found}`)
      const where = queryOf(filter, language)
      if (where === 'none') return nothing as F
      return (where === 'every' ? {} : where) as F
    },
  } satisfies Backend<F>)
}

const CONNECTIVES: Pick<Language<PrismaWhere>, 'and' | 'or'> = { and: (parts) => ({ AND: parts }), or: (parts) => ({ OR: parts }) }

function storedField (declared: PrismaField): StoredAttribute {
  const type = typeof declared === 'string' ? declared : declared.type ?? 'enum'
  return { type, holds: storedAs(type) }
}

/** Never true. An empty OR would be, within other conditions, none for Prisma (https://github.com/prisma/prisma/issues/17367). */
function contradiction (fields: Fields): PrismaWhere {
  const [first] = fields
  if (first === undefined) throw new OptionError('prisma({ fields }): there is none; name those that rules mention')
  const [name, { shape, kind }] = first
  const ask = asking(name.split('.'))
  return shape === 'list' ? { AND: [ask({ isEmpty: true }), ask({ isEmpty: false })] } : ask({ equals: kind.sample, not: kind.sample })
}

function problemOf (condition: Condition, fields: Fields): string | null {
  for (const { path, operator, operand } of comparisonsOf(condition)) {
    const name = path.join('.')
    const field = fields.get(name)
    if (field === undefined) return `the attribute "${name}": there is no such field in "fields".${didYouMean(name, [...fields.keys()])}`
    const literals = operand.from === 'literal' ? [operand.value].flat() as readonly Scalar[] : null
    const why = reasonAgainst(operator as Comparison, literals, field)
    if (why !== null) return `"${operator}" on ${name}: ${why}`
  }
  return null
}

/** `literals` is `null` for a template. */
function reasonAgainst (operator: Comparison, literals: readonly Scalar[] | null, { shape, kind }: Field): string | null {
  const compared = literals?.filter((literal) => literal !== null).filter(kind.compares)
  if (operator === '$exists') return null
  if (operator === '$size') return shape === 'list' && literals?.[0] !== 0 ? 'of a list Prisma can tell only whether it is empty' : null
  if (isOrder(operator) && shape !== 'list' && typeof kind.order === 'string' && compared?.length !== 0) return kind.order
  const changed = compared?.find((literal) => !kind.sends(literal))
  return changed === undefined ? null : `Prisma does not send ${String(Number(changed))} unchanged`
}

function answer (question: Question, field: Field): Part<PrismaWhere> {
  const { path } = question
  const { shape, kind } = field
  switch (question.ask) {
    case 'present':
      return question.wanted ? present(path, field) : { NOT: present(path, field) }
    case 'among':
      if (shape === 'list') return isListAmong(path, question.list, question.wanted, field)
      return question.wanted ? isAmong(path, question.list, field) : isOutside(path, question.list, field)
    case 'order': {
      const { operator, literal } = question
      if (shape === 'list' || typeof kind.order === 'string' || !kind.compares(literal)) return 'none'
      const part = kind.order(operator, literal, asking(path))
      return part === 'every' ? comparable(path, field) : part
    }
    case 'all':
      if (shape !== 'list') return 'none'
      return question.wanted ? hasAll(path, question.list as readonly Literal[], field) : lacksAny(path, question.list as readonly Literal[], field)
    case 'size':
      if (shape !== 'list') return 'none'
      return question.wanted ? isEmpty(path) : asking(path)({ isEmpty: false })
  }
}

/** Through relations to one: where there is no related record, nothing about it is true. */
function asking (path: Path): (operators: unknown) => PrismaWhere {
  const last = path.at(-1) as string
  return (operators) => path.slice(0, -1).reduceRight<PrismaWhere>((where, relation) => ({ [relation]: { is: where } }), { [last]: operators })
}

/** A NOT within the related record, which must be there. */
function refusing (path: Path, operators: unknown): PrismaWhere {
  const last = path.at(-1) as string
  return path.slice(0, -1).reduceRight<PrismaWhere>((where, relation) => ({ [relation]: { is: where } }), { NOT: { [last]: operators } })
}

/** Prisma refuses to ask whether a required field is null. */
function present (path: Path, { shape, kind }: Field): PrismaWhere {
  const ask = asking(path)
  switch (shape) {
    case 'optional': return ask({ not: null })
    case 'required': return { OR: [ask({ equals: kind.sample }), ask({ not: kind.sample })] }
    case 'list': return { OR: [isEmpty(path), ask({ isEmpty: false })] }
  }
}

/** Prisma gives an empty list for a column that is NULL. */
function isEmpty (path: Path): PrismaWhere {
  return { OR: [asking(path)({ isEmpty: true }), asking(path)({ equals: null })] }
}

function comparable (path: Path, field: Field): PrismaWhere {
  return field.kind.comparable === null ? present(path, field) : field.kind.comparable(asking(path))
}

function isAmong (path: Path, list: readonly Scalar[], { shape, kind }: Field): Part<PrismaWhere> {
  const named = list.filter((literal) => literal !== null)
  const values = named.filter(kind.compares).flatMap(kind.stored)
  return disjunction(CONNECTIVES, [
    named.length < list.length && shape === 'optional' ? asking(path)({ equals: null }) : 'none',
    values.length > 0 ? kind.equal(values, asking(path)) : 'none',
  ])
}

/** Comparable with each of the list, and equal to none. */
function isOutside (path: Path, list: readonly Scalar[], field: Field): Part<PrismaWhere> {
  const { kind } = field
  const named = list.filter((literal) => literal !== null)
  if (!named.every(kind.compares)) return 'none'
  if (named.length === 0) return list.length === 0 ? comparable(path, field) : present(path, field)
  const values = named.flatMap(kind.stored)
  return conjunction(CONNECTIVES, [
    kind.comparable === null && values.length > 0 ? 'every' : comparable(path, field),
    values.length > 0 ? kind.different(values, asking(path)) : 'every',
  ])
}

/** A list compares with nothing but `null`, which it is not. */
function isListAmong (path: Path, list: readonly Scalar[], wanted: boolean, field: Field): Part<PrismaWhere> {
  return !wanted && list.length > 0 && list.every((literal) => literal === null) ? present(path, field) : 'none'
}

function hasAll (path: Path, list: readonly Literal[], field: Field): Part<PrismaWhere> {
  const { kind } = field
  const values = list.filter(kind.compares).map(kind.stored)
  if (values.length < list.length || values.some(({ length }) => length === 0)) return 'none'
  return values.length === 0 ? present(path, field) : asking(path)({ hasEvery: values.flat() })
}

/** One of the literals is surely not in the list: an empty list has not even one that compares with nothing in it. */
function lacksAny (path: Path, list: readonly Literal[], field: Field): Part<PrismaWhere> {
  const { kind } = field
  if (list.length === 0) return 'none'
  const compared = list.filter(kind.compares)
  const values = compared.map(kind.stored)
  if (values.some(({ length }) => length === 0)) return present(path, field)
  return disjunction(CONNECTIVES, [isEmpty(path), values.length > 0 ? refusing(path, { hasEvery: values.flat() }) : 'none'])
}
