/** The quotas of policies: reads them, and finds those that a user has. */
import { nearest } from '../nearest.ts'
import { bind } from './bind.ts'
import type { Condition } from './condition.ts'
import { evaluateUser } from './evaluate.ts'
import type { Keys, Policy, PolicyQuotas, PolicySource, QuotaRule } from './policy.ts'
import { placeText } from './problems.ts'
import type { Problem, Report } from './problems.ts'
import { ANONYMOUS, lineage } from './roles.ts'
import type { Inheriting } from './roles.ts'
import { quoted } from './words.ts'

/** Of `window` in seconds; the longest is 100 years. */
export const QUOTA_BOUNDS = {
  limit: { minimum: 1, maximum: 1_000_000_000 },
  window: { minimum: 0.001, maximum: 100 * 366 * 24 * 60 * 60 },
} as const

/** Seconds in each. */
const UNITS = { s: 1, m: 60, h: 3_600, d: 86_400 } as const
type Unit = keyof typeof UNITS

const UNITS_WRITTEN_OUT: Readonly<Record<string, Unit>> = {
  sec: 's', second: 's', seconds: 's', min: 'm', minute: 'm', minutes: 'm', hour: 'h', hours: 'h', day: 'd', days: 'd',
}

export const WINDOW_TEXT = `^[0-9]+(?:\\.[0-9]+)?[${Object.keys(UNITS).join('')}]$`
const WINDOW = new RegExp(WINDOW_TEXT)
const ALMOST_WINDOW = /^([0-9]+(?:\.[0-9]+)?) ?([a-z]*)$/i

/** The content as the schema has left it: parts may be missing, and of the values nothing is known. */
export type QuotasContent = Readonly<Record<string, { readonly limit?: unknown, readonly window?: unknown }>>

interface Context {
  readonly policy: string
  readonly locate: PolicySource['locate']
  readonly report: Report
}

/** Those of one policy, by their names. */
export function quotasOf (content: QuotasContent, { policy, locate, report }: Context): QuotaRule[] {
  return Object.entries(content).map(([name, { limit, window }]) => {
    const at = ['quota', name]
    return { name, limit: limitOf(limit, [...at, 'limit'], report), window: windowOf(window, [...at, 'window'], report), policy, place: locate(at, 'key') }
  }).sort(byName)
}

/** In place of what was reported. */
const REPORTED = 0

function limitOf (given: unknown, at: Keys, report: Report): number {
  const { minimum, maximum } = QUOTA_BOUNDS.limit
  if (typeof given === 'number' && Number.isInteger(given) && isWithin(given, QUOTA_BOUNDS.limit)) return given
  // That it is missing has been told.
  if (given !== undefined) report(at, `"limit" needs a whole number from ${minimum} to ${maximum}, not ${shown(given)}`)
  return REPORTED
}

/** Milliseconds. */
function windowOf (given: unknown, at: Keys, report: Report): number {
  const seconds = secondsOf(given)
  if (seconds !== null && isWithin(seconds, QUOTA_BOUNDS.window)) return Math.round(seconds * 1000)
  if (given !== undefined) report(at, windowProblem(given))
  return REPORTED
}

function secondsOf (given: unknown): number | null {
  if (typeof given === 'number') return given
  return isWindowText(given) ? Number(given.slice(0, -1)) * UNITS[given.at(-1) as Unit] : null
}

function isWindowText (given: unknown): given is string {
  return typeof given === 'string' && WINDOW.test(given)
}

function windowProblem (given: unknown): string {
  const { minimum, maximum } = QUOTA_BOUNDS.window
  const [, amount, unit] = typeof given === 'string' && !isWindowText(given) ? ALMOST_WINDOW.exec(given) ?? [] : []
  if (amount === undefined || unit === undefined) return `"window" needs seconds from ${minimum} to ${maximum}, or a text like 30s, 1m, 1h, 1d, not ${shown(given)}`
  const meant = unitMeant(unit.toLowerCase())
  return `${shown(given)} is not a window: its unit must be one of ${Object.keys(UNITS).join(', ')}.${meant === null ? '' : ` Did you mean "${amount}${meant}"?`}`
}

/** Two letters are near to everything. */
function unitMeant (unit: string): Unit | null {
  if (unit === '') return 's'
  if (Object.hasOwn(UNITS, unit)) return unit as Unit
  const word = unit.length > 2 ? nearest(unit, Object.keys(UNITS_WRITTEN_OUT)) : undefined
  return word === undefined ? null : UNITS_WRITTEN_OUT[word] as Unit
}

function shown (given: unknown): string {
  if (given === null) return 'nothing'
  if (typeof given !== 'object') return quoted(given)
  return Array.isArray(given) ? 'a list' : 'a map'
}

function isWithin (given: number, { minimum, maximum }: { readonly minimum: number, readonly maximum: number }): boolean {
  return given >= minimum && given <= maximum
}

/** Quotas are charged before the environment is told, so nobody would ever be in this set. */
export function asksForEnvironment (condition: Condition): boolean {
  switch (condition.kind) {
    case 'all':
    case 'any':
      return condition.of.some(asksForEnvironment)
    case 'not':
      return asksForEnvironment(condition.of)
    case 'compare':
      return condition.operand.from === 'environment'
  }
}

/** A policy as far as its quotas are concerned. */
interface Limited {
  readonly name: string
  readonly quotas: readonly QuotaRule[]
}

type Allowed = Limited & Inheriting

const NO_QUOTAS: readonly QuotaRule[] = []

/** Quotas that never count, because one that comes with the role, or with every set of users, is more generous. */
export function uselessQuotas (roles: readonly Allowed[], groups: readonly Limited[]): Problem[] {
  const known = new Map(roles.map((role) => [role.name, role]))
  const everyones = known.get(ANONYMOUS)?.quotas ?? NO_QUOTAS
  const coming = [
    ...roles.filter(({ quotas }) => quotas.length > 0).map(({ name, quotas }) => ({ name, quotas, all: [...lineage(name, known)].flatMap((member) => known.get(member)?.quotas ?? []) })),
    ...groups.map(({ name, quotas }) => ({ name, quotas, all: everyones })),
  ]
  return coming.flatMap(({ name, quotas, all }) => {
    return quotas.flatMap((quota) => {
      const other = all.find((one) => one.name === quota.name && generosity(one, quota) > 0)
      return other === undefined ? [] : [{ place: quota.place, message: `the quota ${quoted(quota.name)} of ${name} never counts: that of ${other.policy} (${placeText(other.place)}), which comes with it, is more generous` }]
    })
  })
}

/** Of a policy without quotas. */
export const NO_POLICY_QUOTAS: PolicyQuotas = { ofRoles: new Map(), ofGroups: [], names: new Set() }

/** All that does not depend on a user. */
export function compiledQuotas (roles: readonly Allowed[], groups: readonly (Limited & { readonly when: Condition })[], inherits: Policy['inherits']): PolicyQuotas {
  const names = new Set([...roles, ...groups].flatMap(({ quotas }) => quotas).map(({ name }) => name))
  if (names.size === 0) return NO_POLICY_QUOTAS
  const own = new Map(roles.map(({ name, quotas }) => [name, quotas]))
  return {
    ofRoles: new Map([...inherits].map(([name, members]) => [name, mostGenerous([...members].flatMap((member) => own.get(member) ?? []))])),
    ofGroups: groups.filter(({ quotas }) => quotas.length > 0).map(({ when, quotas }) => ({ when, quotas })),
    names,
  }
}

/**
 * The quotas of a user (`null`: the anonymous) with these roles, sorted by name: of each name the most generous one, which is the one with the largest
 * `limit / window`; of equal ones that with the larger limit; then the first by the policy's name. Roles that the policy does not know count for nothing,
 * and a user who lacks a value that a `when` needs is not in its set.
 */
export function quotasFor ({ ofRoles, ofGroups, names }: PolicyQuotas, user: object | null, roles: readonly string[]): readonly QuotaRule[] {
  if (names.size === 0) return NO_QUOTAS
  if (user === null) return ofAnonymous(ofRoles)
  const lists = new Set<readonly QuotaRule[]>()
  for (const role of roles) {
    const list = ofRoles.get(role)
    if (list !== undefined) lists.add(list)
  }
  if (lists.size === 0) lists.add(ofAnonymous(ofRoles))
  for (const { when, quotas } of ofGroups) if (describes(when, user)) lists.add(quotas)
  const [first, ...others] = [...lists] as [readonly QuotaRule[], ...(readonly QuotaRule[])[]]
  return others.length === 0 ? first : mostGenerous([first, ...others].flat())
}

function ofAnonymous (ofRoles: PolicyQuotas['ofRoles']): readonly QuotaRule[] {
  return ofRoles.get(ANONYMOUS) ?? NO_QUOTAS
}

function describes (when: Condition, user: object): boolean {
  const bound = bind(when, user)
  return bound.kind === 'bound' && evaluateUser(bound.condition, user) === true
}

function mostGenerous (quotas: readonly QuotaRule[]): readonly QuotaRule[] {
  const best = new Map<string, QuotaRule>()
  for (const quota of quotas) {
    const other = best.get(quota.name)
    if (other === undefined || comesFirst(quota, other)) best.set(quota.name, quota)
  }
  return [...best.values()].sort(byName)
}

function comesFirst (a: QuotaRule, b: QuotaRule): boolean {
  const difference = generosity(a, b)
  return difference === 0 ? a.policy < b.policy : difference > 0
}

/** Positive: the first is more generous. */
function generosity (a: QuotaRule, b: QuotaRule): number {
  return a.limit / a.window - b.limit / b.window || a.limit - b.limit
}

function byName (a: QuotaRule, b: QuotaRule): number {
  return a.name < b.name ? -1 : 1
}
