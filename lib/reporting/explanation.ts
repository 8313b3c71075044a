/** What an explanation of a decision tells: every rule that was asked, and what each lacked. */

/** A comparison that did not come out as the rule wants it. */
export interface FailedComparison {
  /** `record.status`, `environment.address`; of what a user or environment lacks, `user.tenantId`. */
  readonly path: string
  readonly operator: string
  /** There is no value, or one of another type than the rule's. */
  readonly lacking: boolean
  /** Only where values were asked for. */
  readonly expected?: unknown
  readonly actual?: unknown
}

/** A rule about the action and the subject. */
export interface Candidate {
  /** `author/2`, and where it stands, `policies/author.yaml:9`. */
  readonly rule: string
  readonly place: string
  readonly inverted: boolean
  /** The roles from one of the user's own to the one whose rule it is, `editor > author`; of another sort of policy its name. */
  readonly via: string
  /** `unknown`: a value is lacking; then an allowing rule does not apply, and an inverted one does. */
  readonly applies: 'yes' | 'no' | 'unknown'
  /** Why it does not. */
  readonly failed: readonly FailedComparison[]
}

export interface Explanation {
  /** May the action be done on this record (without one: on any of the subject)? */
  readonly allowed: boolean
  readonly action: string
  readonly subject: string
  readonly field: string | null
  /** The rule that decided; `null`: none applies, which is a no. */
  readonly rule: string | null
  readonly place: string | null
  readonly via: string | null
  readonly candidates: readonly Candidate[]
  /** How many more candidates there were than are told. */
  readonly more: number
  /** The version of the policy. */
  readonly policy: string
}
