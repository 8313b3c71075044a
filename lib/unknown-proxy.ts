/** Notices a proxy that Fastify was not told of: all its clients would have one address. */
import { BlockList, isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'

/** Addresses that no client has who comes from the Internet himself: RFC 1122, 1918, 6598, 4193 and 4291. */
const INTERNAL: ReadonlyArray<readonly [network: string, prefix: number, family: 'ipv4' | 'ipv6']> = [
  ['127.0.0.0', 8, 'ipv4'], ['10.0.0.0', 8, 'ipv4'], ['172.16.0.0', 12, 'ipv4'], ['192.168.0.0', 16, 'ipv4'], ['169.254.0.0', 16, 'ipv4'], ['100.64.0.0', 10, 'ipv4'],
  ['::1', 128, 'ipv6'], ['fc00::', 7, 'ipv6'], ['fe80::', 10, 'ipv6'],
]
const internal = new BlockList()
for (const [network, prefix, family] of INTERNAL) internal.addSubnet(network, prefix, family)

/**
 * What to warn of, for the first request that a proxy of one's own has passed on, and `null` for every other. For an application whose `trustProxy` is off. Anybody can write
 * `X-Forwarded-For`; so it counts only from an address inside, of which the text then tells.
 */
export function unknownProxies (): (request: FastifyRequest) => string | null {
  let isTold = false
  return ({ headers, raw }) => {
    if (isTold || headers['x-forwarded-for'] === undefined) return null
    const { remoteAddress = '' } = raw.socket
    if (!internal.check(remoteAddress, isIP(remoteAddress) === 4 ? 'ipv4' : 'ipv6')) return null
    isTold = true
    const address = remoteAddress.replace(/^::ffff:(?=.*\.)/, '')
    return `a request came from ${address} with X-Forwarded-For: it seems to be a proxy, and Fastify was not told of it, so that all its clients have one address, and share what is counted by network. ` +
      `If it is yours, give Fastify its address or network, { trustProxy: '${address}' }`
  }
}
