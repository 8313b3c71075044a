/** newsroom with its records on a PostgreSQL server, where several processes act as one. */
import t from 'tap'
import { server } from '../../examples/newsroom/database.ts'
import { ARTICLES } from '../../examples/newsroom/seed.ts'
import { postgresServer } from './postgres-server.ts'
import { client, running } from './running.ts'
import { run, start } from './program.ts'

t.test('two newsrooms that start together on an empty server share its records', async (t) => {
  const postgres = await postgresServer(t)
  if (postgres === null) return
  const open = (): ReturnType<typeof server> => server(postgres.url)
  const [one, two] = await Promise.all([running({ open }), running({ open })])
  t.teardown(() => Promise.all([one.app.close(), two.app.close()]))
  const ids = async ({ ask }: typeof one, as?: string): Promise<number[]> => (await ask('GET /articles', { as })).json['items'].map(({ id }: { id: number }) => id)

  await t.test('what stands in them was written once', async (t) => {
    t.same((await two.ask('GET /articles', { as: 'ida' })).json['items'], ARTICLES)
  })

  await t.test('the list holds what each may read, as with the embedded database', async (t) => {
    t.same(await ids(one), [1, 4])
    t.same(await ids(one, 'abe'), [1, 2, 4])
    t.same(await ids(one, 'ada'), [1, 2, 3, 4, 6])
    t.same(await ids(one, 'bea'), [1, 4, 5])
  })

  await t.test('what one writes, the other reads', async (t) => {
    const { json, status } = await one.ask('POST /articles', { as: 'abe', body: { title: 'Tram', body: '…' } })
    t.equal(status, 201)
    t.same((await two.ask(`GET /articles/${json['id']}`, { as: 'abe' })).json, json)
    t.equal((await two.ask(`PATCH /articles/${json['id']}`, { as: 'ada', body: { status: 'published', notes: 'Fine.' } })).status, 200)
    t.equal((await one.ask(`GET /articles/${json['id']}`)).json['status'], 'published')
    t.equal((await one.ask(`DELETE /articles/${json['id']}`, { as: 'ada' })).status, 204)
    t.equal((await two.ask(`GET /articles/${json['id']}`)).status, 404)
    t.same((await one.ask('GET /analytics', { as: 'abe' })).json['published'], [{ tenantId: 'aurora', articles: 1 }, { tenantId: 'borealis', articles: 1 }])
  })

  await t.test('a work that fails leaves nothing behind', async (t) => {
    await t.rejects(one.database.transaction(async (query) => {
      await query('DELETE FROM articles')
      throw new Error('and no further')
    }), { message: 'and no further' })
    t.equal((await one.database.query('SELECT id FROM articles')).length, ARTICLES.length)
  })

  await t.test('a process on the same server keeps what is there, and closes cleanly', async (t) => {
    await one.database.query('DELETE FROM articles WHERE id = 6')
    const { origin, end } = await start(t, { DATABASE_URL: postgres.url })
    const { json } = await client(origin)('GET /articles', { as: 'ida' })
    t.same(json['items'].map(({ id }: { id: number }) => id), [1, 2, 3, 4, 5])
    const { code, signal, stderr } = await end('SIGINT')
    t.same({ code, signal, stderr }, { code: 0, signal: null, stderr: '' })
  })

  await t.test('a database or a user that the server does not know ends it in one line', async (t) => {
    const { code, stderr } = await run({ DATABASE_URL: postgres.url.replace('/postgres?', '/atlantis?') })
    t.equal(code, 1)
    t.equal(stderr, 'newsroom could not start: DATABASE_URL: database "atlantis" does not exist\n')
  })

  await t.test('law 10: a server that goes away makes a 503, not an end', async (t) => {
    await Promise.all([one.ask('GET /me', { as: 'ida' }), two.ask('GET /me', { as: 'ida' })])
    await postgres.stop()
    for (const { ask } of [one, two]) {
      for (const request of ['GET /articles', 'GET /articles/1', 'DELETE /articles/1']) {
        const { status, code, headers } = await ask(request, { as: 'ida' })
        t.same({ status, code }, { status: 503, code: 'temporarily_unavailable' })
        t.ok(headers.has('retry-after'))
      }
      t.equal((await ask('GET /me', { as: 'ida' })).status, 200)
    }
  })
})
