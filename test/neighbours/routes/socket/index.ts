/** A websocket that greets whoever is signed in. */
import type {} from '@fastify/websocket'
import type { FastifyInstance } from 'fastify'
import { authenticated, signedIn } from '../../../../lib/index.ts'

export default async function socket (app: FastifyInstance): Promise<void> {
  app.get('/', { websocket: true, config: { access: authenticated() } }, (socket, request) => {
    socket.send(`welcome, ${(signedIn(request) as { id: string }).id}`)
  })
}
