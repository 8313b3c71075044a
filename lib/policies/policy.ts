/** The compiled policy: what the authorization room reads, prepared once for every request. */
import type { Condition } from './condition.ts'
import type { State } from './schema.ts'

/** Where something was written; `line` and `column` count from 1 and are absent for policies written in TypeScript. */
export interface Place {
  readonly file: string
  readonly line?: number
  readonly column?: number
}

/** One rule, in CASL's words. The order of rules and files never matters: any inverted rule that applies beats every allowing one. */
export interface Rule {
  /**
   * Policy name and position from 1, `author/2`. A rule that was split because the tenants of its subjects are kept
   * in different attributes names its subjects too, `author/2:Article+Comment`; ids are unique within a policy.
   */
  readonly id: string
  /** The role, or the name of the policy, that it belongs to. */
  readonly policy: string
  readonly action: readonly string[]
  readonly subject: readonly string[]
  readonly inverted: boolean
  /** Field names or CASL patterns (`address.*`); `null` for all fields. */
  readonly fields: readonly string[] | null
  /** `null`: the rule applies to every record. The tenant guard rail and the relation are already part of it. */
  readonly condition: Condition | null
  /** What the environment must be like; `null`: anything. Without a value that it needs an allowing rule does not apply, and an inverted one does. */
  readonly environment: Condition | null
  /** Whether the conditions have templates; while one has no value an allowing rule does not apply, and an inverted rule applies to every record. */
  readonly templates: boolean
  /** Of an update, the state that the rule is about; `null`: both. Everything else is about the record as it is, `old`. */
  readonly state: State | null
  readonly crossTenant: boolean
  /** Whether the front end may know it. */
  readonly exposed: boolean
  /** For the log. */
  readonly reason: string | null
  /** For the client, in place of `insufficient_permissions`. */
  readonly code: string | null
  readonly place: Place
}

/** A policy for the set of users that `when` describes. */
export interface Group {
  readonly name: string
  readonly when: Condition
  readonly rules: readonly Rule[]
  /** What a user outside the set learns when a rule of it would have allowed him. */
  readonly denied: { readonly code: string } | null
  readonly place: Place
}

/** A no that is decided right after authentication, for a known user. */
export interface PreCheck {
  readonly name: string
  readonly code: string
  /** True: the user is refused. Throws where it cannot know (a 503). */
  readonly refuses: (user: unknown) => boolean
  readonly place: Place
}

/** An allowance of a policy. Durations are milliseconds. */
export interface QuotaRule {
  readonly name: string
  readonly limit: number
  readonly window: number
  /** The role, or the name of the policy, that it belongs to. */
  readonly policy: string
  readonly place: Place
}

export interface PolicyQuotas {
  /** For each role the most generous of each name, of its own, those of the roles that it inherits and those of `anonymous`; empty in a policy without quotas. */
  readonly ofRoles: ReadonlyMap<string, readonly QuotaRule[]>
  /** For the users that a policy's `when` describes. */
  readonly ofGroups: readonly { readonly when: Condition, readonly quotas: readonly QuotaRule[] }[]
  /** Every name. */
  readonly names: ReadonlySet<string>
}

/** Whom the policy shall let do what. */
export interface PolicyTest {
  readonly name: string
  /** The user; `null`: the anonymous. */
  readonly as: Readonly<Record<string, unknown>> | null
  readonly environment: Readonly<Record<string, unknown>>
  /** The emergency that is granted. */
  readonly breakGlass: string | null
  readonly subject: string
  /** `null`: the subject as a whole. */
  readonly record: Readonly<Record<string, unknown>> | null
  /** What an update changes of it. */
  readonly becomes: Readonly<Record<string, unknown>> | null
  /** What is not named is expected to be denied. */
  readonly expect: readonly Expectation[]
  readonly place: Place
}

export type Expectation = { readonly action: string, readonly place: Place } & (
  /** `fields`: exactly these; `null`: it does not matter which. */
  | { readonly kind: 'allow', readonly fields: readonly string[] | null }
  /** `code`: with this public code; `null`: it does not matter which. */
  | { readonly kind: 'deny', readonly code: string | null }
)

export interface Policy {
  /** A digest of the policy's content without its tests, for decision events: the first 12 hexadecimal digits of a SHA-256. */
  readonly version: string
  /** For each role its own and all inherited rules, each once. `anonymous` is always present and inherited by every role. */
  readonly roles: ReadonlyMap<string, readonly Rule[]>
  /** For each role itself and all that it inherits. */
  readonly inherits: ReadonlyMap<string, ReadonlySet<string>>
  /** For each role those that it inherits directly. */
  readonly parents: ReadonlyMap<string, readonly string[]>
  /** For each role the rules of those who have it by a membership, in some tenants only: its own and all inherited ones but those of `anonymous`. */
  readonly memberships: ReadonlyMap<string, readonly Rule[]>
  /** The rules of each emergency, by its name. */
  readonly breakGlass: ReadonlyMap<string, readonly Rule[]>
  readonly groups: readonly Group[]
  readonly preChecks: readonly PreCheck[]
  readonly quotas: PolicyQuotas
  readonly tests: readonly PolicyTest[]
  /** Every action, subject and public code that the policy names. */
  readonly actions: ReadonlySet<string>
  readonly subjects: ReadonlySet<string>
  readonly codes: ReadonlySet<string>
}

/** Keys and indexes from the top of a policy's content down to a value: `['rules', 0, 'action']`. */
export type Keys = readonly (string | number)[]

/** One policy before compilation, with what is needed to say where a mistake stands. */
export interface PolicySource {
  /** Its file, or the name given to `definePolicy`. */
  readonly file: string
  /**
   * `'tests'`: it holds nothing else. So does a file whose name ends in `.test.yaml`, `.test.yml` or `.test.json`, which need not say so.
   * `'subjects'`: it declares them, as does a file named `subjects`.
   */
  readonly holds?: 'tests' | 'subjects'
  /** The parsed content, not trusted in any way. */
  readonly content: unknown
  /** It was parsed from a text, so that it is plain maps and lists that nobody else has. */
  readonly isText?: true
  /** Where the value at a path of keys and indexes was written, or its key; for a path that is not there, the nearest value around it. */
  readonly locate: (path: Keys, part?: 'key' | 'value') => Place
}
