/** A bounded table of what comes again: what comes once takes no room in it, and so pushes nothing out. */
import { Recent, type Room } from '../../stores/recent.ts'

/** What is kept of a token: `bytes` is how much room it takes. */
export interface Held {
  readonly token: string
  readonly bytes: number
}

export interface TokenTable<H extends Held> {
  entries: () => number
  bytes: () => number
  get: (token: string) => H | undefined
  /** Whether it came before, which is remembered from now on. Sometimes it was another one that came: then this one is kept at once. */
  cameBefore: (token: string) => boolean
  /** Keeps it, unless it takes more than an eighth of the room, in place of what is there. */
  put: (held: H) => void
  delete: (token: string) => void
}

/**
 * For keeping only what comes a second time: of what came once there is a number, in a list that does not grow, and which a later one may take the place of.
 *
 * A token is found by its mark, because to hash all of it costs as much as all else that a kept token needs, and is compared as a whole. Of two with one mark the later is kept.
 */
export function tokenTable<H extends Held> (room: Room): TokenTable<H> {
  const kept = new Recent<number, H>({ room, bytesOf: (held) => held.bytes })
  const seen = new Int32Array(2 ** Math.ceil(Math.log2(Math.min(2 * room.entries, MOST_SEEN))))
  const rows = seen.length / ROW

  return {
    entries: () => kept.entries,
    bytes: () => kept.bytes,

    get (token) {
      const held = kept.get(markOf(token))
      return held?.token === token ? held : undefined
    },

    cameBefore (token) {
      const mark = markOf(token)
      const row = ROW * (mark & (rows - 1))
      // The latest is the first of its row.
      let later = mark
      for (let at = row; at < row + ROW; at++) {
        const one = seen[at] as number
        seen[at] = later
        if (one === mark) return true
        later = one
      }
      return false
    },

    put (held) {
      const mark = markOf(held.token)
      // Of a token that comes twice at once the second may find the first.
      kept.take(mark)
      if (held.bytes <= room.bytes / 8) kept.put(mark, held)
    },

    delete (token) {
      const mark = markOf(token)
      if (kept.get(mark)?.token === token) kept.take(mark)
    },
  }
}

/** A power of two. */
const MOST_SEEN = 131_072
/** Marks that share a place: of two alone each would take the place of the other for good, when both come in turn. */
const ROW = 4
/** Tokens end in their signature, which nobody can choose. */
const LOOKED_AT = 12

function markOf (token: string): number {
  let mark = 0
  for (let at = Math.max(0, token.length - LOOKED_AT); at < token.length; at++) mark = Math.imul(mark ^ token.charCodeAt(at), 0x9E3779B1)
  // 0 is in the list from the start.
  return (mark ^ mark >>> 15) || 1
}
