/** Who is signed in: the user that a token stands for. */

export interface User {
  readonly id: string
  /** Left out for the platform's administrator. */
  readonly tenantId?: string
  readonly roles: readonly string[]
  readonly plan: 'free' | 'pro'
  readonly suspended: boolean
  /** The sign-in that the token came of: its family. Not there for whoever did not sign in here. */
  readonly sid?: string
}

declare module '@fastify/jwt' {
  interface FastifyJWT {
    user: User
  }
}
