/** What requests spend of quotas: which apply to a request, whose counters they are, and the 429 where one is used up. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { mergeHeader } from './answer.ts'
import type { Passage } from './passage.ts'
import type { QuotaRule } from './policies/policy.ts'
import { quotasFor } from './policies/quotas.ts'
import type { Allowance } from './stores/counters.ts'
import { Refusal, refusal } from './refusal.ts'
import { reportThrottle } from './reporting/throttle-event.ts'
import { networkOf } from './throttling/address.ts'
import { keyMaker } from './throttling/key.ts'
import { Outage } from './throttling/outage.ts'
import { isCost, isQuota, type Quota } from './throttling/quota.ts'
import type { QuotasSettings } from './throttling/quota-options.ts'
import { Quotas, type Payment, type Purse } from './throttling/quotas.ts'
import { limitMember, policyMember } from './throttling/rate-limit-fields.ts'

/** `null`: within all quotas. */
type Judged = Refusal | null

/** What is left after a spending that a handler asked for. */
export interface Remaining {
  /** Whole units. */
  readonly remaining: number
  /** Whole seconds until nothing is spent any more. */
  readonly resetAfter: number
}

type Log = Parameters<typeof reportThrottle>[1]

const FIELDS = ['RateLimit', 'RateLimit-Policy']

export class QuotaKeeper {
  readonly #settings: QuotasSettings
  readonly #quotas: Quotas
  readonly #keyOf: (kind: string, text: string) => string
  /** Those of the policies in force, each written once. */
  readonly #members = new WeakMap<QuotaRule, string>()

  constructor (settings: QuotasSettings, log: Log) {
    this.#settings = settings
    this.#keyOf = keyMaker('quota', settings.secret)
    const { store, onStoreError } = settings
    const outage = new Outage({
      deadline: settings.deadline,
      now: () => performance.now(),
      tell: (kind, cause) => reportThrottle({ kind, throttle: 'quotas', meanwhile: onStoreError, cause }, log),
    })
    this.#quotas = new Quotas({ store, outage, onStoreError })
  }

  /** What is counted whoever the user is. Never throws and never rejects. */
  beforeAuthentication (request: FastifyRequest, passage: Passage): Judged | Promise<Judged> {
    const { before } = passage.plan.quotas
    return before.length === 0 ? null : this.#pay(passage, () => before.flatMap((quota) => this.#purse(quota, request, passage) ?? []))
  }

  /** What is counted by user, of the route and of the policies. Never throws and never rejects. */
  afterAuthentication (request: FastifyRequest, passage: Passage): Judged | Promise<Judged> {
    const { after, ofPolicies } = passage.plan.quotas
    const policy = passage.abilities.policy.quotas
    if (!ofPolicies || (after.length === 0 && policy.names.size === 0)) return null
    return this.#pay(passage, () => {
      const rules = quotasFor(policy, request.auth === null ? null : request.user as object, passage.asker().roles)
      return [...after.flatMap((quota) => this.#purse(quota, request, passage) ?? []), ...rules.map((rule) => this.#pursedRule(rule, request))]
    })
  }

  /** What a handler asks for. @throws {Refusal} the 429, and the 503 where it cannot be counted; {TypeError} for what is no quota */
  async spend (request: FastifyRequest, passage: Passage, quota: Quota, cost: number | undefined): Promise<Remaining> {
    if (!isQuota(quota)) throw new TypeError('request.spend(quota): expected what quota(name, { limit, window }) returns')
    let purse: Purse | null = null
    const no = await this.#pay(passage, () => {
      purse = this.#purse(cost === undefined ? quota : { ...quota, cost }, request, passage)
      return purse === null ? [] : [purse]
    })
    if (no !== null) throw no
    const spending = passage.spendings?.get(quota.name)?.spending
    return { remaining: spending?.remaining ?? quota.allowance.limit, resetAfter: Math.ceil((spending?.resetAfter ?? 0) / 1000) }
  }

  /** Puts what was spent on the answer (draft-ietf-httpapi-ratelimit-headers-11). */
  tell (reply: FastifyReply, { spendings, quotaWait }: Passage): void {
    if (spendings === null || !this.#settings.fields) return
    // A handler may have caught the 429 of what it wanted to spend.
    const wait = reply.statusCode === 429 ? quotaWait : null
    const all = [...spendings.values()]
    reply.header('ratelimit-policy', all.map(({ purse }) => purse.member).join(', '))
    reply.header('ratelimit', all.map(({ purse, spending }) => limitMember(purse.name, spending, wait)).join(', '))
    if (reply.hasHeader('access-control-allow-origin')) mergeHeader(reply, 'access-control-expose-headers', FIELDS)
  }

  #pay (passage: Passage, purses: () => readonly Purse[]): Judged | Promise<Judged> {
    try {
      const payment = this.#quotas.pay(purses())
      if (!(payment instanceof Promise)) return settled(passage, payment)
      return payment.then((paid) => settled(passage, paid)).catch(uncounted)
    } catch (cause) {
      return uncounted(cause)
    }
  }

  /** `null` for a request that does not count. */
  #purse (quota: Quota, request: FastifyRequest, { plan }: Passage): Purse | null {
    const { name, allowance, member } = quota
    const cost: unknown = typeof quota.cost === 'function' ? quota.cost(request) : quota.cost
    if (!isCost(cost)) throw new TypeError(`the cost of the quota "${name}" must be an integer from 0 up`)
    const owner = cost === 0 ? null : this.#ownerOf(quota, request)
    if (owner === null) return null
    return { name, allowance, member, cost: Math.min(cost, allowance.limit), key: this.#keyOf(owner.kind, `${counterOf(name, allowance)}\n${quota.eachRoute ? plan.url : ''}\n${owner.text}`) }
  }

  #pursedRule (rule: QuotaRule, request: FastifyRequest): Purse {
    const { kind, text } = this.#userOf(request)
    return { name: rule.name, allowance: rule, member: this.#memberOf(rule), cost: 1, key: this.#keyOf(kind, `${counterOf(rule.name, rule)}\n\n${text}`) }
  }

  #memberOf (rule: QuotaRule): string {
    let member = this.#members.get(rule)
    if (member === undefined) this.#members.set(rule, member = policyMember(rule.name, rule))
    return member
  }

  #ownerOf ({ name, by }: Quota, request: FastifyRequest): { readonly kind: string, readonly text: string } | null {
    if (by === 'everybody') return { kind: 'everybody', text: '' }
    if (by === 'network') return this.#networkOf(request)
    if (by === 'user') return this.#userOf(request)
    const text = by(request)
    if (text === null) return null
    if (typeof text !== 'string') throw new TypeError(`"by" of the quota "${name}" must give a text, or null`)
    return { kind: 'own', text }
  }

  /** Of the anonymous, the network. */
  #userOf (request: FastifyRequest): { readonly kind: string, readonly text: string } {
    if ((request.auth ?? null) === null) return this.#networkOf(request)
    const id = this.#settings.identity(request.user as object)
    if ((typeof id === 'string' && id !== '') || typeof id === 'number') return { kind: 'user', text: String(id) }
    throw new TypeError('the user has no id, by which quotas could tell users apart: give the option quotas.identity')
  }

  #networkOf (request: FastifyRequest): { readonly kind: string, readonly text: string } {
    return { kind: 'network', text: networkOf(request.ip, { ipv6Prefix: this.#settings.ipv6Prefix, fallback: request.socket.remoteAddress }) }
  }
}

/** What was spent of another limit or in another window, by the plan that a user had before, says nothing of this one. */
function counterOf (name: string, { limit, window }: Allowance): string {
  return `${name}\n${limit} ${window}`
}

function settled (passage: Passage, { spendings, violated, retryAfter }: Payment): Judged {
  for (const one of spendings) (passage.spendings ??= new Map()).set(one.purse.name, one)
  if (violated.length === 0) return null
  passage.quotaWait = retryAfter
  return refusal('quota_exceeded', { reason: `the ${violated.length === 1 ? 'quota' : 'quotas'} ${violated.join(', ')} ${violated.length === 1 ? 'is' : 'are'} used up`, retryAfter, violated })
}

/** Law 10. */
function uncounted (cause: unknown): Refusal {
  return refusal('temporarily_unavailable', { reason: 'what the request spends cannot be counted', cause })
}
