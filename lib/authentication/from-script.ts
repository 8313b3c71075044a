/** Whether a page's own script asks, where a browser's password dialog would only be in the way (facts: authentication A5). */
import type { FastifyRequest } from 'fastify'

/** Fetch Metadata, section 2.2 (`Sec-Fetch-Mode`), and what libraries sent before it. */
export function isFromScript ({ headers }: FastifyRequest): boolean {
  const { 'sec-fetch-mode': mode, 'x-requested-with': requestedWith } = headers
  if (mode !== undefined && mode !== 'navigate') return true
  return typeof requestedWith === 'string' && requestedWith.toLowerCase() === 'xmlhttprequest'
}
