/** The tables of options on the pages name every option that there is, and no other. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { TOKEN_PLACES } from '../../lib/authentication/token-places.ts'
import { TOKEN_OPTIONS } from '../../lib/authentication/tokens/token-options.ts'
import { THROTTLE_OPTIONS } from '../../lib/throttling/options.ts'
import { QUOTA_OPTIONS } from '../../lib/throttling/quota.ts'
import { pages, root } from './blocks.ts'

const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  bearer: [...TOKEN_OPTIONS, ...TOKEN_PLACES],
  quota: QUOTA_OPTIONS,
  throttle: [...THROTTLE_OPTIONS, 'credentials'],
}

const tables = new Map(pages.flatMap(tablesOf))

t.strictSame([...tables.keys()].sort(), Object.keys(OPTIONS), 'each table is one of those that are checked here')
for (const [name, options] of Object.entries(OPTIONS)) t.strictSame(tables.get(name)?.sort(), [...options].sort(), name)

/** From `| option of `throttle` | …` to the names in the first column. */
function tablesOf (page: string): Array<readonly [name: string, options: string[]]> {
  const text = readFileSync(join(root, page), 'utf8')
  return [...text.matchAll(/^\| option of `(\w+)` \|.*\n\|[-|]+\n((?:\|.*\n)+)/gm)].map(([, name = '', rows = '']) => {
    return [name, rows.trim().split('\n').flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, option = '']) => option))] as const
  })
}
