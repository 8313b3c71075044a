/** Names of schemes are compared without regard to case (RFC 9110 section 11.1). */

export function sameName (one: string, other: string): boolean {
  return one.length === other.length && one.toLowerCase() === other.toLowerCase()
}
