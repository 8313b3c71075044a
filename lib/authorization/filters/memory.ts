/** Lists of records in memory: a filter as a function that says yes or no. */
import type { Backend } from '../backend.ts'
import { keeps } from '../filter.ts'

/** True for the records that are meant. */
export type MemoryWhere = (record: object) => boolean

export function memory (): Backend<MemoryWhere> {
  return Object.freeze({ name: 'memory', problem: () => null, translate: (filter) => (record) => keeps(filter, record) } satisfies Backend<MemoryWhere>)
}
