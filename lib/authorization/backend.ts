/** The contract of a backend: how one kind of store is told which records are meant. */
import type { Condition } from '../policies/condition.ts'
import type { RecordFilter } from './filter.ts'

/** Makes of a filter what a store understands, `F`. */
export interface Backend<F = unknown> {
  /** For messages, `PostgreSQL`. */
  readonly name: string
  /** Why a condition cannot be expressed, or `null`. Asked when the application starts and at each reload, of conditions whose templates are not bound yet. */
  readonly problem: (condition: Condition) => string | null
  /** The filter in the store's words; its conditions are bound. Also for `none` and `every`. */
  readonly translate: (filter: RecordFilter) => F
}
