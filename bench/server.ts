/** A server process of the bench: `server.ts <stack>`. It tells its port, and its CPU time whenever it is asked. */
import type { AddressInfo } from 'node:net'
import process from 'node:process'
import type { FastifyInstance } from 'fastify'
import { NAMES, type Stack } from './stacks.ts'

export type Report =
  | { readonly kind: 'listening', readonly port: number }
  | { readonly kind: 'cpu', readonly microseconds: number }

function tell (report: Report): void {
  process.send?.(report)
}

const stack = process.argv[2] as Stack
if (!NAMES.includes(stack)) throw new Error(`no stack "${stack}"; there are ${NAMES.join(', ')}`)
const { build } = await import(`./stacks/${stack}.ts`) as { build: () => Promise<FastifyInstance> }
const app = await build()
await app.listen({ port: 0, host: '127.0.0.1' })

process.on('message', () => {
  const { user, system } = process.cpuUsage()
  tell({ kind: 'cpu', microseconds: user + system })
})
// Whoever started it is gone.
process.on('disconnect', () => process.exit())
tell({ kind: 'listening', port: (app.server.address() as AddressInfo).port })
