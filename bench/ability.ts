/** What it costs to build an ability from the compiled policy, beside `createMongoAbility` on the same rules. `npx tsx bench/ability.ts` */
import { createMongoAbility } from '@casl/ability'
import { spreadOf, shown } from './spread.ts'

// What users run is compiled; tsx would name every closure at run time.
const dist = (file: string): string => new URL(`../dist/${file}`, import.meta.url).href
const { Abilities } = await import(dist('authorization/ability.js')) as typeof import('../lib/authorization/ability.ts')
const { compilePolicies } = await import(dist('policies/compile.js')) as typeof import('../lib/policies/compile.ts')
const { sourcesOf } = await import(dist('policies/read.js')) as typeof import('../lib/policies/read.ts')

/** At most this many times `createMongoAbility`. */
const LIMIT = 3
const ROUNDS = 15
const RULES_BUILT_A_SLICE = 40_000

const USER = { id: 'ada', tenantId: 'aurora', roles: ['editor'] }
const ACTIONS = ['create', 'read', 'update', 'delete']
type Ask = { ever: (action: string, subject: string) => boolean }

/** Rules that all differ, an inverted one in ten. */
function rulesOf (count: number, condition: (tenant: string) => object | undefined, tenant: string): object[] {
  return Array.from({ length: count }, (_, index) => {
    const conditions = condition(tenant)
    return {
      action: ACTIONS[index % ACTIONS.length],
      subject: `Subject${Math.floor(index / ACTIONS.length)}`,
      ...(index % 10 === 9 && { inverted: true }),
      ...(conditions !== undefined && { conditions }),
    }
  })
}

const CONDITIONS = {
  'without conditions': () => undefined,
  'with a condition': (tenant: string) => ({ tenantId: tenant }),
} as const

/** Microseconds a call. */
function time (calls: number, build: () => Ask): number {
  const start = process.hrtime.bigint()
  let allowed = 0
  for (let call = 0; call < calls; call++) if (build().ever('create', 'Subject0')) allowed++
  const spent = Number(process.hrtime.bigint() - start) / 1000
  if (allowed !== calls) throw new Error('an ability that does not do its work was measured')
  return spent / calls
}

/** Hand-written, as an application would: the user's values are put into the rules at each request. */
function casl (count: number, condition: (tenant: string) => object | undefined): () => Ask {
  if (condition(USER.tenantId) === undefined) {
    const rules = rulesOf(count, condition, USER.tenantId)
    return () => asked(createMongoAbility(rules as never))
  }
  const templates = rulesOf(count, () => undefined, '')
  return () => asked(createMongoAbility(templates.map((rule) => ({ ...rule, conditions: condition(USER.tenantId) })) as never))
}

function asked (ability: ReturnType<typeof createMongoAbility>): Ask {
  return { ever: (action, subject) => ability.can(action, subject) }
}

function ours (count: number, condition: (tenant: string) => object | undefined): () => Ask {
  const rules = rulesOf(count, condition, '$user.tenantId')
  const abilities = new Abilities(compilePolicies(sourcesOf([{ role: 'editor', rules }])))
  return () => abilities.of(USER, USER.roles)
}

const table: Record<string, object> = {}
let worst = 0
for (const [what, condition] of Object.entries(CONDITIONS)) {
  for (const count of [10, 100, 1000]) {
    const calls = RULES_BUILT_A_SLICE / count
    const [theirs, mine] = [casl(count, condition), ours(count, condition)]
    const rounds: { casl: number, ours: number }[] = []
    for (let round = -2; round < ROUNDS; round++) {
      // Interleaved, and each in turn the first; two rounds to warm up.
      const first = round % 2 === 0 ? time(calls, theirs) : undefined
      const own = time(calls, mine)
      const measured = { casl: first ?? time(calls, theirs), ours: own }
      if (round >= 0) rounds.push(measured)
    }
    const ratio = spreadOf(rounds.map((round) => round.ours / round.casl))
    worst = Math.max(worst, ratio.median)
    table[`${count} rules ${what}`] = {
      'ratio to createMongoAbility': shown(ratio, 2),
      'createMongoAbility us': spreadOf(rounds.map((round) => round.casl)).median.toFixed(1),
      'compiled policy us': spreadOf(rounds.map((round) => round.ours)).median.toFixed(1),
    }
  }
}
console.table(table)
console.log(`the worst median is ${worst.toFixed(2)} times createMongoAbility; at most ${LIMIT} is allowed`)
if (worst > LIMIT) process.exitCode = 1
