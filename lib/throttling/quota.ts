/** A quota: how many requests a user, a network or everybody may make in a time. */
import type { FastifyRequest } from 'fastify'
import { knownOptionsOnly, OptionError, wrongOption } from '../option-error.ts'
import type { Allowance } from '../stores/counters.ts'
import { isPolicyName, NAME_RULE, policyMember } from './rate-limit-fields.ts'

/** Whose requests are counted together. */
export type QuotaSubject = 'user' | 'network' | 'everybody'

export interface QuotaOptions {
  /** The units in any `window`; an integer from 1 to 1,000,000,000. They come back one by one, and all of them may be used at once. */
  readonly limit: number
  /** Seconds, from 0.001 to 100 years. */
  readonly window: number
  /**
   * Whose requests are counted together: each user's (default; of the anonymous, each network's), each network's, everybody's, or what a function makes
   * of the request: a text, or `null` for a request that does not count. Networks and everybody are counted before authentication, also requests that it refuses.
   */
  readonly by?: QuotaSubject | ((request: FastifyRequest) => string | null)
  /** Units for one request, from 0 up; more than the limit counts as the limit. Default 1. */
  readonly cost?: number | ((request: FastifyRequest) => number)
  /** `true`: each route that names the quota has counters of its own, whatever the method. Default `false`: they share them. */
  readonly eachRoute?: boolean
}

/** Made by `quota()`. */
export interface Quota {
  readonly name: string
  readonly allowance: Allowance
  readonly by: QuotaSubject | ((request: FastifyRequest) => unknown)
  readonly cost: number | ((request: FastifyRequest) => unknown)
  readonly eachRoute: boolean
  /** Its member of `RateLimit-Policy`. */
  readonly member: string
  /** What its keys begin with. */
  readonly counter: string
}

export const QUOTA_OPTIONS = ['limit', 'window', 'by', 'cost', 'eachRoute'] satisfies (keyof QuotaOptions)[]
const SUBJECTS: readonly unknown[] = ['user', 'network', 'everybody'] satisfies QuotaSubject[]
const MOST = 1_000_000_000
const SHORTEST = 0.001
const LONGEST = 100 * 366 * 24 * 60 * 60

const made = new WeakSet<object>()

/**
 * A quota, for `quota` of a route and for `quotas` of the plugin: `quota('searches', { limit: 30, window: 60 })`. Routes that are given the same one share
 * its counters. Its name is sent in the fields `RateLimit-Policy` and `RateLimit`.
 *
 * @throws {OptionError} for a name that cannot be sent, and an option that is unknown or out of bounds
 */
export function quota (name: string, options: QuotaOptions): Quota {
  if (!isPolicyName(name)) throw wrongOption('quota(name, …)', name, NAME_RULE)
  const where = `quota("${name}")`
  knownOptionsOnly(where, options, QUOTA_OPTIONS)
  const { limit, window, by = 'user', cost = 1, eachRoute = false } = options
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST) throw wrongOption(`${where}: limit`, limit, `an integer from 1 to ${MOST}`)
  if (typeof window !== 'number' || !(window >= SHORTEST && window <= LONGEST)) throw wrongOption(`${where}: window`, window, `a number of seconds from ${SHORTEST} to ${LONGEST}`)
  if (typeof by !== 'function' && !SUBJECTS.includes(by)) throw wrongOption(`${where}: by`, by, '"user", "network", "everybody", or a function from the request to a text')
  if (typeof cost !== 'function' && !isCost(cost)) throw wrongOption(`${where}: cost`, cost, 'an integer from 0 up, or a function from the request to one')
  if (typeof cost === 'number' && cost > limit) throw new OptionError(`${where}: a cost of ${cost} is above the limit of ${limit}, so no request would ever be allowed.`)
  if (typeof eachRoute !== 'boolean') throw wrongOption(`${where}: eachRoute`, eachRoute, 'true or false')
  const allowance = Object.freeze({ limit, window: Math.round(window * 1000) })
  const value = Object.freeze({ name, allowance, by, cost, eachRoute, member: policyMember(name, allowance), counter: counterOf(name, allowance) })
  made.add(value)
  return value
}

/** What was spent of another limit or in another window, by the plan that a user had before, says nothing of this one. */
export function counterOf (name: string, { limit, window }: Allowance): string {
  return `${name}\n${limit} ${window}\n`
}

export function isQuota (value: unknown): value is Quota {
  return typeof value === 'object' && value !== null && made.has(value)
}

/** A number of units. */
export function isCost (cost: unknown): cost is number {
  return Number.isSafeInteger(cost) && (cost as number) >= 0
}
