/** An answer of a handler that must not go out: of its headers none stays that may tell what it was. */
import type { FastifyReply } from 'fastify'

/** Those that plugins put on whatever is answered: CORS, security headers, what the gatehouse itself says, and names for tracing. */
const STAYING = new Set([
  'connection', 'content-security-policy', 'content-security-policy-report-only', 'date', 'dpop-nonce', 'origin-agent-cluster', 'permissions-policy', 'referrer-policy', 'request-id', 'retry-after',
  'server', 'strict-transport-security', 'traceparent', 'vary', 'www-authenticate', 'x-content-type-options', 'x-dns-prefetch-control', 'x-download-options', 'x-frame-options',
  'x-permitted-cross-domain-policies', 'x-request-id', 'x-xss-protection',
])
const STAYING_WITH = /^(?:access-control-|cross-origin-|ratelimit)/

/** Takes away whatever else was put on the reply. A trailer that the handler has added stays: it is made of the payload, which is another one now. */
export function withdraw (reply: FastifyReply): void {
  for (const name of Object.keys(reply.getHeaders())) {
    if (STAYING.has(name) || STAYING_WITH.test(name)) continue
    reply.removeHeader(name)
    reply.raw.removeHeader(name)
  }
}
