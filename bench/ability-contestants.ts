/** Those who decide, each in the form that its documentation recommends, on the same work. */
import { setFlagsFromString } from 'node:v8'
import { createMongoAbility, subject as subjectOf, type MongoAbility } from '@casl/ability'
import { preparsePolicySet, statefulIsAuthorized, type AuthorizationAnswer } from '@cedar-policy/cedar-wasm/nodejs'
import { newEnforcer, newModelFromString, type Enforcer } from 'casbin'
import type { Abilities as AbilitiesType } from '../lib/authorization/abilities.ts'
import { conditionOf, ROLE, USER, type Sort, type Work, type WorkRule } from './ability-work.ts'
import { Abilities, compilePolicies, sourcesOf } from './built.ts'

// The optimizing compiler of Node.js 20 has died here while it took back an optimized call into WebAssembly ("unreachable code" in DoComputeBuiltinContinuation).
setFlagsFromString('--no-turbo-inline-js-wasm-calls')

/** Answers the question of the work. */
export type Ask = () => boolean | Promise<boolean>

export type Contestant = 'ours' | 'CASL by hand' | 'casbin' | 'Cedar'

/** What a new request asks: whatever has to be made for each request is made each time. */
export async function perRequest (work: Work): Promise<Record<Contestant, Ask>> {
  const abilities = oursOf(work)
  const { action, subject, record } = work.question
  return checked(work, {
    ours: () => abilities.of(USER, USER.roles).allows(action, subject, { ...record }),
    'CASL by hand': () => caslOf(work).can(action, subjectOf(subject, { ...record }) as never),
    ...await withoutAbility(work),
  })
}

/** What is asked once the ability of the request is there. Of casbin and Cedar there is nothing that a request has to make. */
export async function perCheck (work: Work): Promise<Record<Contestant, Ask>> {
  const ability = oursOf(work).of(USER, USER.roles)
  const casl = caslOf(work)
  const { action, subject, record } = work.question
  return checked(work, {
    ours: () => ability.allows(action, subject, { ...record }),
    'CASL by hand': () => casl.can(action, subjectOf(subject, { ...record }) as never),
    ...await withoutAbility(work),
  })
}

async function withoutAbility (work: Work): Promise<Pick<Record<Contestant, Ask>, 'casbin' | 'Cedar'>> {
  const enforcer = await casbinOf(work)
  const cedar = cedarOf(work)
  const { action, subject, record } = work.question
  return {
    casbin: () => enforcer.enforce(USER, { ...record, type: subject }, action),
    Cedar: () => isAllowed(cedar()),
  }
}

/** Throws where somebody answers wrong: nothing is measured that does not do its work. */
async function checked<A extends Record<string, Ask>> (work: Work, asks: A): Promise<A> {
  for (const [name, ask] of Object.entries(asks)) {
    if (await ask() !== work.allowed) throw new Error(`${name} answers wrong: ${JSON.stringify(work.question)} of ${work.rules.length} rules`)
  }
  return asks
}

/** A policy of one role, compiled once. */
export function oursOf ({ rules, sort }: Work): AbilitiesType {
  return new Abilities(compilePolicies(sourcesOf([{ role: ROLE, rules: rules.map((rule) => ruleOf(rule, sort, '$user.tenantId')) }])))
}

/** Made for each user at each request, as CASL's documentation does it: the values of the user are put into the rules. */
export function caslOf ({ rules, sort }: Work, user: { readonly tenantId: string } = USER): MongoAbility {
  return createMongoAbility(rules.map((rule) => ruleOf(rule, sort, user.tenantId)) as never)
}

function ruleOf (rule: WorkRule, sort: Sort, tenantId: string): object {
  const { action, subject } = rule
  const conditions = conditionOf(rule, sort, tenantId)
  return conditions === null ? { action, subject } : { action, subject, conditions }
}

/** What a matcher of casbin says of the record. */
const MATCHES: Readonly<Record<Sort, string>> = {
  none: '',
  tenant: ' && r.obj.tenantId == r.sub.tenantId',
  id: ' && r.obj.id == p.value',
  size: ' && r.obj.size > p.value',
}

/** RBAC with the attributes in the matcher, which is quicker than `eval` of a rule of each policy's own. One enforcer for all requests. */
export async function casbinOf ({ rules, sort }: Work): Promise<Enforcer> {
  const enforcer = await newEnforcer(newModelFromString(casbinModel(sort)))
  await enforcer.addPolicies(rules.map((rule) => casbinPolicy(rule, sort)))
  await enforcer.addGroupingPolicy(USER.id, ROLE)
  return enforcer
}

export function casbinModel (sort: Sort): string {
  return `
[request_definition]
r = sub, obj, act

[policy_definition]
p = role, type, act, value

[role_definition]
g = _, _

[policy_effect]
e = some(where (p.eft == allow))

[matchers]
m = g(r.sub.id, p.role) && r.obj.type == p.type && r.act == p.act${MATCHES[sort]}
`
}

export function casbinPolicy ({ action, subject, value }: WorkRule, sort: Sort, role = ROLE): string[] {
  return [role, subject, action, sort === 'id' ? `doc-${value}` : String(value)]
}

let policySets = 0

/** The policies parsed once and kept in WebAssembly; the entities of a question come with it. */
export function cedarOf ({ rules, sort, question }: Work): () => AuthorizationAnswer {
  const preparsedPolicySetId = `set-${policySets++}`
  prepared(preparsePolicySet(preparsedPolicySetId, { staticPolicies: rules.map((rule) => cedarPolicy(rule, sort)).join('\n') }))
  const { action, subject, record } = question
  const principal = { type: 'User', id: USER.id }
  const role = { type: 'Role', id: ROLE }
  const resource = { type: subject, id: record.id }
  return () => statefulIsAuthorized({
    principal,
    action: { type: 'Action', id: action },
    resource,
    context: {},
    preparsedPolicySetId,
    entities: [
      { uid: principal, attrs: { tenantId: USER.tenantId }, parents: [role] },
      { uid: role, attrs: {}, parents: [] },
      { uid: resource, attrs: { tenantId: record.tenantId, size: record.size }, parents: [] },
    ],
  })
}

export function prepared (answer: ReturnType<typeof preparsePolicySet>): void {
  if (answer.type === 'failure') throw new Error(answer.errors[0]?.message)
}

export function cedarPolicy ({ action, subject, value }: WorkRule, sort: Sort, role = ROLE): string {
  const on = sort === 'id' ? `resource == ${subject}::"doc-${value}"` : `resource is ${subject}`
  const when = { none: '', id: '', tenant: ' when { resource.tenantId == principal.tenantId }', size: ` when { resource.size > ${value} }` }[sort]
  return `permit(principal in Role::"${role}", action == Action::"${action}", ${on})${when};`
}

function isAllowed (answer: AuthorizationAnswer): boolean {
  if (answer.type === 'failure') throw new Error(answer.errors[0]?.message)
  return answer.response.decision === 'allow'
}
