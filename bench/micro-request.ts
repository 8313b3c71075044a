/** A request as the steps of the gatehouse see it, and a reply that keeps its headers as Fastify's does. */
import type { FastifyReply, FastifyRequest } from 'fastify'

export interface Signed {
  readonly user: { readonly id: string, readonly tenantId: string, readonly roles: readonly string[] }
  /** `Bearer` and the token, where the step reads it. */
  readonly authorization?: string
}

/** `GET /articles/1` of somebody who is signed in. */
export function requestBy ({ user, authorization = '' }: Signed): FastifyRequest {
  return {
    id: 'req-1',
    method: 'GET',
    originalUrl: '/articles/1',
    protocol: 'http',
    ip: '127.0.0.1',
    headers: { host: '127.0.0.1', authorization },
    params: { id: '1' },
    raw: { rawHeaders: ['Host', '127.0.0.1', 'Authorization', authorization], httpVersionMajor: 1 },
    user,
    auth: { scheme: 'Bearer', scopes: [], authTime: null, acr: null, expiresAt: null },
  } as unknown as FastifyRequest
}

/** Each request has its own. */
export function newReply (): FastifyReply {
  return new Reply() as unknown as FastifyReply
}

class Reply {
  statusCode = 200
  readonly #headers: Record<string, unknown> = {}

  code (status: number): this {
    this.statusCode = status
    return this
  }

  header (name: string, value: unknown): this {
    this.#headers[name.toLowerCase()] = value
    return this
  }

  getHeader (name: string): unknown {
    return this.#headers[name.toLowerCase()]
  }

  hasHeader (name: string): boolean {
    return this.#headers[name.toLowerCase()] !== undefined
  }

  removeHeader (name: string): this {
    delete this.#headers[name.toLowerCase()]
    return this
  }
}
