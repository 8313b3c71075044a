/** The compiled policy: what the authorization room reads, prepared once for every request. */
import type { Condition, Path } from './condition.ts'

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
  readonly action: readonly string[]
  readonly subject: readonly string[]
  readonly inverted: boolean
  /** Field names or CASL patterns (`address.*`); `null` for all fields. */
  readonly fields: readonly string[] | null
  /** `null`: the rule applies to every record. The tenant guard rail is already part of it. */
  readonly condition: Condition | null
  /** The user's values that the condition needs; while one is absent an allowing rule does not apply, and an inverted rule applies to every record. */
  readonly needs: readonly Path[]
  readonly crossTenant: boolean
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
  readonly needs: readonly Path[]
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

export interface Policy {
  /** A digest of the policy's content, for decision events: the first 12 hexadecimal digits of a SHA-256. */
  readonly version: string
  /** For each role its own and all inherited rules, each once. `anonymous` is always present and inherited by every role. */
  readonly roles: ReadonlyMap<string, readonly Rule[]>
  /** For each role itself and all that it inherits. */
  readonly inherits: ReadonlyMap<string, ReadonlySet<string>>
  readonly groups: readonly Group[]
  readonly preChecks: readonly PreCheck[]
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
  /** The parsed content, not trusted in any way. */
  readonly content: unknown
  /** Where the value at a path of keys and indexes was written, or its key; for a path that is not there, the nearest value around it. */
  readonly locate: (path: Keys, part?: 'key' | 'value') => Place
}
