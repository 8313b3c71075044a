/** Writes a filter as what stands after `WHERE`; where a value is missing or of another type, neither a condition nor its contrary is true. */
import { OptionError } from '../../option-error.ts'
import type { Condition, Path, Scalar } from '../../policies/condition.ts'
import type { RecordFilter } from '../filter.ts'
import type { Dialect, Kind, Literal } from './dialect.ts'
import { ALWAYS, and, NEVER, or, sql, type Fragment } from './fragment.ts'
import type { ColumnMap, Column } from './sql-columns.ts'
import { comparisonsOf, queryOf, type Order, type Question } from './two-valued.ts'

/** True for the records that are meant, false or NULL for the others. Throws FST_GATEHOUSE_OPTION for a condition with a problem. */
export function whereOf (filter: RecordFilter, columns: ColumnMap, { name }: Dialect): Fragment {
  const query = queryOf<Fragment>(filter, { and, or, answer })
  return query === 'every' ? ALWAYS : query === 'none' ? NEVER : query

  function answer (question: Question): Fragment | 'none' {
    const column = columnOf(question, columns)
    if (typeof column === 'string') throw new OptionError(`${name} cannot express a rule: ${column}`)
    const answered = answerOf(question, column)
    return answered === NEVER ? 'none' : answered
  }
}

/** Why a condition cannot be written, or `null`. */
export function problemOf (condition: Condition, columns: ColumnMap): string | null {
  for (const { path, operator } of comparisonsOf(condition)) {
    const column = columnOf({ path, ask: operator }, columns)
    if (typeof column === 'string') return column
  }
  return null
}

/** The words of the questions, and of the operators that lead to them. */
const ABOUT_LISTS: Readonly<Record<string, string>> = { $all: '"$all"', all: '"$all"', $size: '"$size"', size: '"$size"' }

function columnOf ({ path, ask }: { readonly path: Path, readonly ask: string }, columns: ColumnMap): Column | string {
  const found = columns.find(path)
  if (typeof found === 'string' || found.kind.list !== undefined) return found
  const operator = ABOUT_LISTS[ask]
  return operator === undefined ? found : `${operator} on "${path.join('.')}" needs a list, and its column is of the type ${found.type}`
}

function answerOf (question: Question, { column, kind }: Column): Fragment {
  switch (question.ask) {
    case 'present': return question.wanted ? kind.exists(column) : kind.lacks(column)
    case 'among': return among(column, kind, question.list, question.wanted)
    case 'order': return ordered(column, kind, question.operator, question.literal)
    case 'all': return hasAll(column, kind, question.list as readonly Literal[], question.wanted)
    case 'size': return sized(column, kind, question.size, question.wanted)
  }
}

/** `IN`, with `null` as a value of its own where the rule names it. */
function among (column: Fragment, kind: Kind, list: readonly Scalar[], wanted: boolean): Fragment {
  const named = list.filter((literal) => literal !== null)
  const comparable = named.filter((literal) => kind.compares(literal))
  if (wanted) return or([...(named.length < list.length ? [kind.isNull(column)] : []), ...(comparable.length > 0 ? [kind.equal(column, comparable)] : [])])
  if (comparable.length < named.length) return NEVER
  return named.length === 0 && list.length > 0 ? kind.isSomething(column) : kind.unequal(column, comparable)
}

function ordered (column: Fragment, { order, compares }: Kind, operator: Order, literal: Literal): Fragment {
  return order === null || typeof literal === 'boolean' || !compares(literal) ? NEVER : order(column, operator, literal)
}

/** An item that does not compare leaves it open whether the list has the literal, unless another item is equal to it. */
function hasAll (column: Fragment, { list }: Kind, literals: readonly Literal[], wanted: boolean): Fragment {
  const { isList, isFlat = () => ALWAYS, items, item, kind, holds = () => ALWAYS } = list as NonNullable<Kind['list']>
  const each = literals.map((literal) => {
    if (wanted) return sql`EXISTS (SELECT 1 FROM ${items(column)} WHERE ${kind.compares(literal) ? kind.equal(item, [literal]) : NEVER})`
    return sql`NOT EXISTS (SELECT 1 FROM ${items(column)} WHERE (${kind.compares(literal) ? kind.unequal(item, [literal]) : NEVER}) IS NOT TRUE)`
  })
  if (!wanted) return and([isList(column), isFlat(column), or(each)])
  return literals.length === 0 ? isList(column) : and([isList(column), isFlat(column), holds(column, literals), ...each])
}

function sized (column: Fragment, { list }: Kind, size: number, wanted: boolean): Fragment {
  const { size: sizeOf, count } = list as NonNullable<Kind['list']>
  return wanted ? sql`${sizeOf(column)} = ${count(size)}` : sql`${sizeOf(column)} <> ${count(size)}`
}
