/** The character sets of RFC 9110 that several files of this room check against. Each is linear: no alternative of a pattern overlaps another. */

/** `token`, RFC 9110 section 5.6.2. */
export const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** `token68`, RFC 9110 section 11.2. */
export const TOKEN68 = /^[0-9A-Za-z\-._~+/]+=*$/
