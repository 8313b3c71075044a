/** A condition, compiled: a tree that can be asked about one record and turned into a filter for many. */

export type Scalar = string | number | bigint | boolean | null

/** Where a value is: `['org', 'id']` for `org.id`. */
export type Path = readonly string[]

/** What a record's value is compared with. A bound condition (see bind.ts) has literals only. */
export type Operand =
  | { readonly from: 'literal', readonly value: Scalar | readonly Scalar[] }
  | { readonly from: 'user', readonly path: Path }

export const COMPARISONS = ['$eq', '$ne', '$lt', '$lte', '$gt', '$gte', '$in', '$nin', '$exists', '$all', '$size'] as const
export type Comparison = typeof COMPARISONS[number]

export const CONNECTIVES = ['$and', '$or', '$nor', '$not'] as const

export type Condition =
  | { readonly kind: 'all', readonly of: readonly Condition[] }
  | { readonly kind: 'any', readonly of: readonly Condition[] }
  | { readonly kind: 'not', readonly of: Condition }
  | { readonly kind: 'compare', readonly path: Path, readonly operator: Comparison, readonly operand: Operand }
