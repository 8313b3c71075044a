/** Deciding: what a requirement says of a user and the records at hand. Pure; it loads nothing and answers nobody. */
import type { Rule } from '../policies/policy.ts'
import type { State } from '../policies/schema.ts'
import type { Ability } from './ability.ts'
import { deniedCode } from './denied-code.ts'
import type { Question } from './explanation.ts'
import { reasonOf, whyNot } from './why-not.ts'
import { recordFilter } from './filter.ts'
import { subjectOf, type Can, type Requirement, type Target } from './requirement.ts'

/** How the user signed in, as far as a requirement asks about it. Times are seconds since 1970. */
export interface SignIn {
  readonly scopes: readonly string[]
  readonly acr: string | null
  readonly authTime: number | null
}

/** Who asks. `roles` are the user's and all that they inherit. */
export interface Asker {
  readonly user: object | null
  readonly roles: readonly string[]
  readonly signIn: SignIn | null
  readonly ability: Ability
  /** Seconds since 1970. */
  readonly now: number
}

/** What is known so far. A target that is not in `records` has not been loaded; `null` means that there is no such record. */
export interface Evidence {
  readonly records: ReadonlyMap<Target, object | null>
  /** The fields that the request writes; `null` where that cannot be told. */
  readonly written: readonly string[] | null
  /** The records as they will be, of a request that changes them. One that is not there has not been made yet; `null`: it stays as it is. */
  readonly nexts: ReadonlyMap<Target, Next | null>
}

/** What a record becomes. */
export interface Next {
  /** `null`: it cannot be told. */
  readonly record: object | null
  /** Fields that the body replaces as wholes, besides those that it writes. */
  readonly overwritten: readonly string[]
}

export interface No {
  readonly kind: 'no'
  readonly as: 'unauthenticated' | 'hidden' | 'missing' | 'forbidden' | 'fields' | 'scope' | 'step_up'
  /** For the log. */
  readonly reason: string
  readonly rule: Rule | null
  /** The public code of the policy that says no. */
  readonly code: string | null
  /** The part of the requirement that says no. */
  readonly part: Requirement
  readonly fields: readonly string[]
  /** What was asked of the rules, for an explanation; `null` where no rule was. */
  readonly asked: Question | null
}

export type Ruling =
  | { readonly kind: 'yes', readonly rule: Rule | null }
  /** This record must be loaded first; then ask again. */
  | { readonly kind: 'record', readonly target: Target }
  /** The record as it will be must be made first; then ask again. */
  | { readonly kind: 'next', readonly target: Target, readonly record: object, readonly action: string }
  | No

const YES: Ruling = { kind: 'yes', rule: null }

/** Of several nos, the first in this order is the most useful one to the client. */
const MOST_USEFUL: readonly No['as'][] = ['unauthenticated', 'hidden', 'missing', 'forbidden', 'fields', 'scope', 'step_up']

export function decide (requirement: Requirement, asker: Asker, evidence: Evidence): Ruling {
  switch (requirement.kind) {
    case 'public':
    case 'optional':
      return YES
    case 'authenticated':
      return asker.user === null ? no(requirement, 'unauthenticated', 'nobody is signed in') : YES
    case 'can':
      return forAsker(asker, decideCan(requirement, asker, evidence))
    case 'role':
      return decideRole(requirement, asker)
    case 'scope':
      return decideScope(requirement, asker)
    case 'step_up':
      return decideStepUp(requirement, asker)
    case 'all_of':
      return allOf(requirement.of.map((part) => decide(part, asker, evidence)))
    case 'any_of':
      return anyOf(requirement.of.map((part) => decide(part, asker, evidence)))
  }
}

/** Law 3: an anonymous client that is refused is asked to sign in, unless the resource is hidden. */
function forAsker (asker: Asker, ruling: Ruling): Ruling {
  if (asker.user !== null || ruling.kind !== 'no' || ruling.as === 'hidden' || ruling.as === 'missing') return ruling
  return { ...ruling, as: 'unauthenticated', code: null, fields: [] }
}

function decideCan (can: Can, asker: Asker, evidence: Evidence): Ruling {
  const { action, target } = can
  const { ability } = asker
  // A membership allows in some tenants only, and so may an emergency: neither is enough for the subject as a whole.
  if (target.kind === 'type') return recordFilter(ability, action, target.subject).kind === 'every' ? yes(ability.decisive(action, target.subject)) : forbidden(can, asker)
  const { subject, hidden } = target.resource
  if (target.kind === 'list') return hidden || ability.ever(action, subject) ? YES : forbidden(can, asker)
  if (target.kind === 'record' && hidden) {
    if (!ability.ever('read', subject)) return { ...no(can, 'hidden', `nothing allows to read any ${subject}`), asked: { action: 'read', subject } }
  } else if (!ability.ever(action, subject)) {
    return forbidden(can, asker)
  }
  const record = evidence.records.get(target)
  if (record === undefined) return { kind: 'record', target }
  if (record === null) return no(can, 'missing', `there is no such ${subject}`)
  const ruling = decideRecord(can, asker, record, evidence.written)
  if (ruling.kind !== 'yes' || target.kind !== 'record' || action === 'read') return ruling
  const next = evidence.nexts.get(target)
  if (next === undefined) return { kind: 'next', target, record, action }
  return next === null ? ruling : decideNext(can, asker, record, next, evidence.written) ?? ruling
}

/** An update must be allowed on the record as it will be too: nobody moves a record to where he could not have touched it. `null` where it is. */
export function decideNext (can: Can, { ability }: Asker, record: object, { record: next, overwritten }: Next, written: readonly string[] | null): No | null {
  const { action } = can
  const subject = subjectOf(can.target)
  if (next === null) return no(can, 'forbidden', `what this ${subject} would become cannot be told from the body: the route may say so by .changing(…)`)
  const lost = forbiddenFields(ability, action, subject, record, overwritten, 'old')
  if (lost !== null) return fieldsNo(can, lost, record, 'old')
  if (ability.allows(action, subject, next, undefined, 'new')) return fieldsNo(can, forbiddenFields(ability, action, subject, next, written, 'new'), next, 'new')
  const rule = ability.decisive(action, subject, next, 'new')
  const inverted = rule?.inverted === true
  return {
    ...no(can, 'forbidden', inverted ? `rule ${rule.id} forbids what the record would become${reasonOf(rule)}` : `no rule allows "${action}" on what this ${subject} would become`, rule),
    code: inverted ? rule.code : null,
    asked: { action, subject, record: next, state: 'new' },
  }
}

/** The decision on one record, also for `request.can` and `request.authorize`. */
export function decideRecord (can: Can, asker: Asker, record: object, written: readonly string[] | null): Ruling {
  const { action, target } = can
  if (target.kind === 'type') throw new TypeError('a decision on a record needs a resource')
  const { subject, hidden } = target.resource
  const { ability } = asker
  const covered = hidden && target.kind === 'record'
  if (covered && !ability.allows('read', subject, record)) {
    return { ...no(can, 'hidden', whyNot(ability, 'read', subject, record), ability.decisive('read', subject, record)), asked: { action: 'read', subject, record } }
  }
  const rule = ability.decisive(action, subject, record)
  if (rule === null || rule.inverted) return forbidden(can, asker, record)
  return fieldsNo(can, forbiddenFields(ability, action, subject, record, written, 'old'), record, 'old') ?? yes(rule)
}

function fieldsNo (can: Can, fields: readonly string[] | null, record: object, state: State): No | null {
  if (fields === null) return null
  return {
    ...no(can, 'fields', fields.length === 0 ? 'the body is no object, so its fields cannot be told' : `the fields ${fields.join(', ')} may not be written`),
    fields,
    asked: { action: can.action, subject: subjectOf(can.target), record, field: fields[0], state },
  }
}

/** Of the written fields those that are not allowed; `null` when all are. */
function forbiddenFields (ability: Ability, action: string, subject: string, record: object, written: readonly string[] | null, state: State): readonly string[] | null {
  if (written === null) return ability.limitsFields(action, subject) ? [] : null
  if (written.length === 0 || !ability.limitsFields(action, subject)) return null
  const fields = written.filter((field) => !ability.allows(action, subject, record, field, state))
  return fields.length === 0 ? null : fields
}

function decideRole (requirement: Extract<Requirement, { kind: 'role' }>, asker: Asker): Ruling {
  if (asker.user === null) return no(requirement, 'unauthenticated', 'nobody is signed in')
  if (requirement.roles.some((role) => asker.roles.includes(role))) return YES
  return no(requirement, 'forbidden', `needs the role ${requirement.roles.join(' or ')}`)
}

function decideScope (requirement: Extract<Requirement, { kind: 'scope' }>, asker: Asker): Ruling {
  const { signIn } = asker
  if (signIn === null) return no(requirement, 'unauthenticated', 'nobody is signed in')
  const missing = requirement.scopes.filter((scope) => !signIn.scopes.includes(scope))
  return missing.length === 0 ? YES : no(requirement, 'scope', `the credentials lack the scope ${missing.join(' ')}`)
}

function decideStepUp (requirement: Extract<Requirement, { kind: 'step_up' }>, asker: Asker): Ruling {
  const { signIn } = asker
  if (signIn === null) return no(requirement, 'unauthenticated', 'nobody is signed in')
  if (requirement.acr.length > 0 && (signIn.acr === null || !requirement.acr.includes(signIn.acr))) {
    return no(requirement, 'step_up', 'the sign-in was of another kind than required')
  }
  if (requirement.maxAge !== null && !isRecent(signIn.authTime, requirement.maxAge, asker.now)) {
    return no(requirement, 'step_up', `the sign-in is older than ${requirement.maxAge} s`)
  }
  return YES
}

/** How far ahead of ours the clock of an issuer may be, in seconds. */
const CLOCK_TOLERANCE = 60

function isRecent (authTime: number | null, maxAge: number, now: number): boolean {
  if (authTime === null) return false
  const age = now - authTime
  return age <= maxAge && age >= -CLOCK_TOLERANCE
}

function allOf (rulings: readonly Ruling[]): Ruling {
  const refused = rulings.find((ruling) => ruling.kind === 'no' && ruling.as !== 'step_up')
  const open = rulings.find((ruling) => ruling.kind === 'record' || ruling.kind === 'next')
  // Step-up is asked last, only of a user whom everything else allows.
  const stepUp = rulings.find((ruling) => ruling.kind === 'no')
  return refused ?? open ?? stepUp ?? yes(ruleOf(rulings))
}

function anyOf (rulings: readonly Ruling[]): Ruling {
  const allowed = rulings.find((ruling) => ruling.kind === 'yes')
  const open = rulings.find((ruling) => ruling.kind === 'record' || ruling.kind === 'next')
  if (allowed !== undefined || open !== undefined) return (allowed ?? open) as Ruling
  const nos = rulings as readonly No[]
  return nos.reduce((best, ruling) => MOST_USEFUL.indexOf(ruling.as) < MOST_USEFUL.indexOf(best.as) ? ruling : best)
}

function ruleOf (rulings: readonly Ruling[]): Rule | null {
  for (const ruling of rulings) if (ruling.kind === 'yes' && ruling.rule !== null) return ruling.rule
  return null
}

function yes (rule: Rule | null): Ruling {
  return rule === null ? YES : { kind: 'yes', rule }
}

function no (part: Requirement, as: No['as'], reason: string, rule: Rule | null = null): No {
  return { kind: 'no', as, reason, rule, code: null, part, fields: [], asked: null }
}

function forbidden (can: Can, asker: Asker, record?: object): No {
  const { action, target } = can
  const subject = subjectOf(target)
  const { ability } = asker
  const rule = ability.decisive(action, subject, record)
  return {
    ...no(can, 'forbidden', whyNot(ability, action, subject, record), rule?.inverted === true ? rule : null),
    code: rule?.inverted === true ? rule.code : deniedCode(ability, asker.user, { action, subject, record: record ?? (target.kind === 'type' ? 'all' : 'any') }),
    asked: { action, subject, record },
  }
}
