/** One core for the server and one for the load, where `taskset` can do that. */
import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

const LOAD = '0'
const SERVER = '1'

export const arePinned = availableParallelism() > 1 && spawnSync('taskset', ['-c', `${LOAD},${SERVER}`, 'true']).status === 0

/** The load is made in this process. */
export function pinLoad (): void {
  if (arePinned) spawnSync('taskset', ['-a', '-c', '-p', LOAD, String(process.pid)])
}

/** What `fork` needs to start a server at its core. */
export function nodeOfServer (flags: readonly string[]): { readonly execPath: string, readonly execArgv: string[] } {
  const { execPath } = process
  return arePinned ? { execPath: 'taskset', execArgv: ['-c', SERVER, execPath, ...flags] } : { execPath, execArgv: [...flags] }
}
