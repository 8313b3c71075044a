/** Who is signed in: the user that a token stands for. */

export interface User {
  readonly id: string
  /** Left out for the platform's administrator. */
  readonly tenantId?: string
  readonly roles: readonly string[]
  readonly plan: 'free' | 'pro'
  readonly suspended: boolean
}

declare module '@fastify/jwt' {
  interface FastifyJWT {
    user: User
  }
}
