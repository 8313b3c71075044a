/** What requests spend of quotas: which apply to a request, whose counters they are, and the 429 where one is used up. */
// The global one is a getter, which would be called with each reading.
import { performance } from 'node:perf_hooks'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { QuotaRule } from '../policies/policy.ts'
import { quotasFor } from '../policies/quotas.ts'
import { Refusal, refusal } from '../refusal.ts'
import { reportThrottle } from '../reporting/throttle-event.ts'
import { networkOf } from '../throttling/address.ts'
import { hashedKeys, keptKeys, keyMaker, plainKeys, type CounterKey } from '../throttling/key.ts'
import { Outage } from '../throttling/outage.ts'
import type { QuotasSettings } from '../throttling/quota-options.ts'
import { counterOf, isCost, isQuota, type Quota } from '../throttling/quota.ts'
import { Quotas, type Payment, type Purse } from '../throttling/quotas.ts'
import { limitMember, policyMember } from '../throttling/rate-limit-fields.ts'
import { mergeHeader } from './answer.ts'
import type { Passage } from './passage.ts'

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

const NO_RULES: readonly QuotaRule[] = []

const FIELDS = ['RateLimit', 'RateLimit-Policy']

export class QuotaKeeper {
  readonly #settings: QuotasSettings
  readonly #quotas: Quotas
  readonly #keyOf: CounterKey
  /** What those of the policies in force say of themselves, each written once. */
  readonly #written = new WeakMap<QuotaRule, { readonly member: string, readonly counter: string }>()

  constructor (settings: QuotasSettings, log: Log) {
    this.#settings = settings
    const hashed = hashedKeys(keyMaker('quota', settings.secret))
    this.#keyOf = keptKeys(settings.shared ? hashed : plainKeys(hashed))
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
    return before.length === 0 ? null : this.#pay(request, passage, before, NO_RULES)
  }

  /** What is counted by user, of the route and of the policies. Never throws and never rejects. */
  afterAuthentication (request: FastifyRequest, passage: Passage): Judged | Promise<Judged> {
    const { after, ofPolicies } = passage.plan.quotas
    const policy = passage.abilities.policy.quotas
    if (!ofPolicies || (after.length === 0 && policy.names.size === 0)) return null
    try {
      const rules = policy.names.size === 0 ? NO_RULES : quotasFor(policy, request.auth === null ? null : request.user as object, passage.asker().roles)
      return this.#pay(request, passage, after, rules)
    } catch (cause) {
      return uncounted(cause)
    }
  }

  /** What a handler asks for. Rejects with the 429, and the 503 where it cannot be counted; with a TypeError for what is no quota. */
  spend (request: FastifyRequest, passage: Passage, quota: Quota, cost: number | undefined): Promise<Remaining> {
    return passage.owe(new Promise((resolve) => { resolve(this.#spend(request, passage, quota, cost)) }))
  }

  #spend (request: FastifyRequest, passage: Passage, quota: Quota, cost: number | undefined): Remaining | Promise<Remaining> {
    if (!isQuota(quota)) throw new TypeError('request.spend(quota): expected what quota(name, { limit, window }) returns')
    const { name, allowance: { limit, window } } = quota
    if (passage.spendings.some(({ purse }) => purse.name === name && (purse.allowance.limit !== limit || purse.allowance.window !== window))) {
      throw new TypeError(`request.spend(quota): another quota of this request has the name "${name}" too: make one, or give it another name`)
    }
    const remaining = (no: Judged): Remaining => {
      if (no !== null) throw no
      const spending = passage.spendings.findLast(({ purse }) => purse.name === name)?.spending
      return { remaining: spending?.remaining ?? limit, resetAfter: Math.ceil((spending?.resetAfter ?? 0) / 1000) }
    }
    const paid = this.#pay(request, passage, [cost === undefined ? quota : { ...quota, cost }], NO_RULES)
    return paid instanceof Promise ? paid.then(remaining) : remaining(paid)
  }

  /** Puts what was spent on the answer (draft-ietf-httpapi-ratelimit-headers-11). */
  tell (reply: FastifyReply, { spendings, quotaWait }: Passage): void {
    if (spendings.length === 0 || !this.#settings.fields) return
    // A handler may have caught the 429 of what it wanted to spend.
    const wait = reply.statusCode === 429 ? quotaWait : null
    let policies = ''
    let limits = ''
    for (const { purse, spending } of spendings) {
      const comma = policies === '' ? '' : ', '
      policies += comma + purse.member
      limits += comma + limitMember(purse.name, spending, wait)
    }
    reply.header('ratelimit-policy', policies)
    reply.header('ratelimit', limits)
    if (reply.hasHeader('access-control-allow-origin')) mergeHeader(reply, 'access-control-expose-headers', FIELDS)
  }

  #pay (request: FastifyRequest, passage: Passage, quotas: readonly Quota[], rules: readonly QuotaRule[]): Judged | Promise<Judged> {
    try {
      const purses: Purse[] = []
      for (const quota of quotas) {
        const purse = this.#purse(quota, request, passage)
        if (purse !== null) purses.push(purse)
      }
      for (const rule of rules) purses.push(this.#pursedRule(rule, request))
      const payment = this.#quotas.pay(purses)
      return payment instanceof Promise ? payment.then((paid) => settled(passage, paid)).catch(uncounted) : settled(passage, payment)
    } catch (cause) {
      return uncounted(cause)
    }
  }

  /** `null` for a request that does not count. */
  #purse (quota: Quota, request: FastifyRequest, { plan }: Passage): Purse | null {
    const { name, allowance, member, counter } = quota
    const cost: unknown = typeof quota.cost === 'function' ? quota.cost(request) : quota.cost
    if (!isCost(cost)) throw new TypeError(`the cost of the quota "${name}" must be an integer from 0 up`)
    const owner = cost === 0 ? null : this.#ownerOf(quota, request)
    if (owner === null) return null
    return { name, allowance, member, cost: Math.min(cost, allowance.limit), key: this.#keyOf(owner.kind, quota.eachRoute ? counter + plan.url : counter, owner.text) }
  }

  #pursedRule (rule: QuotaRule, request: FastifyRequest): Purse {
    const { kind, text } = this.#userOf(request)
    const { member, counter } = this.#writtenOf(rule)
    return { name: rule.name, allowance: rule, member, cost: 1, key: this.#keyOf(kind, counter, text) }
  }

  #writtenOf (rule: QuotaRule): { readonly member: string, readonly counter: string } {
    let written = this.#written.get(rule)
    if (written === undefined) this.#written.set(rule, written = { member: policyMember(rule.name, rule), counter: counterOf(rule.name, rule) })
    return written
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
    if ((typeof id === 'string' && id !== '') || Number.isFinite(id)) return { kind: 'user', text: String(id) }
    throw new TypeError('the user has no id, by which quotas could tell users apart: give the option quotas.identity')
  }

  #networkOf (request: FastifyRequest): { readonly kind: string, readonly text: string } {
    return { kind: 'network', text: networkOf(request.ip, { ipv6Prefix: this.#settings.ipv6Prefix, fallback: request.socket.remoteAddress }) }
  }
}

function settled (passage: Passage, { spendings, violated, retryAfter }: Payment): Judged {
  passage.spendings = passage.spendings.length === 0 ? spendings : [...passage.spendings.filter(({ purse }) => !spendings.some((one) => one.purse.name === purse.name)), ...spendings]
  if (violated.length === 0) return null
  passage.quotaWait = retryAfter
  return refusal('quota_exceeded', { reason: `the ${violated.length === 1 ? 'quota' : 'quotas'} ${violated.join(', ')} ${violated.length === 1 ? 'is' : 'are'} used up`, retryAfter, violated })
}

/** Law 10. */
function uncounted (cause: unknown): Refusal {
  return refusal('temporarily_unavailable', { reason: 'what the request spends cannot be counted', cause })
}
