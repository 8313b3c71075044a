/** Policies in a table of PostgreSQL, and a word to every process when they change. */
import { knownOptionsOnly, OptionError, wrongOption } from '../option-error.ts'
import type { Listen } from './policy-listen.ts'
import { publishedTexts, type PolicyText, type PublishedPolicy, type Stop } from './policy-texts.ts'

export interface PolicyTableOptions {
  /** Runs one statement: `(text, values) => pool.query(text, values)`. Pools and clients of the package `pg`, and PGlite, answer so. */
  readonly query: (text: string, values: unknown[]) => Promise<{ readonly rows: readonly unknown[] }>
  /** Hears notifications: `listenWith(() => new Client(url))` of the package `pg`. Left out: changes are noticed by a reload only. */
  readonly listen?: Listen
  /** The table, or `schema.table`, in small letters, digits and underscores. Default `gatehouse_policies`. */
  readonly table?: string
  /** Where changes are told. Default: the table, with an underscore for the dot. */
  readonly channel?: string
}

/** A store of policies, for the plugin's option `policies`. */
export interface PolicyTable {
  readonly name: string
  /**
   * The statements that make the table, `name text PRIMARY KEY, content text NOT NULL`, and have PostgreSQL tell of every change of it, by whomever.
   * `content` may be `jsonb` too.
   */
  readonly schema: string
  read: () => Promise<PolicyText[]>
  watch?: (changed: () => void, ended: (error: unknown) => void) => Promise<Stop>
  /** Puts these files in place of all others, in one step, and tells every process that watches. */
  publish: (files: readonly PublishedPolicy[]) => Promise<void>
}

const KNOWN: readonly (keyof PolicyTableOptions)[] = ['query', 'listen', 'table', 'channel']

/** PostgreSQL cuts longer names. */
const LONGEST_NAME = 63
/** One more than a store may hold, so that it shows. */
const MOST_ROWS = 5001

/**
 * Policies that all processes share. What stands in the table is not trusted: it is checked as files are, and a policy that makes no sense is not put in
 * force. Whoever may write the table decides who may do what. In messages the lines of a `jsonb` are those of `jsonb_pretty`.
 *
 * @throws {OptionError} for an option that is unknown or wrong
 */
export function policyTable (options: PolicyTableOptions): PolicyTable {
  const { query, listen, table, channel } = checked(options)
  const name = table.split('.').map((part) => `"${part}"`).join('.')
  return {
    name: `table ${table}`,
    schema: schemaOf(name, table, channel),

    async read () {
      const { rows } = await query(`SELECT name, CASE pg_typeof(content) WHEN 'jsonb'::regtype THEN jsonb_pretty(content::text::jsonb) ELSE content::text END AS text FROM ${name} ORDER BY name LIMIT ${MOST_ROWS}`, [])
      return (rows as readonly PolicyText[]).map(({ name, text }) => ({ name, text }))
    },

    ...listen === null ? {} : { watch: (changed, ended) => listen(channel, () => changed(), ended) },

    async publish (files) {
      const texts = publishedTexts('policyTable.publish', files)
      const { rows } = await query("SELECT format_type(atttypid, NULL) AS type FROM pg_attribute WHERE attrelid = $1::regclass AND attname = 'content'", [name])
      const { type } = rows[0] as { readonly type: string }
      await query(`
        WITH gone AS (DELETE FROM ${name} WHERE name <> ALL ($1::text[])),
        put AS (
          INSERT INTO ${name} (name, content) SELECT given.name, given.content::${type} FROM unnest($1::text[], $2::text[]) AS given (name, content)
          ON CONFLICT (name) DO UPDATE SET content = EXCLUDED.content
        )
        SELECT pg_notify($3, '')`, [texts.map(({ name }) => name), texts.map(({ text }) => text), channel])
    },
  }
}

function schemaOf (name: string, table: string, channel: string): string {
  const teller = `"${table.replace('.', '"."')}_changed"`
  return `
CREATE TABLE IF NOT EXISTS ${name} (name text PRIMARY KEY, content text NOT NULL);
CREATE OR REPLACE FUNCTION ${teller}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('${channel}', '');
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ${name} FOR EACH STATEMENT EXECUTE FUNCTION ${teller}();
`
}

function checked (options: PolicyTableOptions): { query: PolicyTableOptions['query'], listen: Listen | null, table: string, channel: string } {
  // What is no object may be a URL with a password, so it is not shown.
  if (typeof options !== 'object' || options === null || Array.isArray(options)) throw new OptionError('policyTable: the options must be an object with query, listen, table, channel.')
  knownOptionsOnly('policyTable', options, KNOWN)
  const { query, listen = null, table = 'gatehouse_policies', channel = String(table).replace('.', '_') } = options
  if (typeof query !== 'function') throw wrongOption('policyTable.query', query, 'a function that runs one statement, `(text, values) => pool.query(text, values)`')
  if (listen !== null && typeof listen !== 'function') throw wrongOption('policyTable.listen', listen, 'a function, as listenWith(…) makes it')
  if (typeof table !== 'string' || !table.split('.').every(isName) || table.split('.').length > 2) {
    throw wrongOption('policyTable.table', table, 'the name of a table in small letters, digits and underscores, or schema.table')
  }
  if (!isName(channel)) throw wrongOption('policyTable.channel', channel, 'a name in small letters, digits and underscores')
  return { query, listen, table, channel }
}

function isName (text: unknown): boolean {
  return typeof text === 'string' && /^[a-z_][a-z0-9_]*$/.test(text) && text.length <= LONGEST_NAME
}
