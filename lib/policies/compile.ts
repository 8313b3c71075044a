/** Policies in, one compiled policy out, prepared once for every request. */
import { bind } from './bind.ts'
import { evaluateUser } from './evaluate.ts'
import type { Group, Policy, PolicySource, PreCheck, Rule } from './policy.ts'
import { ANONYMOUS, lineage } from './roles.ts'
import type { CheckedRule } from './rules.ts'
import type { Declarations } from './subjects.ts'
import { withinTenant } from './tenant.ts'
import { userPaths } from './user-paths.ts'
import { validate } from './validate.ts'
import type { CheckedPolicy, CheckedPreCheck } from './validate.ts'
import { versionOf } from './version.ts'

type Of<K extends CheckedPolicy['kind']> = Extract<CheckedPolicy, { kind: K }>

/** Throws a `PolicyError` that tells everything that is wrong. */
export function compilePolicies (sources: readonly PolicySource[]): Policy {
  const { declared, policies, contents } = validate(sources)
  const ofRoles = policies.filter((policy) => policy.kind === 'role')
  const inherits = lineagesOf(ofRoles)
  const roles = rolesOf(ofRoles, inherits, declared)
  const groups = policies.filter((policy) => policy.kind === 'when').map((policy) => groupOf(policy, declared))
  const preChecks = policies.filter((policy) => policy.kind === 'deny').flatMap(preChecksOf)
  const rules = [...roles.values(), ...groups.map((group) => group.rules)].flat()
  return {
    version: versionOf(contents),
    roles,
    inherits,
    groups,
    preChecks,
    actions: new Set(rules.flatMap((rule) => rule.action)),
    subjects: new Set(rules.flatMap((rule) => rule.subject)),
    codes: new Set([...rules, ...preChecks, ...groups.map((group) => group.denied)].flatMap((named) => named?.code ?? [])),
  }
}

function lineagesOf (policies: readonly Of<'role'>[]): Map<string, ReadonlySet<string>> {
  const known = new Map(policies.map((policy) => [policy.name, policy]))
  return new Map([ANONYMOUS, ...known.keys()].map((name) => [name, lineage(name, known)]))
}

function rolesOf (policies: readonly Of<'role'>[], inherits: Policy['inherits'], declared: Declarations): Map<string, readonly Rule[]> {
  const own = new Map(policies.map((policy) => [policy.name, policy.rules.flatMap((rule) => rulesOf(rule, declared))]))
  return new Map([...inherits].map(([name, members]) => [name, [...members].flatMap((member) => own.get(member) ?? [])]))
}

function groupOf ({ name, when, denied, rules, place }: Of<'when'>, declared: Declarations): Group {
  return { name, when, needs: userPaths(when), rules: rules.flatMap((rule) => rulesOf(rule, declared)), denied, place }
}

function rulesOf (checked: CheckedRule, declared: Declarations): Rule[] {
  return withinTenant(checked, declared).map((rule) => ({ ...rule, needs: userPaths(rule.condition) }))
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
