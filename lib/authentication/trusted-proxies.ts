/** Which addresses are proxies of the application's own, so that what they say of a client counts. */
import { BlockList, isIP } from 'node:net'
import { wrongOption } from '../option-error.ts'
import { textList } from './schemes/options.ts'

const FAMILIES = { 4: { name: 'ipv4', bits: 32 }, 6: { name: 'ipv6', bits: 128 } } as const
const ALLOWED = 'an IP address or a network of your proxies, 10.0.0.7 or 10.0.0.0/8 or fd00::/8 (not a host name, an IPv4 address inside an IPv6 one, or the network of everybody)'

/**
 * A function that says whether an address, of a socket, is among those given. One that is unknown, as on a Unix socket, is not.
 *
 * @throws OptionError unless each one given is an address or a network.
 */
export function trustedProxies (where: string, given: unknown): (address: string | undefined) => boolean {
  const proxies = new BlockList()
  for (const text of textList(where, 'trustedProxies', given)) {
    if (!add(proxies, text)) throw wrongOption(`${where} trustedProxies`, text, ALLOWED)
  }
  return (address = '') => {
    const family = familyOf(address)
    // A server that listens on `::` sees 10.0.0.7 as `::ffff:10.0.0.7`, which Node.js compares with IPv4 addresses too.
    return family !== null && proxies.check(address, family.name)
  }
}

function add (proxies: BlockList, text: string): boolean {
  const [, address, length] = /^([^/%]+)(?:\/([1-9]\d{0,2}))?$/.exec(text) ?? []
  const family = familyOf(address ?? '')
  if (address === undefined || family === null || /^::ffff:/i.test(address)) return false
  const bits = Number(length ?? family.bits)
  if (bits > family.bits) return false
  proxies.addSubnet(address, bits, family.name)
  return true
}

function familyOf (address: string) {
  return FAMILIES[isIP(address) as 4 | 6] ?? null
}
