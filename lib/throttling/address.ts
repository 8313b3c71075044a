/** The network that a client's address belongs to: what attempts from one place are counted by. */
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

export interface NetworkOptions {
  /** The length of the prefix that stands for one client; default 64, the smallest network that a provider hands out. */
  readonly ipv6Prefix?: number
  /** The address of the socket, for when the first is none: a trusted proxy's header can hold any text (facts: throttling 3, trustProxy). */
  readonly fallback?: string | undefined
}

/** The one bucket of all who have no address, as on a Unix socket. */
export const NO_NETWORK = 'unknown'

/**
 * The name of the network of an address: an IPv4 address whole, an IPv6 address up to its prefix (`2001:db8:1:2::/64`), and an IPv4 address
 * inside an IPv6 one (mapped, NAT64 of RFC 6052, 6to4 of RFC 3056) as that IPv4 address. A zone id is left out. Text that is
 * no address counts as the fallback, or else as `unknown`. Never throws.
 */
export function networkOf (ip: string | undefined, { ipv6Prefix = 64, fallback }: NetworkOptions = {}): string {
  return network(ip, ipv6Prefix) ?? network(fallback, ipv6Prefix) ?? NO_NETWORK
}

function network (ip: string | undefined, ipv6Prefix: number): string | undefined {
  const bare = ip?.split('%', 1)[0] ?? ''
  // Stricter than ipaddr.js, which also reads `1`, `0x7f.1` and octal numbers: one address would have many names.
  if (isIP(bare) === 0) return undefined
  const address = ipaddr.parse(bare)
  if (address instanceof ipaddr.IPv4) return address.toString()
  return embeddedIPv4(address) ?? `${prefixOf(address, ipv6Prefix)}/${ipv6Prefix}`
}

function embeddedIPv4 (address: ipaddr.IPv6): string | undefined {
  const bytes = address.toByteArray()
  switch (address.range()) {
    case 'ipv4Mapped': // ::ffff:0:0/96
    case 'rfc6052': // 64:ff9b::/96
      return bytes.slice(12).join('.')
    case '6to4': // 2002::/16
      return bytes.slice(2, 6).join('.')
    default:
      return undefined
  }
}

function prefixOf (address: ipaddr.IPv6, length: number): string {
  const mask = ipaddr.IPv6.subnetMaskFromPrefixLength(length).toByteArray()
  const bytes = address.toByteArray().map((byte, index) => byte & Number(mask[index]))
  return ipaddr.fromByteArray(bytes).toString()
}
