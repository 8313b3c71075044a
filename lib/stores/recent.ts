/** A bounded table in memory that forgets what nobody asked for lately, half of it at a time: no order has to be kept, and nothing looked for. */

/** The most that is kept, together. */
export interface Room {
  readonly entries: number
  readonly bytes: number
}

export interface RecentOptions<V> {
  readonly room: Room
  /** How much of `bytes` a value takes. */
  readonly bytesOf: (value: V) => number
}

/** Two maps, each for half of the room: when the young one is full it becomes the old one, and what is left of that is forgotten. */
export class Recent<K, V> {
  readonly #room: Room
  readonly #bytesOf: (value: V) => number
  #young = new Map<K, V>()
  #old = new Map<K, V>()
  #youngBytes = 0
  #oldBytes = 0

  constructor ({ room, bytesOf }: RecentOptions<V>) {
    this.#room = room
    this.#bytesOf = bytesOf
  }

  get entries (): number {
    return this.#young.size + this.#old.size
  }

  get bytes (): number {
    return this.#youngBytes + this.#oldBytes
  }

  get (key: K): V | undefined {
    const value = this.#young.get(key)
    if (value !== undefined) return value
    const older = this.take(key)
    if (older !== undefined) this.put(key, older)
    return older
  }

  /** The key must not be there. */
  put (key: K, value: V): void {
    const bytes = this.#bytesOf(value)
    if (2 * (this.#young.size + 1) > this.#room.entries || 2 * (this.#youngBytes + bytes) > this.#room.bytes) this.#turn()
    this.#young.set(key, value)
    this.#youngBytes += bytes
  }

  /** Gives what is there and forgets it. */
  take (key: K): V | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) {
      this.#young.delete(key)
      this.#youngBytes -= this.#bytesOf(young)
      return young
    }
    const old = this.#old.get(key)
    if (old === undefined) return undefined
    this.#old.delete(key)
    this.#oldBytes -= this.#bytesOf(old)
    return old
  }

  #turn (): void {
    this.#old = this.#young
    this.#oldBytes = this.#youngBytes
    this.#young = new Map()
    this.#youngBytes = 0
  }
}
