/** The bench: all stacks side by side in interleaved rounds, then the start. `npm run bench -- requests --only gatehouse,hand --duration 3 --rounds 5 --connections 32` */
import { cpus, loadavg } from 'node:os'
import { asked, fail, numberOf, oneOf } from './arguments.ts'
import { sliceBeside, type Slice } from './beside.ts'
import { Contestant } from './contestant.ts'
import { arePinned, pinLoad } from './cores.ts'
import { AIMS, BARE, SCENARIOS, type Scenario } from './scenarios.ts'
import { rotated, shown, spreadOf } from './spread.ts'
import { isInstalled } from './stacks.ts'
import { measureStart } from './start.ts'
import { floorsOf, keyOf, printAims, printScenarios, warnOfNoise, type Round } from './table.ts'

const PARTS = ['requests', 'start']

const given = asked({ parts: PARTS, options: { only: null, duration: '1', rounds: '5', connections: '32' } })
const { parts } = given
const [duration, rounds, connections] = [numberOf(given, 'duration', 1), numberOf(given, 'rounds', 1), numberOf(given, 'connections', 1)]
const only = given.options['only']?.split(',')
if (only !== undefined && !parts.includes('requests')) fail('--only: it chooses scenarios of requests, which are not asked for')
const scenarios = parts.includes('requests') ? installed(chosen(only)) : []

pinLoad()
console.log(`Node.js ${process.version}, ${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}, load ${busy()}`)
if (parts.includes('requests')) console.log(arePinned ? 'One core for the server, one for the load' : 'The server and the load share all cores: there is no taskset, or one core only')
const met: boolean[] = []
if (parts.includes('requests')) met.push(await requests())
if (parts.includes('start')) met.push(await measureStart(rounds, connections))
if (met.includes(false)) process.exitCode = 1

async function requests (): Promise<boolean> {
  for (const scenario of scenarios) await mustAnswer(scenario)
  console.log(`Every stack answers as it should; rounds: ${rounds}, of ${duration} s a scenario (and some ten seconds to start and warm up), connections: ${connections}`)
  const measured = await measureAll()
  printScenarios(scenarios, measured)
  warnOfNoise(measured)
  return printAims(measured)
}

async function mustAnswer (scenario: Scenario): Promise<void> {
  const contestant = await Contestant.start(scenario)
  try {
    await contestant.check()
  } finally {
    contestant.stop()
  }
}

async function measureAll (): Promise<Round[]> {
  const measured: Round[] = []
  const pairs = [...scenarios.map((scenario): Pair => [scenarios[0] as Scenario, scenario]), ...aimedAt()]
  for (let round = 0; round < rounds; round++) {
    const slices: Record<string, Slice> = {}
    for (const [other, scenario] of rotated(pairs, round)) slices[keyOf(other.name, scenario.name)] = await sliceBeside(other, scenario, connections, duration)
    measured.push(slices)
    console.log(`round ${round + 1} of ${rounds}: bare Fastify ${shown(spreadOf(floorsOf(slices)), 1)} us, load ${busy()}`)
  }
  return measured
}

type Pair = readonly [other: Scenario, scenario: Scenario]

/** The scenarios that aims set beside each other, and not beside bare Fastify. */
function aimedAt (): Pair[] {
  const named = (name: string): Scenario | undefined => scenarios.find((scenario) => scenario.name === name)
  return AIMS.flatMap(({ of }): Pair[] => {
    const [other, scenario] = of.map(named)
    return other === undefined || scenario === undefined || other === scenarios[0] ? [] : [[other, scenario]]
  })
}

/** With bare Fastify always. */
function chosen (only: readonly string[] | undefined): readonly Scenario[] {
  if (only === undefined) return SCENARIOS
  const names: string[] = [BARE, ...only.map((name) => oneOf('--only', name, SCENARIOS.map(({ name }) => name)))]
  return SCENARIOS.filter(({ name }) => names.includes(name))
}

function installed (scenarios: readonly Scenario[]): readonly Scenario[] {
  const left = scenarios.filter(({ stack }) => !isInstalled(stack))
  if (left.length > 0) console.log(`Left out: ${left.map(({ title }) => title).join(', ')}. \`npm ci --prefix bench/peers --ignore-scripts\` installs what they need.`)
  return scenarios.filter((scenario) => !left.includes(scenario))
}

function busy (): string {
  return loadavg().map((value) => value.toFixed(1)).join(' ')
}
