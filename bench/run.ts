/** The bench: all stacks side by side in one run, in interleaved rounds. `npm run bench -- --duration 3 --rounds 5 --connections 32` */
import { availableParallelism, cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { Contestant, type Slice } from './contestant.ts'
import { rotated, shown, spreadOf } from './spread.ts'
import { NAMES, STACKS, type Stack } from './stacks.ts'

const { values } = parseArgs({
  options: {
    duration: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '32' },
  },
})
const duration = positive('duration', values.duration)
const rounds = positive('rounds', values.rounds)
const connections = positive('connections', values.connections)

const contestants: Contestant[] = []
try {
  for (const name of NAMES) contestants.push(await Contestant.start(name))
  for (const contestant of contestants) await contestant.check()
  console.log(`every stack answers as it should; ${rounds} rounds of ${duration} s a stack, ${connections} connections`)
  console.log(`Node.js ${process.version}, ${availableParallelism()} cores, ${cpus()[0]?.model ?? 'unknown'}, load ${load()}`)
  for (const contestant of contestants) await contestant.warmUp(connections)
  print(await measureAll())
} finally {
  for (const contestant of contestants) contestant.stop()
}

async function measureAll (): Promise<Record<Stack, Slice>[]> {
  const measured: Record<Stack, Slice>[] = []
  for (let round = 0; round < rounds; round++) {
    const slices: Partial<Record<Stack, Slice>> = {}
    for (const contestant of rotated(contestants, round)) slices[contestant.stack] = await contestant.measure({ duration, connections })
    measured.push(slices as Record<Stack, Slice>)
    console.log(`round ${round + 1}: ${NAMES.map((name) => `${name} ${slices[name]?.cpu.toFixed(1)} us`).join(', ')}; load ${load()}`)
  }
  return measured
}

function print (measured: readonly Record<Stack, Slice>[]): void {
  const ratio = (of: Stack, to: Stack): string => shown(spreadOf(measured.map((round) => round[to].cpu / round[of].cpu)))
  const median = (of: Stack, what: keyof Slice): number => spreadOf(measured.map((round) => round[of][what])).median
  console.table(Object.fromEntries(NAMES.map((name) => [STACKS[name].title, {
    'ratio to bare Fastify': ratio(name, 'bare'),
    'CPU us/request': median(name, 'cpu').toFixed(1),
    'requests/s': Math.round(median(name, 'rate')),
    'p99 ms': median(name, 'p99').toFixed(1),
  }])))
  const toHand = spreadOf(measured.map((round) => round.casl.cpu / round.gatehouse.cpu))
  console.log(`fastify-gatehouse against the hand-written stack, above 1 is faster: ${shown(toHand)}`)
  if (toHand.median < 1) process.exitCode = 1
}

function load (): string {
  return loadavg().map((value) => value.toFixed(1)).join(' ')
}

function positive (name: string, given: string): number {
  const number = Number(given)
  if (!Number.isInteger(number) || number < 1) throw new Error(`--${name}: expected a whole number of 1 or more, got "${given}"`)
  return number
}
