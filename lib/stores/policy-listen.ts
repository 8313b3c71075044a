/** Hears PostgreSQL's notifications over a connection of the package `pg`. */
import type { Stop } from './policy-texts.ts'

/**
 * Calls `changed` for every notification on the channel, and `ended` when there will be no more. Resolves when none will be missed from now on, to what
 * stops it. `(channel, changed) => pglite.listen(channel, changed)` is one; `listenWith` makes one for the package `pg`.
 */
export type Listen = (channel: string, changed: () => void, ended: (error: unknown) => void) => Promise<Stop>

/** What is used of a connection; the class `Client` of the package `pg` has it. */
export interface PostgresClient {
  connect: () => Promise<unknown>
  query: (text: string) => Promise<unknown>
  on: (event: 'notification' | 'error' | 'end', listener: (...args: any[]) => void) => unknown
  end: () => Promise<void>
}

/** Listens on a connection of its own, which `client` makes and nobody has connected yet; a new one after each that was lost: `listenWith(() => new Client(url))`. */
export function listenWith (client: () => PostgresClient): Listen {
  return async (channel, changed, ended) => {
    const connection = client()
    const end = (): void => { connection.end().catch(() => {}) }
    let isListening = false
    const lost = (error: unknown): void => {
      if (!isListening) return
      isListening = false
      end()
      ended(error)
    }
    connection.on('notification', changed)
    // A connection whose error nobody hears ends the process.
    connection.on('error', lost)
    connection.on('end', () => lost(new Error('the connection that listens has ended')))
    try {
      await connection.connect()
      await connection.query(`LISTEN "${channel}"`)
    } catch (error) {
      end()
      throw error
    }
    isListening = true
    return () => {
      isListening = false
      end()
    }
  }
}
