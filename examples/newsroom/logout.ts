/** Signing out: the token of the request ends, and all that came of the same sign-in. */
import type { FastifyInstance } from 'fastify'
import { authenticated, signedIn } from 'fastify-gatehouse'
import type { RevocationList } from 'fastify-gatehouse/schemes'
import type { Families } from './families.ts'

export async function logout (app: FastifyInstance, { families, revocations }: { readonly families: Families, readonly revocations: RevocationList }): Promise<void> {
  app.post('/logout', {
    config: { access: authenticated({ despite: ['account_suspended'] }) },
  }, async (request, reply) => {
    const { sid } = signedIn(request)
    // The family first: should it fail, the token can still be used to try again.
    if (sid !== undefined) await families.end(sid)
    await revocations.revoke(request)
    return reply.code(204).header('cache-control', 'no-store').send()
  })
}
