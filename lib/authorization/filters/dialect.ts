/** What the writer of SQL must know of a database: how each type of column compares, as a check in memory compares. */
import type { Path, Scalar } from '../../policies/condition.ts'
import { sql, type Fragment } from './fragment.ts'
import type { Order } from './two-valued.ts'

export type Literal = Exclude<Scalar, null>
/** No policy orders truth values. */
export type Ordered = Exclude<Literal, boolean>

export interface Dialect {
  /** For messages, `PostgreSQL`. */
  readonly name: string
  /** By the types that `columns` may name. */
  readonly kinds: Readonly<Record<string, Kind>>
}

/** How the values of a column compare. Every fragment is true where it says so, and false or NULL anywhere else. */
export interface Kind {
  /** Whether the literal can be told equal or not; where it can't, no value of the column compares with it. */
  readonly compares: (literal: Literal) => boolean
  /** The value is one of the literals, all of which compare. */
  readonly equal: (column: Fragment, literals: readonly Literal[]) => Fragment
  /** The value compares, and is none of them; there may be no literals. */
  readonly unequal: (column: Fragment, literals: readonly Literal[]) => Fragment
  /** Where the values have an order. The literal compares, and every store can hold it. */
  readonly order: ((column: Fragment, operator: Order, literal: Ordered) => Fragment) | null
  /** What `$exists` asks: there is a value, and it is not null. */
  readonly exists: (column: Fragment) => Fragment
  readonly lacks: (column: Fragment) => Fragment
  /** Where a record has an attribute, but may have null there. */
  readonly isNull: (column: Fragment) => Fragment
  readonly isSomething: (column: Fragment) => Fragment
  /** Where the column can hold a list. */
  readonly list?: ListKind
  /** Where the column can hold a map: the value at a path in it. */
  readonly within?: (column: Fragment, path: Path) => { readonly column: Fragment, readonly kind: Kind }
  /** Why a path into the column cannot be followed, where one might expect it. */
  readonly closed?: string
}

export interface OrderedKind extends Kind {
  readonly order: NonNullable<Kind['order']>
}

export interface ListKind {
  readonly isList: (column: Fragment) => Fragment
  /** Whether its rows are its items; where one cannot tell otherwise that an item is a list itself. */
  readonly isFlat?: (column: Fragment) => Fragment
  /** NULL where there is no list. */
  readonly size: (column: Fragment) => Fragment
  readonly count: (size: number) => Fragment
  /** What stands after `FROM`: one row for each item. */
  readonly items: (column: Fragment) => Fragment
  /** The value of such a row. */
  readonly item: Fragment
  readonly kind: Pick<Kind, 'compares' | 'equal' | 'unequal'>
  /** True of every list that has all of these: a condition for which there may be an index. */
  readonly holds?: (column: Fragment, literals: readonly Literal[]) => Fragment
}

/** Of a column in which the absent is NULL. */
export const PLAIN: Pick<Kind, 'exists' | 'lacks' | 'isNull' | 'isSomething'> = {
  exists: (column) => sql`${column} IS NOT NULL`,
  lacks: (column) => sql`${column} IS NULL`,
  isNull: (column) => sql`${column} IS NULL`,
  isSomething: (column) => sql`${column} IS NOT NULL`,
}

export const SIGNS: Readonly<Record<Order, Fragment>> = { $lt: sql`<`, $lte: sql`<=`, $gt: sql`>`, $gte: sql`>=` }

export function isNumber (literal: Literal): literal is number | bigint {
  return typeof literal === 'number' || typeof literal === 'bigint'
}
