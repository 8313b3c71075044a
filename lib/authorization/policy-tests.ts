/** Runs the tests of a policy, each through the decision that a request would meet. Pure. */
import type { Expectation, Place, Policy, PolicyTest, PreCheck, Rule } from '../policies/policy.ts'
import { placeText as exactPlace } from '../policies/problems.ts'
import { Abilities } from './abilities.ts'
import { decide, type Asker, type Ruling } from './decision.ts'
import { membershipMistakes, membershipsIn, rolesIn } from './membership.ts'
import type { Can, Target } from './requirement.ts'
import { resource } from './resource.ts'
import { lackingTexts, placeText } from './why-not.ts'

/** An expectation that does not hold. */
export interface FailedTest {
  /** Of the expectation; for one that is not written down, of the test. */
  readonly place: Place
  readonly test: string
  /** As whom, `abe (author)`. */
  readonly as: string
  readonly action: string
  readonly subject: string
  readonly expected: string
  readonly got: string
  /** The rule that decided. */
  readonly rule: { readonly id: string, readonly place: Place } | null
}

/** How the application reads its users. By default a user has `roles` and `memberships`. */
export interface Reading {
  readonly roles?: (user: object) => unknown
  readonly memberships?: (user: object) => unknown
}

/** Every expectation of the policy's tests that does not hold. Never throws. */
export function runPolicyTests (policy: Policy, reading: Reading = {}): readonly FailedTest[] {
  return [...failedTests(policy, reading)]
}

/** The same in sentences, for a start or a reload that must not be. */
export function policyTestProblems (policy: Policy, reading: Reading = {}): readonly string[] {
  return runPolicyTests(policy, reading).map(failureText)
}

/** The same one after another, for whoever needs only the first. */
export function * failedTests (policy: Policy, reading: Reading = {}): Generator<FailedTest> {
  const abilities = new Abilities(policy)
  for (const test of policy.tests) yield * failuresOf(test, abilities, reading)
}

/** `policies/author.yaml:12:7 test "…": update of Article as abe (author): expected deny, got allow by rule author/2 (policies/author.yaml:9)` */
export function failureText ({ place, test, as, action, subject, expected, got }: FailedTest): string {
  return `${exactPlace(place)} test "${test}": ${action} of ${subject} as ${as}: expected ${expected}, got ${got}`
}

/** The expectations of one test that do not hold. */
export function * failuresOf (test: PolicyTest, abilities: Abilities, reading: Reading = {}): Generator<FailedTest> {
  const named = new Set(test.expect.map(({ action }) => action))
  const silent = [...actionsOn(test.subject, abilities.policy)].filter((action) => !named.has(action))
  const expectations: readonly Expectation[] = [...test.expect, ...silent.map((action) => ({ action, kind: 'deny' as const, code: null, place: test.place }))]
  const trial = new Trial(test, abilities, reading)
  for (const expectation of expectations) {
    const got = trial.against(expectation)
    if (got === null) continue
    const { action, place } = expectation
    yield { place, test: test.name, as: whom(test.as), action, subject: test.subject, expected: expectedText(expectation), ...got }
  }
}

/** What there was in place of what was expected. */
type Got = Pick<FailedTest, 'got' | 'rule'>

class Trial {
  readonly #test: PolicyTest
  readonly #abilities: Abilities
  readonly #reading: Reading

  constructor (test: PolicyTest, abilities: Abilities, reading: Reading) {
    this.#test = test
    this.#abilities = abilities
    this.#reading = reading
  }

  /** `null`: as expected. */
  against (expectation: Expectation): Got | null {
    try {
      const check = this.#preCheck()
      return check === undefined ? this.#decided(expectation) : preChecked(expectation, check)
    } catch (error) {
      return { got: `no answer: ${(error as Error).message}`, rule: null }
    }
  }

  /** The first that refuses the user. */
  #preCheck (): PreCheck | undefined {
    const { as } = this.#test
    return as === null ? undefined : this.#abilities.policy.preChecks.find((check) => check.refuses(as))
  }

  #decided (expectation: Expectation): Got | null {
    const { action } = expectation
    const conditional = this.#test.record === null ? this.#conditional(action) : undefined
    if (conditional !== undefined) return { got: `no answer: rule ${conditional.id} has conditions, so the test must be given a record`, rule: conditional }
    const asker = this.#asker()
    const ruling = this.#ruling(action, asker, [])
    if (ruling.kind === 'no') {
      const code = ruling.code ?? (ruling.as === 'unauthenticated' ? ruling.as : 'insufficient_permissions')
      if (isDenial(expectation, code)) return null
      const lacking = [...lackingTexts(asker.ability.lacking), ...membershipMistakes(this.#memberships(), this.#abilities.policy)]
      return { got: [`deny with ${code}: ${ruling.reason}${at(ruling.rule)}`, ...lacking].join('; '), rule: ruling.rule }
    }
    const rule = (ruling as Extract<Ruling, { kind: 'yes' }>).rule as Rule
    if (expectation.kind === 'deny') return { got: `allow by rule ${rule.id}${at(rule)}`, rule }
    const difference = expectation.fields === null ? null : this.#difference(action, asker, expectation.fields)
    return difference === null ? null : { got: `allow, ${difference}`, rule }
  }

  /** How the fields that are allowed differ from those that were expected. */
  #difference (action: string, asker: Asker, expected: readonly string[]): string | null {
    const allowed = (field: string): boolean => this.#ruling(action, asker, [field]).kind === 'yes'
    const lacking = expected.filter((field) => !allowed(field))
    const beyond = this.#knownFields().filter((field) => !expected.some((one) => field === one || field.startsWith(`${one}.`)) && allowed(field))
    const differences = [lacking.length > 0 && `but not of ${lacking.join(', ')}`, beyond.length > 0 && `and also of ${beyond.join(', ')}`]
    return differences.filter((difference) => difference !== false).join(', ') || null
  }

  /** Every field of the subject that a rule or the record names. */
  #knownFields (): string[] {
    const { subject, record } = this.#test
    const ofRules = rulesOn(subject, this.#abilities.policy).flatMap(({ fields }) => fields ?? [])
    return [...new Set([...Object.keys(record as object), ...ofRules.filter((field) => !field.includes('*'))])]
  }

  /** A check on a subject as a whole would ignore conditions, and no route may ask for it. */
  #conditional (action: string): Rule | undefined {
    return rulesOn(this.#test.subject, this.#abilities.policy).find((rule) => covers(rule, action) && rule.condition !== null)
  }

  #asker (): Asker {
    const { as: user, environment, breakGlass } = this.#test
    const { roles: rolesOf = ownRoles } = this.#reading
    const roles = user === null ? [] : rolesIn(rolesOf(user))
    const memberships = membershipsIn(this.#memberships())
    return {
      user,
      roles: this.#abilities.inherited(roles),
      signIn: null,
      ability: this.#abilities.of(user, roles, { memberships, environment, breakGlass }),
      now: 0,
    }
  }

  /** As the application tells them. */
  #memberships (): unknown {
    const { memberships: membershipsOf = ownMemberships } = this.#reading
    const { as: user } = this.#test
    return user === null ? [] : membershipsOf(user)
  }

  #ruling (action: string, asker: Asker, written: readonly string[]): Ruling {
    const { record, becomes } = this.#test
    const target = this.#target(action)
    const can: Can = { kind: 'can', action, target }
    const next = becomes === null ? null : { record: { ...record, ...becomes }, overwritten: [] }
    return decide(can, asker, { records: new Map([[target, record]]), nexts: new Map([[target, next]]), written })
  }

  #target (action: string): Target {
    const { subject, record } = this.#test
    if (record === null) return { kind: 'type', subject }
    const whole = resource(subject)
    return action === 'create' ? whole.proposed(() => record) : whole.record
  }
}

function preChecked (expectation: Expectation, { name, code, place }: PreCheck): Got | null {
  return isDenial(expectation, code) ? null : { got: `deny with ${code}: the pre-check ${name} refuses this user (${placeText(place)})`, rule: null }
}

function isDenial (expectation: Expectation, code: string): boolean {
  return expectation.kind === 'deny' && (expectation.code === null || expectation.code === code)
}

const CRUD = ['create', 'read', 'update', 'delete']

/** Every action that a rule mentions for the subject. */
function actionsOn (subject: string, policy: Policy): Set<string> {
  return new Set(rulesOn(subject, policy).flatMap(({ action }) => action.flatMap((one) => one === 'manage' ? CRUD : one)))
}

function rulesOn (subject: string, { roles, memberships, breakGlass, groups }: Policy): Rule[] {
  const all = [...roles.values(), ...memberships.values(), ...breakGlass.values(), ...groups.map(({ rules }) => rules)].flat()
  return [...new Set(all)].filter((rule) => rule.subject.includes(subject) || rule.subject.includes('all'))
}

function covers (rule: Rule, action: string): boolean {
  return rule.action.includes(action) || rule.action.includes('manage')
}

function ownRoles (user: { readonly roles?: unknown }): unknown {
  return user.roles
}

function ownMemberships (user: { readonly memberships?: unknown }): unknown {
  return user.memberships
}

function whom (user: PolicyTest['as']): string {
  if (user === null) return 'the anonymous'
  const { id, roles, memberships } = user
  const name = typeof id === 'string' || typeof id === 'number' ? String(id) : 'a user'
  const held = [...rolesIn(roles), ...membershipsIn(memberships).flatMap(({ tenant, roles }) => roles.map((role) => `${role} in ${tenant}`))]
  return held.length === 0 ? name : `${name} (${held.join(', ')})`
}

function expectedText (expectation: Expectation): string {
  if (expectation.kind === 'deny') return expectation.code === null ? 'deny' : `deny with ${expectation.code}`
  return expectation.fields === null ? 'allow' : `allow of exactly ${expectation.fields.join(', ')}`
}

function at (rule: Rule | null): string {
  return rule === null ? '' : ` (${placeText(rule.place)})`
}
