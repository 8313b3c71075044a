/** Whom Fastify believes when a request says whose address it comes from: to believe everybody, or a number of hops, is a mistake nearly always. */
import { BlockList, isIP } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** Fastify shows this option nowhere else. */
const OPTIONS = 'fastify.options'

/** Strangers, far from each other: where all of a family are believed, everybody is. */
const STRANGERS = [['9.9.9.9', '192.0.2.1', '203.0.113.1'], ['2001:db8::1', '3fff::1']] as const

const MEND = 'Give Fastify the addresses or networks of your proxies, { trustProxy: \'10.0.0.0/8\' }'

/** The option `trustProxy` as it was given to Fastify. */
export function trustProxyOf (app: FastifyInstance): unknown {
  const symbol = symbolsOf(app).find(({ description }) => description === OPTIONS)
  return symbol === undefined ? undefined : (app as unknown as Record<symbol, { readonly trustProxy?: unknown } | undefined>)[symbol]?.trustProxy
}

/** What to warn of, or `null`. */
export function proxyTrustProblem (app: FastifyInstance): string | null {
  const trustProxy = trustProxyOf(app)
  if (typeof trustProxy === 'number') {
    return `trustProxy: ${trustProxy} believes nobody: behind a proxy all clients have the proxy's address, and share what is counted by network. ${MEND}`
  }
  if (!believesEverybody(trustProxy)) return null
  const given = typeof trustProxy === 'function' ? 'a function that says yes to every address' : JSON.stringify(trustProxy)
  return `trustProxy: ${given} believes whatever address a client writes into X-Forwarded-For, so that nobody is throttled by network. ${MEND}`
}

function believesEverybody (trustProxy: unknown): boolean {
  if (trustProxy === true) return true
  if (typeof trustProxy === 'function') return STRANGERS.some((family) => family.every((address) => believes(trustProxy as TrustFunction, address)))
  const networks = networksOf(typeof trustProxy === 'string' ? trustProxy.split(',') : Array.isArray(trustProxy) ? trustProxy : [])
  return STRANGERS.some((family) => family.every((address) => networks.check(address, familyOf(address))))
}

type TrustFunction = (address: string, hop: number) => unknown

/** At every hop: to believe whoever is so many hops away is another thing. A function that throws believes nobody. */
function believes (trusts: TrustFunction, address: string): boolean {
  try {
    return [0, 1, 2, 10].every((hop) => Boolean(trusts(address, hop)))
  } catch {
    return false
  }
}

/** Those written as prefixes. Names as `loopback` stand for networks of no strangers, and single addresses are few. */
function networksOf (written: readonly unknown[]): BlockList {
  const networks = new BlockList()
  for (const one of written) {
    const [address = '', prefix = ''] = String(one).trim().split('/')
    if (isIP(address) !== 0 && /^\d+$/.test(prefix)) networks.addSubnet(address, Number(prefix), familyOf(address))
  }
  return networks
}

function familyOf (address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6'
}

/** Also those of the instances that this one was made from. */
function symbolsOf (app: object): symbol[] {
  const found: symbol[] = []
  for (let one: object | null = app; one !== null; one = Object.getPrototypeOf(one) as object | null) found.push(...Object.getOwnPropertySymbols(one))
  return found
}
