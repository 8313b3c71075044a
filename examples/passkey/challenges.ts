/** Challenges that prove by themselves that they are ours and fresh: whoever asks for thousands of them fills no memory. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { memoryMarks, type MarkStore } from 'fastify-gatehouse/stores'

export interface Challenges {
  /** A new one, base64url. What it is `about`, `['sign-in']` for instance, holds for it alone. */
  readonly issue: (about: readonly string[]) => string
  readonly isFresh: (challenge: string, about: readonly string[]) => boolean
  /** `false` if it was used before. Called last, when the answer to it is known to be right: so only right answers take memory. */
  readonly use: (challenge: string) => boolean | Promise<boolean>
}

/** Milliseconds. */
const LIFETIME = 5 * 60_000

/** Bytes: the time when it ends, and what makes it unguessable. */
const TIME = 6
const RANDOM = 16

/** Several processes need the same `key` and the same `marks`. */
export function challengeMaker ({ key = randomBytes(32), marks = memoryMarks(), now = Date.now }: { key?: Buffer, marks?: MarkStore, now?: () => number } = {}): Challenges {
  const proof = (head: Buffer, about: readonly string[]) => createHmac('sha256', key).update(head).update(JSON.stringify(about)).digest()

  return {
    issue (about) {
      const head = Buffer.concat([Buffer.alloc(TIME), randomBytes(RANDOM)])
      head.writeUIntBE(now() + LIFETIME, 0, TIME)
      return Buffer.concat([head, proof(head, about)]).toString('base64url')
    },

    isFresh (challenge, about) {
      const bytes = Buffer.from(challenge, 'base64url')
      const head = bytes.subarray(0, TIME + RANDOM)
      const due = Buffer.concat([head, proof(head, about)])
      // Of all the ways to write these bytes only one counts, so that each challenge has one mark.
      if (bytes.length !== due.length || bytes.toString('base64url') !== challenge) return false
      return timingSafeEqual(bytes, due) && head.readUIntBE(0, TIME) > now()
    },

    use: (challenge) => marks.putOnce(challenge, LIFETIME),
  }
}
