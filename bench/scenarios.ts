/** What is measured: a stack, what it is built for, which requests it gets and which status they must have. */
import type { Sends } from './requests.ts'
import type { Setting, Stack } from './stacks.ts'

export interface Scenario {
  readonly name: string
  readonly title: string
  readonly stack: Stack
  readonly setting: Omit<Setting, 'key'>
  readonly sends: Sends
  readonly path: string
  readonly status: number
}

const BUILT: Scenario['setting'] = { rules: 10, algorithm: 'HS256', keeps: false, routes: 0, roles: 0 }
const KEEPS = { ...BUILT, keeps: true }
const MANY = { ...BUILT, rules: 1_000 }
const RS256 = { ...BUILT, algorithm: 'RS256' } as const
const ES256 = { ...BUILT, algorithm: 'ES256' } as const
const EDDSA = { ...BUILT, algorithm: 'EdDSA' } as const
const LARGE = { ...BUILT, routes: 10_000, roles: 1_000 }

/** A 200 for a token that comes again and again, where a scenario says nothing else. */
const READS = { setting: BUILT, sends: 'the same', path: '/articles/1', status: 200 } as const
const NEW = { ...READS, sends: 'a new one' } as const

/** Bare Fastify, to which all others are a ratio. */
export const BARE = 'bare'

/** It is the first one. */
export const SCENARIOS: readonly Scenario[] = [
  { ...READS, name: BARE, stack: 'bare', title: 'bare Fastify', sends: 'none' },
  { ...READS, name: 'jwt', stack: 'jwt', title: '@fastify/jwt alone' },

  { ...READS, name: 'hand', stack: 'hand', title: 'by hand' },
  { ...NEW, name: 'hand-new', stack: 'hand', title: 'by hand, every token new' },
  { ...READS, name: 'hand-keeps', stack: 'hand', title: 'by hand, tokens and abilities kept', setting: KEEPS },
  { ...READS, name: 'hand-1000', stack: 'hand', title: 'by hand, 1,000 rules', setting: MANY },
  { ...READS, name: 'hand-rs256', stack: 'hand', title: 'by hand, RS256', setting: RS256 },
  { ...READS, name: 'hand-es256', stack: 'hand', title: 'by hand, ES256', setting: ES256 },
  { ...READS, name: 'hand-eddsa', stack: 'hand', title: 'by hand, EdDSA', setting: EDDSA },
  { ...NEW, name: 'hand-forged', stack: 'hand', title: 'by hand, 401 for a bad signature', sends: 'a forged one', status: 401 },
  { ...NEW, name: 'hand-nothing', stack: 'hand', title: 'by hand, 401 for nothing sent', sends: 'none', status: 401 },
  { ...NEW, name: 'hand-403', stack: 'hand', title: 'by hand, 403', path: '/articles/2', status: 403 },
  { ...NEW, name: 'hand-429', stack: 'hand', title: 'by hand, 429', path: '/limited/1', status: 429 },

  { ...READS, name: 'gatehouse', stack: 'gatehouse', title: 'fastify-gatehouse' },
  { ...NEW, name: 'gatehouse-new', stack: 'gatehouse', title: 'fastify-gatehouse, every token new' },
  { ...READS, name: 'gatehouse-1000', stack: 'gatehouse', title: 'fastify-gatehouse, 1,000 rules', setting: MANY },
  { ...NEW, name: 'gatehouse-1000-new', stack: 'gatehouse', title: 'fastify-gatehouse, 1,000 rules, every token new', setting: MANY },
  { ...READS, name: 'gatehouse-rs256', stack: 'gatehouse', title: 'fastify-gatehouse, RS256', setting: RS256 },
  { ...READS, name: 'gatehouse-es256', stack: 'gatehouse', title: 'fastify-gatehouse, ES256', setting: ES256 },
  { ...READS, name: 'gatehouse-eddsa', stack: 'gatehouse', title: 'fastify-gatehouse, EdDSA', setting: EDDSA },
  { ...NEW, name: 'gatehouse-forged', stack: 'gatehouse', title: 'fastify-gatehouse, 401 for a bad signature', sends: 'a forged one', status: 401 },
  { ...NEW, name: 'gatehouse-nothing', stack: 'gatehouse', title: 'fastify-gatehouse, 401 for nothing sent', sends: 'none', status: 401 },
  { ...NEW, name: 'gatehouse-403', stack: 'gatehouse', title: 'fastify-gatehouse, 403', path: '/articles/2', status: 403 },
  { ...NEW, name: 'gatehouse-404', stack: 'gatehouse', title: 'fastify-gatehouse, hidden 404', path: '/hidden/2', status: 404 },
  { ...NEW, name: 'gatehouse-two', stack: 'gatehouse', title: 'fastify-gatehouse, two quotas, every token new', path: '/ample/1' },
  { ...NEW, name: 'gatehouse-429', stack: 'gatehouse', title: 'fastify-gatehouse, 429', path: '/limited/1', status: 429 },

  { ...READS, name: 'casbin', stack: 'casbin', title: '@fastify/jwt + casbin' },
  { ...READS, name: 'nest', stack: 'nest', title: 'NestJS + guards' },
  { ...READS, name: 'express', stack: 'express', title: 'Express + passport-jwt' },
]

/** Whose start is measured; the last one's memory too. */
export const STARTS: readonly Scenario[] = [
  { ...READS, name: 'bare', stack: 'bare', title: 'bare Fastify of 10,000 routes', setting: LARGE },
  { ...READS, name: 'gatehouse', stack: 'gatehouse', title: 'fastify-gatehouse of 10,000 routes and 1,000 roles', setting: LARGE },
]

export interface Aim {
  readonly title: string
  /** The CPU time of the one by that of the other in the same slice, by their names: above 1 the other is cheaper. */
  readonly of: readonly [numerator: string, denominator: string]
  readonly least: number
}

const atLeast = (least: number, numerator: string, denominator: string, title: string): Aim => ({ title, of: [numerator, denominator], least })

export const AIMS: readonly Aim[] = [
  atLeast(0.75, 'bare', 'gatehouse', 'repeated token, to bare Fastify'),
  atLeast(0.47, 'bare', 'gatehouse-new', 'every token new, to bare Fastify'),
  atLeast(2, 'hand', 'gatehouse', 'repeated token, to the same by hand'),
  atLeast(0.95, 'gatehouse', 'gatehouse-1000', '1,000 rules, to 10'),
  atLeast(0.95, 'gatehouse-new', 'gatehouse-1000-new', '1,000 rules, to 10, every token new'),
  atLeast(0.95, 'gatehouse', 'gatehouse-rs256', 'RS256, to HS256'),
  atLeast(0.95, 'gatehouse', 'gatehouse-es256', 'ES256, to HS256'),
  atLeast(0.95, 'gatehouse', 'gatehouse-eddsa', 'EdDSA, to HS256'),
  atLeast(1 / 1.3, 'gatehouse-new', 'gatehouse-forged', '401 for a bad signature, to the 200'),
  atLeast(1, 'gatehouse-new', 'gatehouse-nothing', '401 for nothing sent, to the 200'),
  atLeast(1 / 1.3, 'gatehouse-new', 'gatehouse-403', '403, to the 200'),
  atLeast(1 / 1.3, 'gatehouse-new', 'gatehouse-404', 'hidden 404, to the 200'),
  // That route has two quotas, and so has the 200 beside it.
  atLeast(1, 'gatehouse-two', 'gatehouse-429', '429, to the 200'),
]
