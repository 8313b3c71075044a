/** What the soak came to, and whether it is what it must be. */
import type { SoakLoad } from './soak-load.ts'
import type { Conduct } from './soak-server.ts'
import { growthOf } from './trend.ts'

/** Bytes after garbage collection. */
export interface Memory {
  readonly second: number
  readonly heap: number
  readonly rss: number
}

export interface Soaked {
  readonly load: SoakLoad
  readonly samples: readonly Memory[]
  /** How often another policy was written. */
  readonly writes: number
  readonly restarts: number
  readonly conduct: Conduct
}

/** Seconds until everything is as large as it gets. */
const FIRST = 60
const MOST_GROWTH = 0.1

/** Whether all is well. */
export function printSoak ({ load, samples, writes, restarts, conduct }: Soaked): boolean {
  const later = samples.filter(({ second }) => second >= FIRST)
  const growth = growthOf(later.map(({ second, heap }) => ({ at: second, value: heap })))
  const megabytes = (memory: Memory | undefined, what: 'heap' | 'rss'): string => memory === undefined ? '-' : (memory[what] / 1e6).toFixed(1)
  const { rejections, warnings, kept, loaded, outages } = conduct
  console.table({
    answers: load.answers.toLocaleString('en'),
    ...Object.fromEntries(Object.entries(load.byStatus).map(([status, count]) => [`with ${status}`, count.toLocaleString('en')])),
    'under the first policy, and the second': `${load.byVersion.first.toLocaleString('en')}, ${load.byVersion.second.toLocaleString('en')}`,
    'compared with a server that keeps nothing': load.compared.toLocaleString('en'),
    'wrong answers': load.wrong,
    'policies written, and put in force': `${writes}, ${loaded}`,
    'policies refused': kept.length,
    'Redis restarts, and outages that were noticed': `${restarts}, ${outages.length}`,
    'heap after the first minute, and at the end, MB': `${megabytes(later[0], 'heap')}, ${megabytes(later.at(-1), 'heap')}`,
    'heap, by the line through all samples in between': `${(growth * 100).toFixed(1)} %`,
    'RSS after the first minute, and at the end, MB': `${megabytes(later[0], 'rss')}, ${megabytes(later.at(-1), 'rss')}`,
    'unhandled rejections': rejections.length,
    warnings: warnings.length,
  })
  for (const text of outages.slice(0, 30)) console.log(`Redis was away, as it should be, and that was noticed at ${text}`)
  for (const text of [...load.told, ...rejections, ...warnings, ...kept].slice(0, 30)) console.log(text)
  const failures = [
    load.wrong > 0 && 'answers were wrong',
    load.compared === 0 && 'nothing was compared',
    load.byVersion.first === 0 || load.byVersion.second === 0 ? 'one of the policies was never in force' : false,
    (kept.length > 0 || loaded !== writes) && 'a policy was not put in force',
    outages.length < restarts && 'an outage was not noticed, so nothing was shown of it',
    rejections.length > 0 && 'a rejection was not handled',
    warnings.length > 0 && 'Node.js warned',
    growth > MOST_GROWTH && `the heap grew by more than ${MOST_GROWTH * 100} % after the first minute`,
  ].filter((failure) => failure !== false)
  console.log(failures.length === 0 ? 'All is well' : `Not well: ${failures.join('; ')}`)
  return failures.length === 0
}
