/** An application that is reachable on loopback, and knows its origin, before it has any route. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'

interface Teardown { teardown: (end: () => unknown) => void }

/** `await app.ready()` is all that it takes to serve. */
export async function onLoopback (t: Teardown): Promise<{ app: FastifyInstance, origin: string }> {
  const http = createServer()
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const app = Fastify({ serverFactory: (handler) => http.on('request', handler) })
  t.teardown(async () => {
    http.closeAllConnections()
    http.close()
    await app.close()
  })
  return { app, origin: `http://127.0.0.1:${(http.address() as AddressInfo).port}` }
}
