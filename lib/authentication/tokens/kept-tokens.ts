/** Tokens that were verified, kept for their next use: what is not asked again is the signature, and everything else is asked each time. */
import type { Room } from '../../stores/recent.ts'
import type { ReadToken } from './read-token.ts'
import type { Reading, TokenReader } from './token-reader.ts'
import { tokenTable } from './token-table.ts'

/**
 * Keeps what `read` says of tokens that are right, and of no others, and takes it for no other: the whole token is compared. Each further use asks whether
 * the token's time has come or ended, and whether what vouched for it still does.
 */
export function keptTokens (read: TokenReader, room: Room): TokenReader {
  const table = tokenTable<ReadToken>(room)

  return function readOnce (token) {
    const kept = table.get(token)
    if (kept === undefined) return readAndKeep(token)
    const later = kept.later()
    if (later === 'good') return kept
    table.delete(token)
    return later === 'unknown' ? readAndKeep(token) : later
  }

  function readAndKeep (token: string): Reading | Promise<Reading> {
    const reading = read(token)
    return reading instanceof Promise ? reading.then(keep) : keep(reading)
  }

  function keep (reading: Reading): Reading {
    if (reading.kind !== 'token' || !table.cameBefore(reading.token)) return reading
    const own = reading.copy()
    table.put(own)
    return own
  }
}
