/** Policies in a table of PostgreSQL, in PGlite and on a server: read, published in one step, and told to every process. */
import { PGlite } from '@electric-sql/pglite'
import Fastify from 'fastify'
import { Client, Pool } from 'pg'
import t, { type Test } from 'tap'
import gatehouse, { can } from '../../lib/index.ts'
import { loadPolicies } from '../../lib/policies/index.ts'
import { listenWith, type PostgresClient } from '../../lib/stores/policy-listen.ts'
import { policyTable, type PolicyTable, type PolicyTableOptions } from '../../lib/stores/policy-table.ts'
import { as, keys } from '../core/porch.ts'
import { policyEvents } from '../core/policy-events.ts'
import { postgresServer } from '../newsroom/postgres-server.ts'
import { happenings } from '../support/signalled.ts'

const READS = 'role: author\nrules: [{ action: read, subject: Post }]\n'
const READS_NOT = 'name: author\nwhen: { chief: true }\nrules: [{ action: read, subject: Post }]\n'

const author = (text: string) => [{ name: 'author.yaml', text }]

const db = await PGlite.create()
t.teardown(() => db.close())

function tableIn (options: Partial<PolicyTableOptions> = {}): PolicyTable {
  return policyTable({ query: (text, values) => db.query(text, values), listen: (channel, changed) => db.listen(channel, changed), ...options })
}

async function watched (t: Test, store: PolicyTable) {
  const changes = happenings()
  const ends = happenings<unknown>()
  const stop = await store.watch?.(changes.happened, ends.happened)
  t.teardown(() => stop?.())
  return { changes, ends, stop: () => stop?.() }
}

t.test('what is published is what is read, and replaces everything; changes by hand are told too', async (t) => {
  await db.exec('CREATE SCHEMA access')
  for (const [options, name] of [[{}, 'gatehouse_policies'], [{ table: 'access.order' }, 'access.order'], [{ table: 'rules', channel: 'news' }, 'rules']] as const) {
    const store = tableIn(options)
    t.equal(store.name, `table ${name}`)
    await db.exec(store.schema)
    await db.exec(store.schema) // as often as the application starts
    const { changes, stop } = await watched(t, store)
    await store.publish([...author(READS), { name: 'team/o\'neil.json', text: Buffer.from('{ "role": "o\'neil" }') }])
    await changes.next()
    t.strictSame(await store.read(), [...author(READS), { name: 'team/o\'neil.json', text: '{ "role": "o\'neil" }' }])
    await store.publish(author(READS_NOT))
    await changes.next()
    t.strictSame(await store.read(), author(READS_NOT))
    t.equal(changes.all.length, 2, 'a statement is one change')

    const table = name.split('.').map((part) => `"${part}"`).join('.')
    for (const statement of [`INSERT INTO ${table} VALUES ('a.yaml', 'role: a')`, `UPDATE ${table} SET content = 'role: b' WHERE name = 'a.yaml'`, `DELETE FROM ${table} WHERE name = 'a.yaml'`, `TRUNCATE ${table}`]) {
      await db.exec(statement)
      await t.resolves(changes.next(), statement)
    }
    t.strictSame(await store.read(), [])
    await stop()
  }
})

t.test('a column of JSON is read as it is printed, and published', async (t) => {
  for (const type of ['jsonb', 'json']) {
    const store = tableIn({ table: type })
    await db.exec(`CREATE TABLE ${type} (name text PRIMARY KEY, content ${type} NOT NULL)`)
    const text = '{"role": "author", "rules": [{"action": "read", "subject": "Post", "conditions": {"size": 12345678901234567890}}]}'
    await store.publish([{ name: 'author.json', text }])
    const [read] = await store.read()
    t.match(read?.text, /12345678901234567890/, 'no number is changed on the way')
    await t.rejects(loadPolicies(store), { message: type === 'jsonb' ? `table ${type}/author.json:8:25 a whole number beyond 2^53 is not exact; write it as a text` : /author\.json:1:/ })
    await t.rejects(store.publish(author('role: author')), { code: '22P02' }, 'what is no JSON is the database\'s to refuse')
  }
})

t.test('more than a store may hold is not read, and what is no text is told', async (t) => {
  const store = tableIn()
  await db.exec(store.schema)
  await db.exec("INSERT INTO gatehouse_policies SELECT number || '.yaml', 'role: r' || number FROM generate_series(1, 6000) AS given (number)")
  t.equal((await store.read()).length, 5001)
  await t.rejects(loadPolicies(store), { message: 'table gatehouse_policies holds more than 5000 policies' })
  await db.exec("TRUNCATE gatehouse_policies; INSERT INTO gatehouse_policies VALUES ('note', 'role: a')")
  await t.rejects(loadPolicies(store), { message: 'table gatehouse_policies/note is text, and must be named so: *.yaml, *.yml or *.json' })
})

async function server (t: Test, store: PolicyTable) {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(gatehouse, { schemes: [keys()], policies: store })
  app.get('/', { config: { access: can('read', 'Post') } }, () => 'post')
  await app.ready()
  return { app, status: async () => (await app.inject({ url: '/', headers: as({ roles: ['author'] }) })).statusCode }
}

t.test('a change in PGlite is put in force; one that makes no sense is not', async (t) => {
  const store = tableIn()
  await db.exec('DROP TABLE IF EXISTS gatehouse_policies')
  await t.rejects(async () => server(t, store), { code: 'FST_GATEHOUSE_POLICY', message: /^table gatehouse_policies cannot be read: relation .* does not exist$/ })
  await db.exec(store.schema)
  await t.rejects(async () => server(t, store), { message: 'table gatehouse_policies holds no policy: nobody would be allowed anything' })
  await store.publish(author(READS))
  const { app, status } = await server(t, store)
  const events = policyEvents(t)
  t.equal(await status(), 200)
  await store.publish(author(READS_NOT))
  t.match(await events.next(), { outcome: 'loaded', source: 'table gatehouse_policies', trigger: 'change' })
  t.equal(await status(), 403)
  await db.query("UPDATE gatehouse_policies SET content = replace(content, 'Post', 'Post, condition: { id: 1 }')")
  t.match(await events.next(), { outcome: 'kept', problems: ['table gatehouse_policies/author.yaml:3:40 unknown key "condition" in a rule. Did you mean "conditions"?'] })
  t.equal(await status(), 403)
  await app.close()
  await store.publish(author(READS)) // nobody hears it, and nothing breaks
})

t.test('on a server: a connection that is lost is made anew, and what changed meanwhile is found', async (t) => {
  const postgres = await postgresServer(t)
  if (postgres === null) return
  const pool = new Pool({ connectionString: postgres.url })
  pool.on('error', () => {}) // the server may be stopped first
  t.teardown(() => pool.end())
  let connections = 0
  const listen = listenWith(() => {
    connections++
    return new Client({ connectionString: postgres.url, application_name: 'listening' })
  })
  const store = policyTable({ query: (text, values) => pool.query(text, values), listen })
  await pool.query(store.schema)
  await store.publish([...author(READS)])
  const { app, status } = await server(t, store)
  const events = policyEvents(t)
  await store.publish(author(READS_NOT))
  await events.next(({ outcome }) => outcome === 'loaded')
  t.equal(await status(), 403)

  const { rows } = await pool.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'listening'")
  t.equal(rows.length, 1)
  await store.publish(author(READS))
  await events.next(({ outcome }) => outcome === 'loaded')
  t.equal(await status(), 200)
  t.equal(connections, 2)

  await app.close()
  let left = 1
  while (left > 0) left = (await pool.query("SELECT FROM pg_stat_activity WHERE application_name = 'listening'")).rows.length
  t.pass('and no connection is left')
})

t.test('a connection that cannot be made, or cannot listen, is no watch', async (t) => {
  const client = (differences: Partial<PostgresClient>) => {
    const ended = { value: 0 }
    return { ended, client: { connect: async () => {}, query: async () => {}, on: () => {}, end: async () => { ended.value++; throw new Error('gone') }, ...differences } }
  }
  for (const differences of [{ connect: async () => { throw new Error('down') } }, { query: async () => { throw new Error('down') } }]) {
    const { client: connection, ended } = client(differences)
    await t.rejects(listenWith(() => connection)('news', () => {}, () => {}), { message: 'down' })
    t.equal(ended.value, 1)
  }
})

t.test('a connection ends once, and not when it was left', async (t) => {
  const listeners = new Map<string, (argument?: unknown) => void>()
  const connection = { connect: async () => {}, query: async () => {}, on: (event: string, listener: () => void) => { listeners.set(event, listener) }, end: async () => {} }
  const ends: unknown[] = []
  await listenWith(() => connection)('news', () => {}, (error) => { ends.push(error) })
  listeners.get('error')?.(new Error('reset'))
  listeners.get('end')?.()
  t.match(ends, [{ message: 'reset' }])
  const stop = await listenWith(() => connection)('news', () => {}, (error) => { ends.push(error) })
  stop()
  listeners.get('end')?.()
  t.equal(ends.length, 1)
})

t.test('the options are checked, and never shown where they may hold a password', async (t) => {
  const query = async () => ({ rows: [] })
  for (const [options, message] of [
    ['postgres://:hunter2@host', /^policyTable: the options/], [null, /^policyTable: /], [[], /^policyTable: /],
    [{ query, tabel: 'a' }, /Did you mean "table"\?/], [{}, /^policyTable\.query/], [{ query: 'SELECT' }, /^policyTable\.query/], [{ query, listen: {} }, /^policyTable\.listen/],
    ...['', 'a"b', 'A', 'a.b.c', '1a', 'a.', `a${'b'.repeat(63)}`, 'a; DROP TABLE b', 7].map((table) => [{ query, table, channel: 'a' }, /^policyTable\.table/] as const),
    ...['', 'a"b', "a'b", 'A', 'a.b', 7].map((channel) => [{ query, channel }, /^policyTable\.channel/] as const),
  ] as const) t.throws(() => policyTable(options as unknown as PolicyTableOptions), { code: 'FST_GATEHOUSE_OPTION', message })
  t.equal(policyTable({ query }).watch, undefined, 'nobody listens')
})
