/** Policies in, one compiled policy out, prepared once for every request. */
import { bind } from './bind.ts'
import { withDeclared } from './declared.ts'
import { evaluateUser } from './evaluate.ts'
import type { Group, Policy, PolicySource, PreCheck, Rule } from './policy.ts'
import { PolicyError } from './problems.ts'
import { joined } from './joined.ts'
import { ANONYMOUS, lineage } from './roles.ts'
import { compiledQuotas } from './quotas.ts'
import { reaching, reachingAsMember } from './reach.ts'
import type { ReachingRule } from './reach.ts'
import type { CheckedRule } from './rules.ts'
import type { Declarations } from './subjects.ts'
import { validate } from './validate.ts'
import type { Checked, CheckedPolicy, CheckedPreCheck } from './validate.ts'
import { versionOf } from './version.ts'

type Of<K extends CheckedPolicy['kind']> = Extract<CheckedPolicy, { kind: K }>

/** Throws a `PolicyError` that tells everything that is wrong. */
export function compilePolicies (sources: readonly PolicySource[]): Policy {
  const checked = validate(sources)
  if (checked.senseless.length > 0) throw new PolicyError(checked.senseless)
  return compileChecked(checked)
}

/** Also of rules that can never matter: they are decided about like all others. */
export function compileChecked ({ declared, policies, tests, contents }: Checked): Policy {
  const ofRoles = policies.filter((policy) => policy.kind === 'role')
  const inherits = lineagesOf(ofRoles)
  const own = ownRules(ofRoles, (rule) => reaching(rule, declared))
  const ownAsMember = ownRules(ofRoles.filter(({ name }) => name !== ANONYMOUS), (rule, role) => reachingAsMember(rule, role, declared))
  const ofGroups = policies.filter((policy) => policy.kind === 'when')
  const groups = ofGroups.map((policy) => groupOf(policy, declared))
  const preChecks = policies.filter((policy) => policy.kind === 'deny').flatMap(preChecksOf)
  const breakGlass = new Map(policies.filter((policy) => policy.kind === 'breakGlass').map(({ name, rules }) => [name, rules.flatMap((rule) => reaching(rule, declared))]))
  const rules = joined([...own.values(), ...groups.map((group) => group.rules), ...breakGlass.values()])
  return withDeclared({
    version: versionOf(contents),
    roles: inherited(own, inherits),
    inherits,
    parents: parentsOf(ofRoles),
    memberships: inherited(ownAsMember, inherits),
    breakGlass,
    groups,
    preChecks,
    quotas: compiledQuotas(ofRoles, ofGroups, inherits),
    tests,
    actions: new Set(joined(rules.map((rule) => rule.action))),
    subjects: new Set(joined(rules.map((rule) => rule.subject))),
    codes: new Set([...rules, ...preChecks, ...groups.map((group) => group.denied)].map((named) => named?.code).filter((code) => typeof code === 'string')),
  }, declared)
}

function parentsOf (policies: readonly Of<'role'>[]): Map<string, readonly string[]> {
  return new Map(policies.map(({ name, inherits }) => [name, name === ANONYMOUS ? [] : [...inherits.map((parent) => parent.name), ANONYMOUS]]))
}

function lineagesOf (policies: readonly Of<'role'>[]): Map<string, ReadonlySet<string>> {
  const known = new Map(policies.map((policy) => [policy.name, policy]))
  return new Map([ANONYMOUS, ...known.keys()].map((name) => [name, lineage(name, known)]))
}

function ownRules (policies: readonly Of<'role'>[], reach: (rule: CheckedRule, role: string) => ReachingRule[]): Map<string, readonly Rule[]> {
  return new Map(policies.map(({ name, rules }) => [name, joined(rules.map((rule) => reach(rule, name)))]))
}

function inherited (own: ReadonlyMap<string, readonly Rule[]>, inherits: Policy['inherits']): Map<string, readonly Rule[]> {
  return new Map([...inherits].map(([name, members]) => [name, joined([...members].map((member) => own.get(member) ?? []))]))
}

function groupOf ({ name, when, denied, rules, place }: Of<'when'>, declared: Declarations): Group {
  return { name, when, rules: rules.flatMap((rule) => reaching(rule, declared)), denied, place }
}

function preChecksOf ({ name, checks }: Of<'deny'>): PreCheck[] {
  return checks.map((check) => ({ name, code: check.code, refuses: refusal(name, check), place: check.place }))
}

function refusal (name: string, { when }: CheckedPreCheck): PreCheck['refuses'] {
  if (typeof when !== 'function') {
    return (user) => {
      const bound = bind(when, user)
      return bound.kind === 'lacking' || evaluateUser(bound.condition, user) !== false
    }
  }
  return (user) => {
    const answer = when(user)
    if (typeof answer === 'boolean') return answer
    throw new TypeError(`The pre-check of the policy "${name}" answered ${answer === null ? 'null' : `with the type ${typeof answer}`}; it must answer true or false, and not later.`)
  }
}
