/** A strict reader of a `WWW-Authenticate` field value, to judge one that somebody else has written. */
import type { Challenge } from './scheme.ts'

/** A challenge as it was read. One with a `token68` has no parameters. */
export type ParsedChallenge = Challenge & { readonly token68?: string }

type Param = Challenge['params'][number]

interface Reader {
  readonly text: string
  at: number
}

interface Draft {
  readonly scheme: string
  readonly params: Param[]
  token68?: string
}

// Sticky patterns, each linear. RFC 9110 sections 5.6.2 to 5.6.4 and 11.2 to 11.3.
const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y
const TOKEN68 = /[0-9A-Za-z\-._~+/]+=*(?=[ \t]*(?:,|$))/y
const QUOTED_STRING = /"(?:[\t !#-[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"/y
const EQUALS = /[ \t]*=[ \t]*/y
const SPACES = / +/y
const OPTIONAL_SPACE = /[ \t]*/y
const COMMA = /[ \t]*,[ \t]*/y

/**
 * The challenges of a field value, or `null` when it is not `1#challenge` as RFC 9110 section 11.6.1 lets a sender write it: no empty list
 * elements, each parameter once in a challenge, the realm quoted. A parameter that was sent bare comes back as `{ token }`.
 */
export function parseChallenges (value: string): ParsedChallenge[] | null {
  const reader: Reader = { text: value, at: 0 }
  const challenges: Draft[] = []
  take(reader, OPTIONAL_SPACE)
  do {
    if (!readElement(reader, challenges)) return null
  } while (take(reader, COMMA) !== null)
  take(reader, OPTIONAL_SPACE)
  return reader.at === value.length ? challenges : null
}

/** A list element is a further parameter of the challenge before it, or a new challenge: only the `=` tells. */
function readElement (reader: Reader, challenges: Draft[]): boolean {
  const name = take(reader, TOKEN)
  if (name === null) return false
  if (take(reader, EQUALS) === null) return readChallenge(reader, name, challenges)
  const current = challenges.at(-1)
  if (current === undefined || current.params.length === 0) return false
  return readValue(reader, name, current.params)
}

function readChallenge (reader: Reader, scheme: string, challenges: Draft[]): boolean {
  const challenge: Draft = { scheme, params: [] }
  challenges.push(challenge)
  if (take(reader, SPACES) === null || reader.at === reader.text.length || reader.text[reader.at] === ',') return true
  const token68 = take(reader, TOKEN68)
  if (token68 !== null) {
    challenge.token68 = token68
    return true
  }
  const name = take(reader, TOKEN)
  if (name === null || take(reader, EQUALS) === null) return false
  return readValue(reader, name, challenge.params)
}

function readValue (reader: Reader, name: string, params: Param[]): boolean {
  const key = name.toLowerCase()
  if (params.some(([known]) => known.toLowerCase() === key)) return false
  const quoted = take(reader, QUOTED_STRING)
  if (quoted !== null) {
    params.push([name, quoted.slice(1, -1).replace(/\\(.)/g, '$1')])
    return true
  }
  const token = key === 'realm' ? null : take(reader, TOKEN)
  if (token === null) return false
  params.push([name, { token }])
  return true
}

function take (reader: Reader, pattern: RegExp): string | null {
  pattern.lastIndex = reader.at
  const match = pattern.exec(reader.text)
  if (match === null) return null
  reader.at = pattern.lastIndex
  return match[0]
}
