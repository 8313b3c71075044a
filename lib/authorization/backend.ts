/** The contract of a backend: how one kind of store is told which records are meant. */
import type { Condition } from '../policies/condition.ts'
import type { RecordFilter } from './filter.ts'

/** What the values of an attribute are in the store; texts are dates too, and `any` is whatever there is. */
export type StoredAs = 'text' | 'number' | 'boolean' | 'list' | 'any'

export interface StoredAttribute {
  /** As the option of the backend calls it. */
  readonly type: string
  readonly holds: StoredAs
}

/** The attributes that a backend was told of. */
export interface Stored {
  /** The option that tells them, `columns`. */
  readonly option: string
  readonly attributes: ReadonlyMap<string, StoredAttribute>
}

/** Makes of a filter what a store understands, `F`. */
export interface Backend<F = unknown> {
  /** For messages, `PostgreSQL`. */
  readonly name: string
  /** Compared with what subjects.yaml declares of the subject, when the application starts and at each reload. Left out: nothing is compared. */
  readonly stored?: Stored
  /** Why a condition cannot be expressed, or `null`. Asked when the application starts and at each reload, of conditions whose templates are not bound yet. */
  readonly problem: (condition: Condition) => string | null
  /** The filter in the store's words; its conditions are bound. Also for `none` and `every`. */
  readonly translate: (filter: RecordFilter) => F
}
