/** Policies written in TypeScript: `definePolicy` and `deny`. */

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
}

/** The rules of a role. */
export interface RolePolicyDefinition {
  readonly role: string
  /** Every role inherits `anonymous`. */
  readonly inherits?: string | readonly string[]
  readonly rules?: readonly RuleDefinition[]
}

/** Rules for the users that `when` describes. */
export interface GroupPolicyDefinition {
  readonly name: string
  readonly when: Conditions
  /** What a user outside the set learns where a rule of it would have allowed him. */
  readonly denied?: { readonly code: string }
  readonly rules: readonly RuleDefinition[]
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
}

export type PolicyDefinition = RolePolicyDefinition | GroupPolicyDefinition | PreCheckPolicyDefinition

/** A policy of pre-checks. What it returns is frozen, and it is checked when the policies are compiled. */
export function definePolicy (name: string, entries: readonly PreCheckDefinition[]): PreCheckPolicyDefinition
/** The policy of a role, or of the users that `when` describes. What it returns is frozen, and it is checked when the policies are compiled. */
export function definePolicy<D extends RolePolicyDefinition | GroupPolicyDefinition> (definition: D): D
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
