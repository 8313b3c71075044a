/** One small interface over the two places where the records can live: PostgreSQL embedded in the process, and a PostgreSQL server. */
import { PGlite } from '@electric-sql/pglite'
import { Pool } from 'pg'
import { refusal } from 'fastify-gatehouse'
import { oneLine } from './start-error.ts'

export type Query = <R extends object>(text: string, values?: readonly unknown[]) => Promise<R[]>

export interface Database {
  /** Rejects with the database's own error. */
  readonly query: Query
  /** All of the work, or nothing. */
  readonly transaction: (work: (query: Query) => Promise<void>) => Promise<void>
  readonly close: () => Promise<void>
}

/** Milliseconds after which a server that says nothing counts as down. */
const PATIENCE = { connectionTimeoutMillis: 5000, query_timeout: 10_000 }

/** PostgreSQL compiled to WebAssembly, in memory: nothing to install, and empty at each start. */
export async function embedded (): Promise<Database> {
  const database = await PGlite.create()
  return {
    query: async <R extends object>(text: string, values: readonly unknown[] = []) => (await database.query<R>(text, [...values])).rows,
    transaction: async (work) => {
      await database.transaction(async (one) => {
        await work(async <R extends object>(text: string, values: readonly unknown[] = []) => (await one.query<R>(text, [...values])).rows)
      })
    },
    close: () => database.close(),
  }
}

/** A PostgreSQL server. @throws {Error} when it cannot be reached, or does not let us in */
export async function server (url: string): Promise<Database> {
  const pool = new Pool({ connectionString: url, ...PATIENCE })
  // A connection that breaks while nobody uses it; whoever needs one next gets a new one, or the error.
  pool.on('error', () => {})
  try {
    await pool.query('SELECT 1')
  } catch (cause) {
    await pool.end()
    throw new Error(`DATABASE_URL: ${oneLine(cause)}`, { cause })
  }
  return {
    query: async <R extends object>(text: string, values: readonly unknown[] = []) => (await pool.query<R>(text, [...values])).rows,
    transaction: async (work) => {
      const client = await pool.connect()
      try {
        await client.query('BEGIN')
        await work(async <R extends object>(text: string, values: readonly unknown[] = []) => (await client.query<R>(text, [...values])).rows)
        await client.query('COMMIT')
      } finally {
        // Closed, not given back: with it ends a transaction that was not committed.
        client.release(true)
      }
    },
    close: () => pool.end(),
  }
}

/** The same query, but a database that fails is a 503: whether there is such a record cannot be known. The cause is for the log. */
export function refusing (query: Query): Query {
  return async (text, values) => {
    try {
      return await query(text, values)
    } catch (cause) {
      throw refusal('temporarily_unavailable', { reason: 'the database gave no answer', cause })
    }
  }
}
