/** A server process of the bench: `server.ts <stack> <setting>`. It tells its port, and its CPU time and memory whenever it is asked. */
import type { AddressInfo } from 'node:net'
import process from 'node:process'
import { STACKS, type Setting, type Stack, type StackFile } from './stacks.ts'

/** Times in microseconds, memory in bytes. */
export type Report =
  | { readonly kind: 'listening', readonly port: number, readonly took: number, readonly cpu: number }
  | { readonly kind: 'used', readonly cpu: number, readonly rss: number }
  | { readonly kind: 'heap', readonly heap: number }

/** `heap` is for a process with `--expose-gc`. */
export type Question = 'used' | 'heap'

const [stack, setting] = process.argv.slice(2) as [Stack, string]
const { start } = await import(STACKS[stack].file) as StackFile
const [began, before] = [performance.now(), process.cpuUsage()]
const server = await start(JSON.parse(setting) as Setting)
const [took, cpu] = [(performance.now() - began) * 1000, cpuSince(before)]

process.on('message', (question: Question) => tell(question === 'heap' ? heap() : used()))
// Whoever started it is gone.
process.on('disconnect', () => process.exit())
tell({ kind: 'listening', port: (server.address() as AddressInfo).port, took, cpu })

function used (): Report {
  return { kind: 'used', cpu: cpuSince(), rss: process.memoryUsage.rss() }
}

function heap (): Report {
  const collect = globalThis.gc as () => void
  collect()
  collect()
  return { kind: 'heap', heap: process.memoryUsage().heapUsed }
}

function cpuSince (before?: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return user + system
}

function tell (report: Report): void {
  process.send?.(report)
}
