/** Whom Fastify believes when a request says whose address it comes from: two settings are mistakes nearly always. */
import type { FastifyInstance } from 'fastify'

/** Fastify shows this option nowhere else. */
const OPTIONS = 'fastify.options'

/** What to warn of, or `null`. */
export function proxyTrustProblem (app: FastifyInstance): string | null {
  const symbol = symbolsOf(app).find(({ description }) => description === OPTIONS)
  const { trustProxy } = (symbol === undefined ? {} : (app as unknown as Record<symbol, { readonly trustProxy?: unknown }>)[symbol]) ?? {}
  if (trustProxy === true) {
    return 'trustProxy: true believes whatever address a client writes into X-Forwarded-For, so that nobody is throttled by network. Give Fastify the addresses or networks of your proxies, { trustProxy: \'10.0.0.0/8\' }'
  }
  if (typeof trustProxy === 'number') {
    return `trustProxy: ${trustProxy} believes nobody: behind a proxy all clients have the proxy's address, and share what is counted by network. Give Fastify the addresses or networks of your proxies, { trustProxy: '10.0.0.0/8' }`
  }
  return null
}

/** Also those of the instances that this one was made from. */
function symbolsOf (app: object): symbol[] {
  const found: symbol[] = []
  for (let one: object | null = app; one !== null; one = Object.getPrototypeOf(one) as object | null) found.push(...Object.getOwnPropertySymbols(one))
  return found
}
