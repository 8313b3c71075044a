/** Staying signed in: a refresh token becomes the next tokens of its family. */
import type { FastifyInstance } from 'fastify'
import { everyone, quota } from 'fastify-gatehouse'
import type { Families } from './families.ts'
import { tokenAnswer } from './tokens.ts'

const REFRESH = {
  type: 'object',
  properties: { refresh_token: { type: 'string', minLength: 1, maxLength: 256 } },
  required: ['refresh_token'],
}

/** Each fills the list of ended tokens by one. */
const REFRESHES = quota('refreshes', { limit: 300, window: 60, by: 'network' })

export async function refresh (app: FastifyInstance, { families }: { readonly families: Families }): Promise<void> {
  app.post<{ Body: { readonly refresh_token: string } }>('/token', {
    schema: { body: REFRESH },
    config: { access: everyone({ quota: REFRESHES }) },
  }, async (request, reply) => {
    reply.header('cache-control', 'no-store')
    return tokenAnswer(app, await families.refresh(request.body.refresh_token))
  })
}
