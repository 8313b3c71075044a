/** What rules cost: an ability for each request, checks, explanations, memory, and loading; beside CASL by hand, casbin and Cedar. `npx tsx bench/ability.ts` */
import { explain } from './built.ts'
import { oursOf, perCheck, perRequest, type Contestant } from './ability-contestants.ts'
import { loading } from './ability-load.ts'
import { abilities, policies, requests } from './ability-memory.ts'
import { compared, inTurns, ratios, timeOf, type Times } from './ability-rounds.ts'
import { candidates, manyRules, ROLE, USER } from './ability-work.ts'
import { asked } from './arguments.ts'
import { shown, spreadOf } from './spread.ts'

/** Our request takes at most this many times that of CASL by hand; and the policy is loaded in at most this many seconds of CPU time. */
const LIMIT = 3
const LONGEST_LOAD = 1

const ours = (times: Times): readonly number[] => times['ours'] as readonly number[]

async function request (): Promise<number> {
  const table: Record<string, object> = {}
  let worst = 0
  for (const sort of ['none', 'tenant'] as const) {
    for (const count of [10, 100, 1_000, 10_000]) {
      const times = await inTurns(await perRequest(manyRules(count, sort)))
      worst = Math.max(worst, ratios(ours(times), times['CASL by hand' satisfies Contestant] as readonly number[]).median)
      table[`${count} rules, ${sort === 'none' ? 'no conditions' : 'a condition each'}`] = compared(times)
    }
  }
  console.log('The ability of a new request, and one question.')
  console.table(table)
  return worst
}

async function check (): Promise<void> {
  const table: Record<string, object> = {}
  for (const [sort, what] of [['id', 'equal to a text'], ['size', 'greater than a number']] as const) {
    for (const count of [0, 1, 20, 100]) table[`${count} candidates, ${what}`] = compared(await inTurns(await perCheck(candidates(count, sort))))
  }
  console.log('A check that ends in a no, with so many rules for the same action and subject.')
  console.table(table)
}

async function explanation (): Promise<void> {
  const table: Record<string, object> = {}
  for (const count of [0, 1, 20, 100]) {
    const work = candidates(count, 'size')
    const ability = oursOf(work).of(USER, USER.roles)
    const { action, subject, record } = work.question
    const times = await inTurns({
      'the check': () => ability.allows(action, subject, { ...record }),
      'its explanation': () => explain(ability, [ROLE], { action, subject, record: { ...record } }),
    })
    table[`${count} candidates`] = compared(times)
  }
  console.log('The explanation of a no: made on a no only, or when asked.')
  console.table(table)
}

async function memory (): Promise<void> {
  console.log('Kept for each ability that is alive.')
  console.table({ '100 rules': await abilities(100), '1000 rules': await abilities(1_000) })
  console.log('Of each request, 100 rules.')
  console.table(await requests(100))
  console.log('Kept for a policy of one role, once for the process. Cedar keeps its own in WebAssembly, where the heap does not see it.')
  console.table({ '10000 rules': await policies(10_000) })
}

/** Seconds of CPU time, as median. */
async function load (): Promise<number> {
  const { loads, end } = await loading()
  const seconds: Record<string, number[]> = {}
  for (let round = -1; round < 5; round++) {
    for (const [name, one] of round % 2 === 0 ? Object.entries(loads) : Object.entries(loads).reverse()) {
      const time = await timeOf(one) / 1e6
      if (round >= 0) (seconds[name] ??= []).push(time)
    }
  }
  await end()
  const own = seconds['ours, from YAML files'] as number[]
  console.log('A policy of 10,000 rules and 1,000 roles, loaded.')
  console.table(Object.fromEntries(Object.entries(seconds).map(([name, times]) => [name, { 's of CPU time': shown(spreadOf(times)), 'of ours from YAML': shown(ratios(times, own), 2) }])))
  return spreadOf(own).median
}

const { parts } = asked({ parts: ['request', 'check', 'explanation', 'memory', 'load'] })

if (parts.includes('request')) {
  const worst = await request()
  console.log(`the worst median is ${worst.toFixed(2)} times CASL by hand; at most ${LIMIT} is allowed`)
  if (worst > LIMIT) process.exitCode = 1
}
if (parts.includes('check')) await check()
if (parts.includes('explanation')) await explanation()
if (parts.includes('memory')) await memory()
if (parts.includes('load')) {
  const seconds = await load()
  console.log(`loaded in ${seconds.toFixed(2)} s of CPU time; at most ${LONGEST_LOAD} is allowed`)
  if (seconds > LONGEST_LOAD) process.exitCode = 1
}
