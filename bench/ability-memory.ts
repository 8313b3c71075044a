/** What a process keeps for abilities, for requests that are over and for policies, and what one request leaves to the garbage collector. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { casbinOf, caslOf, oursOf, perRequest, type Contestant } from './ability-contestants.ts'
import { manyRules, USER } from './ability-work.ts'
import { spreadOf } from './spread.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const ROUNDS = 5
const REQUESTS = 2_000

/** Bytes. */
function heap (): number {
  collect()
  collect()
  return process.memoryUsage().heapUsed
}

/** Bytes for each of as many as are held at the same time. */
async function kept (count: number, make: (index: number) => unknown): Promise<number> {
  const held: unknown[] = new Array(count)
  const before = heap()
  for (let index = 0; index < count; index++) held[index] = await make(index)
  const after = heap()
  if (held.includes(undefined)) throw new Error('nothing was made')
  return (after - before) / count
}

const userOf = (index: number) => ({ ...USER, id: `user-${index}`, tenantId: `tenant-${index}` })

/** Abilities of different users, each asked once, so that what it prepares at the first question is counted. */
export async function abilities (count: number): Promise<Record<string, string>> {
  const work = manyRules(count, 'tenant')
  const { action, subject } = work.question
  const ours = oursOf(work)
  const many = Math.max(20, Math.round(100_000 / count))
  const asked = (index: number) => {
    const user = userOf(index)
    const ability = ours.of(user, user.roles)
    if (!ability.allows(action, subject, { tenantId: user.tenantId })) throw new Error('a wrong answer')
    return ability
  }
  const casl = (index: number) => {
    const ability = caslOf(work, userOf(index))
    ability.can(action, subject)
    return ability
  }
  await kept(10, asked)
  await kept(10, casl)
  return { 'ours, bytes': (await kept(10_000, asked)).toFixed(0), 'CASL by hand, bytes': (await kept(many, casl)).toFixed(0) }
}

/** Bytes that requests leave behind, which are garbage; and bytes of each that are still there afterwards. */
export async function requests (count: number): Promise<Record<Contestant, { 'garbage, bytes': string, 'kept, bytes': string }>> {
  const rows = {} as Record<Contestant, { 'garbage, bytes': string, 'kept, bytes': string }>
  for (const [name, ask] of Object.entries(await perRequest(manyRules(count, 'tenant')))) {
    const few = name === 'ours' ? 500 : 20
    for (let warm = 0; warm < few; warm++) await ask()
    const garbage: number[] = []
    const left: number[] = []
    while (garbage.length < ROUNDS) {
      const before = heap()
      for (let request = 0; request < few; request++) await ask()
      const made = process.memoryUsage().heapUsed - before
      // Nothing was collected in between, or it would be less than what was there before.
      if (made > 0) garbage.push(made / few)
    }
    for (let round = 0; round < ROUNDS; round++) {
      const before = heap()
      for (let request = 0; request < REQUESTS / ROUNDS; request++) await ask()
      left.push((heap() - before) / (REQUESTS / ROUNDS))
    }
    rows[name as Contestant] = { 'garbage, bytes': spreadOf(garbage).median.toFixed(0), 'kept, bytes': spreadOf(left).median.toFixed(1) }
  }
  return rows
}

/** What a policy itself takes, once for the process, and everything that was prepared with it. */
export async function policies (count: number): Promise<Record<string, string>> {
  const work = manyRules(count, 'tenant')
  const mega = async (make: () => unknown) => ((await kept(1, make)) / 1e6).toFixed(1)
  return {
    'ours, MB': await mega(() => {
      const abilities = oursOf(work)
      return [abilities, abilities.of(USER, USER.roles)]
    }),
    'casbin, MB': await mega(() => casbinOf(work)),
  }
}
