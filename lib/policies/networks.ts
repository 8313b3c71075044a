/** Networks as policies write them, `10.0.0.0/8`, and whether an address is in one of them. */
import ipaddr from 'ipaddr.js'

export interface Networks {
  /** As written, for messages. */
  readonly texts: readonly string[]
  /** `undefined` for what is no address. */
  readonly include: (address: unknown) => boolean | undefined
}

type Network = ReturnType<typeof ipaddr.parseCIDR>

/** A prefix or a single address (RFC 4632, RFC 4291); `null` where a text is neither, names an interface, or has bits set beyond its prefix. */
export function networksOf (texts: readonly string[]): Networks | null {
  const networks: Network[] = []
  for (const text of texts) {
    const network = networkOf(text)
    if (network === null) return null
    networks.push(network)
  }
  return {
    texts,
    include: (value) => {
      if (typeof value !== 'string' || !isAddress(value)) return undefined
      // An IPv4 address that came over an IPv6 socket is the IPv4 address (RFC 4291 section 2.5.5.2).
      const address = ipaddr.process(value)
      return networks.some(([range, bits]) => range.kind() === address.kind() && address.match(range, bits))
    },
  }
}

/** The one text by which everybody writes this address (RFC 5952); `null` for what is no address. */
export function addressText (text: string): string | null {
  return isAddress(text) && !text.includes('%') ? ipaddr.process(text).toString() : null
}

/** `0177.0.0.1` and `127.1` are 127.0.0.1 to some and another address to others. */
function isAddress (text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text)
}

function networkOf (text: string): Network | null {
  const network = text.includes('%') ? null : writtenNetwork(text)
  const [range, bits] = network ?? []
  // Addresses are compared as IPv4 where they are, and so are networks of them.
  return range instanceof ipaddr.IPv6 && range.isIPv4MappedAddress() && bits !== undefined ? [range.toIPv4Address(), bits - 96] : network
}

/** `/08` is 8 to some, and to others no number. */
const DECIMAL_PREFIX = /\/(?:0|[1-9]\d*)$/

function writtenNetwork (text: string): Network | null {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return [ipaddr.IPv4.parse(text), 32]
  if (ipaddr.IPv6.isValid(text)) return [ipaddr.IPv6.parse(text), 128]
  if (!DECIMAL_PREFIX.test(text) || (!ipaddr.IPv4.isValidCIDRFourPartDecimal(text) && !ipaddr.IPv6.isValidCIDR(text))) return null
  const [range, bits] = ipaddr.parseCIDR(text)
  const first = range.kind() === 'ipv4' ? ipaddr.IPv4.networkAddressFromCIDR(text) : ipaddr.IPv6.networkAddressFromCIDR(text)
  return first.toNormalizedString() === range.toNormalizedString() ? [range, bits] : null
}
