/** A condition, compiled: a tree that can be asked about one record and turned into a filter for many. */
import type { Hours } from './hours.ts'
import type { Networks } from './networks.ts'

export type Scalar = string | number | bigint | boolean | null

/** Where a value is: `['org', 'id']` for `org.id`. */
export type Path = readonly string[]

/** What a record's value is compared with. A bound condition (see bind.ts) has no templates left. */
export type Operand =
  | { readonly from: 'literal', readonly value: Scalar | readonly Scalar[] }
  /** A template; `item`: a list of this one value. */
  | { readonly from: 'user' | 'environment', readonly path: Path, readonly item?: true }
  /** The tenants in which the user has the role by a membership. */
  | { readonly from: 'memberships', readonly role: string }
  /** Of `$cidr` and `$between`, which only conditions on the environment have. */
  | { readonly from: 'networks', readonly networks: Networks }
  | { readonly from: 'hours', readonly hours: Hours }

/** What a policy can say a record's value is compared with. */
export type WrittenOperand = Extract<Operand, { from: 'literal' | 'user' | 'environment' }>

export const COMPARISONS = ['$eq', '$ne', '$lt', '$lte', '$gt', '$gte', '$in', '$nin', '$exists', '$all', '$size'] as const
export type Comparison = typeof COMPARISONS[number]

/** Typed operators of the environment: is an address in a network, is an instant within hours of the day. No backend for lists ever sees them. */
export const ENVIRONMENT_COMPARISONS = ['$cidr', '$between'] as const
export type EnvironmentComparison = typeof ENVIRONMENT_COMPARISONS[number]

export const CONNECTIVES = ['$and', '$or', '$nor', '$not'] as const

export type Condition =
  | { readonly kind: 'all', readonly of: readonly Condition[] }
  | { readonly kind: 'any', readonly of: readonly Condition[] }
  | { readonly kind: 'not', readonly of: Condition }
  | { readonly kind: 'compare', readonly path: Path, readonly operator: Comparison | EnvironmentComparison, readonly operand: Operand }
