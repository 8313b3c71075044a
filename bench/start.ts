/** How long an application of 10,000 routes and 1,000 roles takes to start, and what it keeps of 100,000 tokens. */
import { Contestant } from './contestant.ts'
import { strangers } from './requests.ts'
import { STARTS, type Scenario } from './scenarios.ts'
import { rotated, shown, spreadOf } from './spread.ts'
import { canJudge, judged } from './table.ts'

const TOKENS = 100_000
/** Seconds of CPU. */
const LONGEST_START = 2
/** MB. */
const MOST_KEPT = 100

interface Times {
  /** Microseconds by the clock. */
  readonly took: number
  /** Microseconds of CPU. */
  readonly cpu: number
}

/** Whether it is in time and in bounds. */
export async function measureStart (rounds: number, connections: number): Promise<boolean> {
  const times = await timesOf(rounds)
  const seconds = (scenario: Scenario, what: 'took' | 'cpu') => spreadOf((times.get(scenario) ?? []).map((time) => time[what] / 1e6))
  console.log(`From an empty application to one that listens, rounds: ${rounds}; no figure has the loading of modules in it`)
  console.table(Object.fromEntries(STARTS.map((scenario) => [scenario.title, {
    'CPU s': shown(seconds(scenario, 'cpu'), 2),
    seconds: shown(seconds(scenario, 'took'), 2),
  }])))
  const ours = STARTS.at(-1) as Scenario
  const kept = await keptBy(ours, connections)
  console.log(`Kept by ${ours.title} after ${TOKENS.toLocaleString('en')} tokens of as many users: ${kept[0].toFixed(1)} MB; after as many again: ${kept[1].toFixed(1)} MB`)
  return printAims(rounds, [
    { aim: `under ${LONGEST_START} s of CPU time in the smallest round`, measured: seconds(ours, 'cpu').min, below: LONGEST_START },
    { aim: `under ${MOST_KEPT} MB kept`, measured: Math.max(...kept), below: MOST_KEPT },
  ])
}

async function timesOf (rounds: number): Promise<ReadonlyMap<Scenario, readonly Times[]>> {
  const times = new Map(STARTS.map((scenario) => [scenario, [] as Times[]]))
  for (let round = 0; round < rounds; round++) {
    for (const scenario of rotated(STARTS, round)) times.get(scenario)?.push(await startOf(scenario))
    const last = STARTS.map((scenario) => `${scenario.title} ${((times.get(scenario)?.at(-1) as Times).cpu / 1e6).toFixed(2)} s`)
    console.log(`round ${round + 1} of ${rounds}: ${last.join(', ')} of CPU time`)
  }
  return times
}

interface Aim {
  readonly aim: string
  readonly measured: number
  readonly below: number
}

/** Whether none is missed. */
function printAims (rounds: number, aims: readonly Aim[]): boolean {
  const lines = aims.map((aim) => `${aim.aim}: ${canJudge(rounds) ? `${isMet(aim) ? 'met' : 'missed'} (${aim.measured.toFixed(2)})` : aim.measured.toFixed(2)}`)
  console.log(`The aims: ${lines.join('; ')}`)
  return judged(rounds, aims.every(isMet))
}

function isMet ({ measured, below }: Aim): boolean {
  return measured < below
}

async function startOf (scenario: Scenario): Promise<Times> {
  const contestant = await Contestant.start(scenario)
  contestant.stop()
  return contestant.start
}

/** MB of heap above that of the warm server. */
async function keptBy (scenario: Scenario, connections: number): Promise<readonly [once: number, twice: number]> {
  const contestant = await Contestant.start(scenario, ['--expose-gc'])
  try {
    await contestant.check()
    await contestant.warmUp(connections)
    const before = await contestant.heap()
    const after = async (from: number): Promise<number> => {
      await contestant.load({ connections, seconds: 120, most: TOKENS }, strangers(scenario.path, from))
      return (await contestant.heap() - before) / 1e6
    }
    return [await after(0), await after(TOKENS)]
  } finally {
    contestant.stop()
  }
}
