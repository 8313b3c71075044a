/** Policies written in TypeScript: `definePolicy`, `deny` and `defineSubjects`. */
import type { AttributeType } from './schema.ts'

/** MongoDB's words for what a record must be like: `{ authorId: '$user.id', status: { $ne: 'archived' } }`. */
export interface Conditions {
  readonly [pathOrOperator: string]: unknown
}

/** A rule in CASL's words. */
export interface RuleDefinition {
  /** `manage` is every action. */
  readonly action: string | readonly string[]
  /** `all` is every subject. */
  readonly subject: string | readonly string[]
  /** Names or patterns (`address.*`). Left out: every field. */
  readonly fields?: string | readonly string[]
  /** Left out: every record. */
  readonly conditions?: Conditions
  /** True: the rule forbids. */
  readonly inverted?: boolean
  /** For inverted rules: why, for the log. */
  readonly reason?: string
  /** For inverted rules: what the client learns, in place of `insufficient_permissions`. */
  readonly code?: string
  /** For allowing rules: true where the rule reaches records of every tenant. */
  readonly crossTenant?: boolean
  /** What the user must be to the record, by the names that subjects.yaml gives. Of several, one. */
  readonly relation?: string | readonly string[]
  /** What the time (`now`), the client's `address` and the application's own values must be like. Left out: anything. */
  readonly environment?: Conditions
  /** Of an update: the record as it is (`old`) or as it will be (`new`). Left out: both. */
  readonly state?: 'old' | 'new'
  /** True: the front end may know this rule. */
  readonly expose?: boolean
}

/** What a policy shall say, in the words of a policy file. */
export interface PolicyTestDefinition {
  /** Default: its position. */
  readonly name?: string
  /** The user; `null` or left out: the anonymous. */
  readonly as?: object | null
  readonly environment?: Readonly<Record<string, unknown>>
  /** A subject and a record of it, `{ Article: { … } }`, or a subject alone. In files `{ $date: '2026-01-01T00:00:00Z' }` is a date. */
  readonly given: string | Readonly<Record<string, object>>
  /** The attributes that an update changes, and their new values. */
  readonly becomes?: object
  /** The emergency that the application grants. */
  readonly breakGlass?: string
  /** By action: allowed, denied, allowed for exactly these fields, or denied with this public code. What is not named is expected to be denied. */
  readonly expect: Readonly<Record<string, 'allow' | 'deny' | { readonly allow: string | readonly string[] } | { readonly deny: string }>>
}

/** At most `limit` requests in any `window`. */
export interface QuotaDefinition {
  /** A whole number from 1 to 1,000,000,000. They come back one by one, and all of them may be used at once. */
  readonly limit: number
  /** Seconds, or a text with its unit: `30s`, `1m`, `1h`, `1d`. From 0.001 seconds to 100 years. */
  readonly window: number | `${number}${'s' | 'm' | 'h' | 'd'}`
}

/** By their names, which are sent in the `RateLimit` fields: 1 to 64 printable ASCII characters without quotes and backslashes. */
export type QuotasDefinition = Readonly<Record<string, QuotaDefinition>>

/** The rules and the quotas of a role. */
export interface RolePolicyDefinition {
  readonly role: string
  /** Every role inherits `anonymous`. */
  readonly inherits?: string | readonly string[]
  /** Of several with one name a user has the most generous. */
  readonly quota?: QuotasDefinition
  readonly rules?: readonly RuleDefinition[]
  readonly tests?: readonly PolicyTestDefinition[]
}

interface GroupDefinition {
  readonly name: string
  readonly when: Conditions
  /** What a user outside the set learns where a rule of it would have allowed him. */
  readonly denied?: { readonly code: string }
  readonly tests?: readonly PolicyTestDefinition[]
}

/** Rules for the users that `when` describes, or quotas, or both. Of several quotas with one name a user has the most generous. */
export type GroupPolicyDefinition = GroupDefinition & (
  | { readonly rules: readonly RuleDefinition[], readonly quota?: QuotasDefinition }
  | { readonly rules?: readonly RuleDefinition[], readonly quota: QuotasDefinition }
)

/** Rules for an emergency: they beat inverted rules, for users to whom the application grants it. */
export interface BreakGlassPolicyDefinition {
  readonly breakGlass: string
  readonly rules: readonly RuleDefinition[]
  readonly tests?: readonly PolicyTestDefinition[]
}

/** A no that is decided right after authentication. */
export interface PreCheckDefinition {
  readonly code: string
  // The application knows the type of its users; `any` lets it name that type.
  readonly when: Conditions | ((user: any) => boolean)
}

export interface PreCheckPolicyDefinition {
  readonly name: string
  readonly deny: readonly PreCheckDefinition[]
  readonly tests?: readonly PolicyTestDefinition[]
}

/** An attribute and what is known of it; `enum`: every value that it can have; `optional`: it may be missing or null. */
export interface AttributeDefinition {
  readonly type: AttributeType
  readonly enum?: readonly (string | number | boolean)[]
  readonly optional?: boolean
}

/** The attributes by their names, nested ones by dotted names. */
export type AttributesDefinition = Readonly<Record<string, AttributeType | AttributeDefinition>>

export interface UserDefinition {
  /** The attribute that says to which tenant the user belongs. */
  readonly tenant?: string
  readonly attributes?: AttributesDefinition
}

export interface SubjectDefinition {
  /** The attribute that says to which tenant a record belongs. */
  readonly tenant?: string
  readonly attributes?: AttributesDefinition
  /** What a user can be to a record, and the condition that says so. */
  readonly relations?: Readonly<Record<string, Conditions>>
}

/** The attributes of the user, of each subject, and of the environment. What is not declared is a mistake in a policy. */
export interface SubjectsDefinition {
  readonly user?: UserDefinition
  readonly subjects?: Readonly<Record<string, SubjectDefinition>>
  /** What the application tells of each request, beside `now` and `address`. */
  readonly environment?: { readonly attributes?: AttributesDefinition }
}

export type PolicyDefinition = RolePolicyDefinition | GroupPolicyDefinition | BreakGlassPolicyDefinition | PreCheckPolicyDefinition

/** A policy of pre-checks. What it returns is frozen, and it is checked when the policies are compiled. */
export function definePolicy (name: string, entries: readonly PreCheckDefinition[]): PreCheckPolicyDefinition
/** The policy of a role, or of the users that `when` describes. What it returns is frozen, and it is checked when the policies are compiled. */
export function definePolicy<D extends RolePolicyDefinition | GroupPolicyDefinition | BreakGlassPolicyDefinition> (definition: D): D
export function definePolicy (nameOrDefinition: string | PolicyDefinition, entries?: readonly PreCheckDefinition[]): PolicyDefinition {
  return frozen(typeof nameOrDefinition === 'string' ? { name: nameOrDefinition, deny: entries } : nameOrDefinition) as PolicyDefinition
}

/**
 * Refuses, with a 403 and this code, every user for whom `when` is true. A condition refuses also users who lack a value that it needs.
 * A function answers at once with true or false; for anything else (also when it throws) the answer is a 503.
 */
export function deny (definition: PreCheckDefinition): PreCheckDefinition {
  return frozen(definition) as PreCheckDefinition
}

/**
 * What `subjects.yaml` says, for policies that are given as a list: `[defineSubjects({ … }), definePolicy({ … })]`, once, at any place in it.
 * What it returns is frozen, and it is checked when the policies are compiled.
 */
export function defineSubjects<const D extends SubjectsDefinition> (definition: D): D {
  return frozen(definition) as D
}

const SUBJECTS_KEYS = ['user', 'subjects', 'environment'] satisfies (keyof SubjectsDefinition)[]

/** Whether a value is what `defineSubjects` takes: none of these keys is a policy's. */
export function declaresSubjects (value: unknown): boolean {
  return typeof value === 'object' && value !== null && SUBJECTS_KEYS.some((key) => Object.hasOwn(value, key))
}

/** A frozen copy. What is not a list or a map stays as it is, also `undefined`: the validation shall see it. */
function frozen (value: unknown, copies = new Map<object, object>()): unknown {
  if (typeof value !== 'object' || value === null) return value
  const done = copies.get(value)
  if (done !== undefined) return done
  if (Array.isArray(value)) {
    const list: unknown[] = []
    copies.set(value, list)
    for (const item of value) list.push(frozen(item, copies))
    return Object.freeze(list)
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return value
  const map: Record<PropertyKey, unknown> = {}
  copies.set(value, map)
  for (const key of Reflect.ownKeys(value)) {
    const property = Object.getOwnPropertyDescriptor(value, key) as PropertyDescriptor
    Object.defineProperty(map, key, 'value' in property ? { ...property, value: frozen(property.value, copies) } : property)
  }
  return Object.freeze(map)
}
