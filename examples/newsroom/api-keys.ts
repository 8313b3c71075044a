/** API keys: their records in the database, and two that are made at each start to try them with. */
import { randomBytes } from 'node:crypto'
import { apiKey, createApiKey, type KeyRecord } from 'fastify-gatehouse/schemes'
import type { Query } from './database.ts'

export interface DemoKeys {
  /** With the scope that the feed asks for. */
  readonly feed: NewKey
  readonly withoutScope: NewKey
}

interface NewKey {
  readonly prefix: string
  readonly key: string
  readonly hash: string
  readonly scopes: readonly string[]
}

export function demoKeys (): DemoKeys {
  return { feed: newKey(['feed:read']), withoutScope: newKey([]) }
}

function newKey (scopes: readonly string[]): NewKey {
  const prefix = `news${randomBytes(6).toString('hex')}`
  return { prefix, scopes, ...createApiKey(prefix) }
}

export async function storeKeys (query: Query, { feed, withoutScope }: DemoKeys): Promise<void> {
  for (const { prefix, hash, scopes } of [feed, withoutScope]) {
    await query('INSERT INTO api_keys (prefix, hash, scopes) VALUES ($1, $2, $3)', [prefix, hash, scopes])
  }
}

/** Only the hash of a key is stored. A client is who its key's prefix names. */
export function keyScheme (query: Query): ReturnType<typeof apiKey> {
  return apiKey({
    async lookup (prefix): Promise<KeyRecord | null> {
      const [row] = await query<{ hash: string, scopes: string[] }>('SELECT hash, scopes FROM api_keys WHERE prefix = $1', [prefix])
      return row === undefined ? null : { hash: row.hash, scopes: row.scopes, user: { id: prefix, roles: [], plan: 'free', suspended: false } }
    },
  })
}
