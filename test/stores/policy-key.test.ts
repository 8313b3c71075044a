/** Policies in a hash of a real Redis: read, published in one step, told to every process, and found again after a crash. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import gatehouse, { can } from '../../lib/index.ts'
import { loadPolicies, policyFolder } from '../../lib/policies/index.ts'
import { policyKey, type PolicyKey, type PolicyKeyOptions } from '../../lib/stores/policy-key.ts'
import { as, keys } from '../core/porch.ts'
import { policyEvents } from '../core/policy-events.ts'
import { redisServer } from '../support/redis-server.ts'
import { happenings } from '../support/signalled.ts'

const READS = 'role: author\nrules: [{ action: read, subject: Post }]\n'
const READS_NOT = 'name: author\nwhen: { chief: true }\nrules: [{ action: read, subject: Post }]\n'

const author = (text: string) => [{ name: 'author.yaml', text }]

async function watched (t: Test, store: PolicyKey) {
  const changes = happenings()
  const ends = happenings<unknown>()
  const stop = await store.watch?.(changes.happened, ends.happened)
  t.teardown(() => stop?.())
  return { changes, ends, stop: () => stop?.() }
}

async function server (t: Test, store: PolicyKey) {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(gatehouse, { schemes: [keys()], policies: store })
  app.get('/', { config: { access: can('read', 'Post') } }, () => 'post')
  await app.ready()
  return { app, status: async () => (await app.inject({ url: '/', headers: as({ roles: ['author'] }) })).statusCode }
}

t.test('what is published is what is read, and replaces everything, whether a keyPrefix is used or not', async (t) => {
  const redis = await redisServer(t)
  if (redis === null) return
  for (const [options, real] of [[{}, 'gatehouse:policies'], [{ keyPrefix: 'app:' }, 'app:gatehouse:policies'], [{ protocol: 3 as const }, 'gatehouse:policies']] as const) {
    const client = redis.client(options)
    const store = policyKey({ client, subscriber: redis.client(options) })
    t.equal(store.name, 'redis gatehouse:policies')
    const { changes } = await watched(t, store)
    await store.publish([...author(READS), { name: 'team/editor.json', text: Buffer.from('{ "role": "editor" }') }])
    await changes.next()
    t.strictSame((await store.read()).sort((a, b) => a.name < b.name ? -1 : 1), [...author(READS), { name: 'team/editor.json', text: '{ "role": "editor" }' }])
    await store.publish(author(READS_NOT))
    await changes.next()
    t.strictSame(await store.read(), author(READS_NOT))
    t.strictSame(await redis.client().keys('*'), [real])
    await redis.client().flushall()
    t.strictSame(await store.read(), [])
  }
})

t.test('a folder can be published; code cannot', async (t) => {
  const redis = await redisServer(t)
  if (redis === null) return
  const folder = await mkdtemp(join(tmpdir(), 'policies-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'author.yaml'), READS)
  const store = policyKey({ client: redis.client(), key: 'archive', channel: 'news' })
  await store.publish(await policyFolder(folder).read())
  t.strictSame(await store.read(), author(READS))
  t.strictSame([...(await loadPolicies(store)).roles.keys()].sort(), ['anonymous', 'author'])
  t.equal(store.watch, undefined, 'nobody listens')

  await writeFile(join(folder, 'state.mjs'), 'export default {}')
  for (const [files, message] of [
    [await policyFolder(folder).read(), 'policyKey.publish: the name of policy 2 must end in .yaml, .yml or .json; only text is published, no code'],
    [[], /^policyKey\.publish: expected a list of at least one/], [null, /expected a list/], [[{ name: 7, text: '' }], /the name of policy 1/],
    [[...author(READS), ...author(READS)], 'policyKey.publish: there are two policies named author.yaml'],
    [[{ name: 'a.yaml', definition: {} }], 'policyKey.publish: a.yaml has no text'],
    [[{ name: 'a.yaml', text: Buffer.from([0xff]) }], /not valid/],
  ] as const) await t.rejects(store.publish(files as never), { message })
  t.strictSame(await store.read(), author(READS))
})

t.test('readers never see half of what is published', async (t) => {
  const redis = await redisServer(t)
  if (redis === null) return
  const writer = policyKey({ client: redis.client() })
  const reader = policyKey({ client: redis.client() })
  const files = (round: number) => Array.from({ length: 20 }, (_nothing, index) => ({ name: `${index}.yaml`, text: `# ${round}` }))
  await writer.publish(files(0))
  const work = { isDone: false }
  const writing = (async () => { for (let round = 1; round <= 100; round++) await writer.publish(files(round)); work.isDone = true })()
  while (!work.isDone) {
    const read = await reader.read()
    t.equal(read.length, 20)
    t.equal(new Set(read.map(({ text }) => text)).size, 1)
  }
  await writing
})

t.test('a change reaches every process, also one that was made while a connection was lost', async (t) => {
  const redis = await redisServer(t, 'appendonly yes')
  if (redis === null) return
  const publisher = policyKey({ client: redis.client() })
  await publisher.publish(author(READS))
  const process = () => server(t, policyKey({ client: redis.client(), subscriber: redis.client() }))
  const apps = [await process(), await process()] as const
  const events = policyEvents(t)
  const told = async (outcome: string) => {
    for (let count = 0; count < apps.length; count++) await events.next((event) => event.outcome === outcome)
  }
  const statuses = () => Promise.all(apps.map(({ status }) => status()))
  t.strictSame(await statuses(), [200, 200])

  await publisher.publish(author(READS_NOT))
  await told('loaded')
  t.strictSame(await statuses(), [403, 403])

  await redis.stop()
  await t.rejects(apps[0].app.gatehouse.reload(), { code: 'FST_GATEHOUSE_POLICY', message: /^redis gatehouse:policies cannot be read: / })
  t.strictSame(await statuses(), [403, 403], 'the policy in force stays in force')
  await redis.start()
  // Both in one step: whoever listens again already loses that connection too, and nobody looks in between.
  t.match(await redis.client().multi([['client', 'kill', 'type', 'pubsub'], ['hset', 'gatehouse:policies', 'author.yaml', READS]]).exec(), [[null], [null]])
  await told('loaded')
  t.strictSame(await statuses(), [200, 200], 'though nobody was told of the change')
})

t.test('authz T4: what makes no sense is not put in force, and the message names the key', async (t) => {
  const redis = await redisServer(t)
  if (redis === null) return
  const store = policyKey({ client: redis.client(), subscriber: redis.client() })
  await store.publish(author(READS_NOT))
  const { app, status } = await server(t, store)
  const events = policyEvents(t)
  const { version } = app.gatehouse
  for (const [text, problem] of [
    ['role: author\nrules:\n  - action: read\n', 'redis gatehouse:policies/author.yaml:3:5 a rule needs "subject"; "all" means every subject'],
    ['role: author\nrules:\n  - action: read\n    subject: Post\n    condition: { id: 1 }\n', 'redis gatehouse:policies/author.yaml:5:5 unknown key "condition" in a rule. Did you mean "conditions"?'],
    ['role: [', /^redis gatehouse:policies\/author\.yaml:1:8 /],
  ] as const) {
    await store.publish(author(text))
    t.match(await events.next(), { outcome: 'kept', version, problems: [problem], source: 'redis gatehouse:policies', trigger: 'change' })
    t.equal(await status(), 403)
  }
  await redis.client().del('gatehouse:policies')
  await t.rejects(app.gatehouse.reload(), { message: 'redis gatehouse:policies holds no policy: nobody would be allowed anything' })
  await redis.client().set('gatehouse:policies', 'a text')
  await t.rejects(app.gatehouse.reload(), { message: /^redis gatehouse:policies cannot be read: WRONGTYPE/ })
  t.equal(app.gatehouse.version, version)
  await t.rejects(async () => server(t, store), { code: 'FST_GATEHOUSE_POLICY', message: /WRONGTYPE/ }, 'and nothing starts with it')
})

t.test('a watch ends with its connection, and hears only its own channel', async (t) => {
  const redis = await redisServer(t)
  if (redis === null) return
  const subscriber = redis.client()
  const store = policyKey({ client: redis.client(), subscriber })
  const { changes, ends } = await watched(t, store)
  await subscriber.subscribe('other')
  const heard = happenings<string>()
  subscriber.on('message', heard.happened)
  const publisher = redis.client()
  await publisher.publish('other', '')
  await publisher.publish('gatehouse:policies:changed', '')
  await heard.next((channel) => channel === 'gatehouse:policies:changed')
  t.strictSame(heard.all, ['other', 'gatehouse:policies:changed'])
  t.equal(changes.all.length, 1)
  await redis.stop()
  t.match(await ends.next(), { message: 'the connection that listens was lost' })

  const over = redis.client({ enableOfflineQueue: false, lazyConnect: true })
  await t.rejects(async () => watched(t, policyKey({ client: redis.client(), subscriber: over })))
  t.equal(over.listenerCount('message'), 0)
})

t.test('a watch that was stopped hears nothing, and leaves nothing behind', async (t) => {
  const redis = await redisServer(t)
  if (redis === null) return
  const subscriber = redis.client()
  const { stop, changes } = await watched(t, policyKey({ client: redis.client(), subscriber }))
  const before = [subscriber.listenerCount('message'), subscriber.listenerCount('close')]
  stop()
  t.strictSame([subscriber.listenerCount('message'), subscriber.listenerCount('close')], before.map((count) => count - 1))
  const second = await watched(t, policyKey({ client: redis.client(), subscriber: redis.client() }))
  await redis.client().publish('gatehouse:policies:changed', '')
  await second.changes.next()
  t.equal(changes.all.length, 0)
  await redis.stop()
  second.stop() // what cannot be sent any more is no error
})

t.test('an answer that is no hash is an error, and a map is one', async (t) => {
  const answering = (answer: unknown) => policyKey({ client: { call: async () => answer } }).read()
  t.strictSame(await answering(new Map([['a.yaml', 'x']])), [{ name: 'a.yaml', text: 'x' }])
  t.strictSame(await answering({ 'a.yaml': 'x' }), [{ name: 'a.yaml', text: 'x' }])
  for (const answer of ['OK', null, 7]) await t.rejects(answering(answer), { message: 'Redis answered HGETALL with something else than a hash' })
})

t.test('the options are checked, and never shown where they may hold a password', async (t) => {
  const client = { call: async () => null }
  const subscriber = { subscribe: async () => null, unsubscribe: async () => null, on: () => null, off: () => null }
  for (const [options, message] of [
    ['redis://:hunter2@host', /^policyKey: the options/], [null, /^policyKey: /], [[], /^policyKey: /],
    [{ client, subscribe: subscriber }, /Did you mean "subscriber"\?/],
    [{ client: { password: 'hunter2' } }, /^policyKey\.client/], [{}, /^policyKey\.client/],
    [{ client, subscriber: { password: 'hunter2' } }, /^policyKey\.subscriber/], [{ client, subscriber: { ...subscriber, off: 1 } }, /^policyKey\.subscriber/],
    [{ client: { ...client, ...subscriber } }, null],
    [{ client, key: '' }, /^policyKey\.key/], [{ client, key: 7 }, /^policyKey\.key/], [{ client, channel: '' }, /^policyKey\.channel/], [{ client, channel: 7 }, /^policyKey\.channel/],
  ] as const) {
    if (message === null) t.ok(policyKey(options as unknown as PolicyKeyOptions))
    else t.throws(() => policyKey(options as unknown as PolicyKeyOptions), { code: 'FST_GATEHOUSE_OPTION', message })
  }
  const both = { ...client, ...subscriber }
  t.throws(() => policyKey({ client: both, subscriber: both }), { message: /a connection that listens can do nothing else/ })
  const error = (() => { try { return policyKey({ client, subscriber: { password: 'hunter2' } } as never) } catch (thrown) { return thrown } })() as Error
  t.notMatch(error.message, /hunter2/)
})
