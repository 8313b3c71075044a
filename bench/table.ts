/** What the rounds come to: a line for each scenario, and one for each aim. */
import type { Slice } from './beside.ts'
import { AIMS, BARE, type Aim, type Scenario } from './scenarios.ts'
import { shown, spreadOf, type Spread } from './spread.ts'

/** The slices of a round, by what stands beside what. */
export type Round = Readonly<Record<string, Slice>>

/** By their names: the slice of the one beside the other. */
export function keyOf (other: string, name: string): string {
  return `${name} beside ${other}`
}

/** The 200 that the refusals of a stack stand beside. */
const OWN_200 = { hand: 'hand-new', gatehouse: 'gatehouse-new' } as const

export function printScenarios (scenarios: readonly Scenario[], rounds: readonly Round[]): void {
  console.table(Object.fromEntries(scenarios.map((scenario) => [scenario.title, lineOf(scenario, rounds)])))
}

/** Rounds, for a spread that says something. */
const FEWEST = 5

export function canJudge (rounds: number): boolean {
  return rounds >= FEWEST
}

/** Whether no aim is missed, as far as so many rounds can judge; where they cannot, it says so. */
export function judged (rounds: number, isMet: boolean): boolean {
  if (canJudge(rounds)) return isMet
  console.log(`Nothing is judged by fewer than ${FEWEST} rounds.`)
  return true
}

/** Whether none is missed. One that is missed within the spread counts as met. */
export function printAims (rounds: readonly Round[]): boolean {
  const measured = AIMS.flatMap((aim) => {
    const spread = aimed(rounds, aim)
    return spread === null ? [] : [{ aim, spread }]
  })
  if (measured.length === 0) return true
  console.log('The aims; above 1 is cheaper than what it stands beside')
  console.table(Object.fromEntries(measured.map(({ aim, spread }) => [aim.title, { 'at least': aim.least.toFixed(2), measured: shown(spread), '': canJudge(rounds.length) ? verdict(aim, spread) : '' }])))
  return judged(rounds.length, measured.every(({ aim, spread }) => spread.max >= aim.least))
}

/** How far bare Fastify's slices may lie apart before the figures are worth little. */
const QUIET = 2

/** Says so where the machine was too busy. */
export function warnOfNoise (rounds: readonly Round[]): void {
  const { min, max } = spreadOf(rounds.flatMap(floorsOf))
  if (max / min > QUIET) console.log(`The machine was busy: bare Fastify took ${(max / min).toFixed(1)} times as long at one time as at another. Look at the spreads.`)
}

function verdict ({ least }: Aim, { median, max }: Spread): string {
  if (median >= least) return 'met'
  return max >= least ? 'met within the spread' : 'missed'
}

/** Bare Fastify's CPU time, in microseconds per request, in each slice of a round that it was in. */
export function floorsOf (round: Round): number[] {
  return Object.entries(round).flatMap(([key, { other }]) => key.endsWith(keyOf(BARE, '')) ? [other] : [])
}

function lineOf ({ name, stack, status }: Scenario, rounds: readonly Round[]): object {
  const slices = rounds.map((round) => round[keyOf(BARE, name)] as Slice)
  const median = (what: keyof Slice): number => spreadOf(slices.map((slice) => slice[what])).median
  const own = status === 200 ? null : toOwn200(rounds, OWN_200[stack as keyof typeof OWN_200], name)
  return {
    'ratio to bare Fastify': shown(spreadOf(slices.map((slice) => 1 / share(slice)))),
    'ratio to its own 200': own === null ? '' : shown(own),
    'CPU us/request': median('cpu').toFixed(1),
    'requests/CPU s': Math.round(1e6 / median('cpu')),
    'requests/s': Math.round(median('rate')),
    'p99 ms': median('p99').toFixed(2),
    'RSS MB': Math.round(median('rss') / 1e6),
  }
}

/** Of the two in one slice; `null` where one of them was left out. */
function aimed (rounds: readonly Round[], { of: [numerator, denominator] }: Aim): Spread | null {
  const slices = rounds.flatMap((round) => round[keyOf(numerator, denominator)] ?? [])
  return slices.length === 0 ? null : spreadOf(slices.map((slice) => 1 / share(slice)))
}

/** Of two that each stood beside bare Fastify; `null` where one of them was left out. */
function toOwn200 (rounds: readonly Round[], own: string, name: string): Spread | null {
  const values = rounds.flatMap((round) => {
    const [above, below] = [round[keyOf(BARE, own)], round[keyOf(BARE, name)]]
    return above === undefined || below === undefined ? [] : [share(above) / share(below)]
  })
  return values.length === 0 ? null : spreadOf(values)
}

/** How many times the CPU time of what it stood beside. */
function share ({ cpu, other }: Slice): number {
  return cpu / other
}
