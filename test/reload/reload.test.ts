/** Policies that change while the application runs: in force whole or not at all, one after another, and told. */
import { writeFileSync } from 'node:fs'
import { mkdir, mkdtemp, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { FastifyInstance } from 'fastify'
import gatehouse, { can, resource, DECISIONS, type DecisionEvent, type GatehouseOptions } from '../../lib/index.ts'
import { settingsOf } from '../../lib/options.ts'
import { definePolicy, policyFolder, type PolicyFile, type PolicyStore, type Stop } from '../../lib/policies/index.ts'
import { supplyOf } from '../../lib/policies/supply.ts'
import type { Policy } from '../../lib/policies/policy.ts'
import { Reload, type ReloadOptions } from '../../lib/reload/reload.ts'
import { startReloading } from '../../lib/reload/times.ts'
import { StoreUnavailable } from '../../lib/stores/index.ts'
import { waits } from '../../lib/reload/waits.ts'
import { within } from '../../lib/reload/within.ts'
import { happenings } from '../support/signalled.ts'
import { policyEvents } from '../core/policy-events.ts'
import { as, bare, keys, porch, type Porch } from '../core/porch.ts'

const READS = 'role: author\nrules:\n  - { action: read, subject: Post }\n'
const READS_NOT = 'name: author\nwhen: { chief: true }\nrules:\n  - { action: read, subject: Post }\n'

async function emptyFolder (t: Test): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'reload-')))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** As an editor saves a file: nobody sees it empty, or half of it. */
async function replace (path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text)
  await rename(`${path}.new`, path)
}

function routes (app: FastifyInstance): void {
  app.get('/', { config: { access: can('read', 'Post') } }, () => 'post')
}

async function status (app: FastifyInstance): Promise<number> {
  return (await app.inject({ url: '/', headers: as({ roles: ['author'] }) })).statusCode
}

/** A folder with one policy, and an application that watches it. */
async function watching (t: Test) {
  const folder = await emptyFolder(t)
  const path = join(folder, 'policies')
  await mkdir(path)
  await writeFile(join(path, 'author.yaml'), READS)
  const events = policyEvents(t)
  const app = await porch(t, { policies: policyFolder(path, { settle: 20 }) }, routes)
  app.log.level = 'debug'
  await app.ready()
  const { version } = app.gatehouse
  return { folder, path, file: join(path, 'author.yaml'), app, events, version }
}

/** The messages of the log about policies. */
function told (app: Porch): [level: number, message: string][] {
  return app.lines.filter((line) => 'policy' in line || 'policies' in line).map(({ level, msg }) => [level, msg])
}

t.test('law 11: a folder that changes is put in force, and told', async (t) => {
  const { app, events, file, path, version } = await watching(t)
  t.match(version, /^[0-9a-f]{12}$/)
  t.equal(version, app.gatehouse.policy?.version)
  t.match(events.all, [{ outcome: 'loaded', version, previous: null, problems: [], source: path, trigger: 'start' }])
  t.equal(await status(app), 200)
  await replace(file, READS_NOT)
  const event = await events.next(({ trigger }) => trigger === 'change')
  t.match(event, { outcome: 'loaded', version: app.gatehouse.version, previous: version, problems: [], source: path })
  t.ok(event.duration > 0 && event.duration < 20_000)
  t.not(app.gatehouse.version, version)
  t.equal(await status(app), 403)
  t.strictSame(told(app), [
    [20, `the policies are in force: ${path}, version ${version}`],
    [30, `the policies are in force: ${path}, version ${app.gatehouse.version} in place of ${version}`],
  ])
})

t.test('authz T3, authz T4: a typo that would grant everything is not put in force, nor half a file, nor an empty folder', async (t) => {
  const { app, events, file, path, folder, version } = await watching(t)
  await events.next()
  const { policy } = app.gatehouse
  const wrong: [what: string, change: () => Promise<unknown>, problem: string | RegExp][] = [
    ['"condition"', () => replace(file, `${READS}  - { action: manage, subject: all, condition: { id: 1 } }\n`), `${file}:4:37 unknown key "condition" in a rule. Did you mean "conditions"?`],
    ['empty conditions', () => replace(file, `${READS}  - { action: manage, subject: all, conditions: {} }\n`), `${file}:4:49 "conditions" is empty; leave "conditions" out to apply to every record`],
    ['a lost value', () => replace(file, `${READS}  - { action: manage, subject: all, conditions: { tenantId: $user.tenatId. } }\n`), /^.*author\.yaml:4:\d+ /],
    ['no subject', () => replace(file, `${READS}  - { action: manage }\n`), `${file}:4:5 a rule needs "subject"; "all" means every subject`],
    ['half a file', () => replace(file, READS_NOT.slice(0, -10)), /^.*author\.yaml:\d+:\d+ /],
    ['a file that is emptied first', () => writeFile(file, ''), `${file}:1:1 a policy must be a map; it is nothing`],
    ['the folder is emptied', () => rm(file), `${path} holds no policy. A policy file ends in .yaml, .yml, .json, .js, .mjs, .ts (not .d.ts).`],
    ['the folder vanishes', () => rename(path, join(folder, 'away')), `${path} does not exist`],
  ]
  for (const [what, change, problem] of wrong) {
    await change()
    const event = await events.next()
    t.match(event, { outcome: 'kept', version, previous: version, trigger: 'change', source: path }, what)
    t.match(event.problems.join('\n'), problem, what)
    t.equal(app.gatehouse.policy, policy, what)
    t.equal(await status(app), 200, what)
    t.match(told(app).at(-1), [50, new RegExp(`^the policies before stay in force, version ${version}: `)], what)
  }
  await rename(join(folder, 'away'), path)
  await events.next()
  await replace(file, READS)
  t.match(await events.next(({ outcome }) => outcome !== 'kept'), { outcome: 'unchanged', version, previous: version, problems: [] })
  t.strictSame(told(app).at(-1), [30, `the policies are what is in force: ${path}, version ${version}`])
  t.equal(app.gatehouse.policy, policy, 'an unchanged version is not swapped')
})

t.test('a policy that does not fit the routes, or fails its own tests, stays outside', async (t) => {
  const { events, file, version, path } = await watching(t)
  await events.next()
  await replace(file, READS.replace('Post', 'Posts'))
  t.match(await events.next(), { outcome: 'kept', version, problems: ['the new policy does not fit the routes:', '  GET /: no rule mentions the subject "Post". Did you mean "Posts"?'] })
  const tests = 'tests:\n  - as: { id: ada, roles: [author] }\n    given: Post\n    expect: { read: allow }\n'
  const wrong = READS + tests.replace('allow', 'deny')
  await replace(file, wrong)
  const failed = await events.next()
  t.match(failed, { outcome: 'kept', version })
  t.match(failed.problems.join('\n'), new RegExp(`^${path} fails its own tests:\n  ${file}:\\d+:\\d+ .*expected deny, got allow`))
  await replace(file, READS + tests)
  t.match(await events.next(), { outcome: 'unchanged', version })

  await replace(file, wrong)
  await t.rejects(porch(t, { policies: path }, routes), { code: 'FST_GATEHOUSE_POLICY', message: /fails its own tests/ }, 'nor does anything start with it')
})

t.test('a Kubernetes mount is put in force as a whole', async (t) => {
  const folder = await emptyFolder(t)
  for (const [version, text] of [['..1', READS], ['..2', READS_NOT]] as const) {
    await mkdir(join(folder, version))
    await writeFile(join(folder, version, 'author.yaml'), text)
  }
  await symlink('..1', join(folder, '..data'))
  await symlink('..data/author.yaml', join(folder, 'author.yaml'))
  const events = policyEvents(t)
  const app = await porch(t, { policies: folder, reload: { watch: true } }, routes)
  await app.ready()
  await events.next()
  t.equal(await status(app), 200)
  await symlink('..2', join(folder, '..data.new'))
  await rename(join(folder, '..data.new'), join(folder, '..data'))
  t.match(await events.next(), { outcome: 'loaded', source: folder })
  t.equal(await status(app), 403)
})

t.test('1,000 changes in a burst are few reloads, and the last one counts', async (t) => {
  const { app, events, file, path } = await watching(t)
  await events.next()
  // In one go: between them no time passes that a busy machine could stretch.
  for (let change = 1; change <= 1000; change++) writeFileSync(join(path, `burst${change % 10}.yaml`), `role: burst${change}\n`)
  await replace(file, READS_NOT)
  while (await status(app) === 200) await events.next()
  t.ok(app.gatehouse.policy?.roles.has('burst1000'))
  t.ok(events.all.length <= 50, `${events.all.length} events`)
})

t.test('a URL or a path is not watched unless asked, and a signal or a call has it read', { skip: process.platform === 'win32' }, async (t) => {
  for (const signal of ['SIGHUP', 'SIGUSR2'] as const) {
    const before = process.listenerCount(signal)
    const folder = await emptyFolder(t)
    const file = join(folder, 'author.yaml')
    await writeFile(file, READS)
    const events = policyEvents(t)
    const app = await porch(t, { policies: folder, reload: { signal } }, routes)
    await app.ready()
    const { version } = app.gatehouse
    await events.next()
    process.kill(process.pid, signal)
    t.match(await events.next(), { outcome: 'unchanged', trigger: 'signal', version }, 'who asked is told')
    await writeFile(file, 'role: [')
    for (const time of ['once', 'twice']) {
      process.kill(process.pid, signal)
      t.match(await events.next(), { outcome: 'kept', trigger: 'signal', version }, time)
    }
    await writeFile(file, READS_NOT)
    process.kill(process.pid, signal)
    t.match(await events.next(), { outcome: 'loaded', trigger: 'signal', previous: version })
    await writeFile(file, READS)
    t.strictSame(await app.gatehouse.reload(), { version })
    t.match(await events.next(), { outcome: 'loaded', trigger: 'call', version })
    t.strictSame(await app.gatehouse.reload(), { version })
    t.equal(events.all.length, 6, 'a call that changed nothing is no news')
    t.equal(process.listenerCount(signal), before + 1)
    await app.close()
    t.equal(process.listenerCount(signal), before)
  }
})

t.test('on Windows no signal is listened for', async (t) => {
  const platform = Object.getOwnPropertyDescriptor(process, 'platform') as PropertyDescriptor
  Object.defineProperty(process, 'platform', { ...platform, value: 'win32' })
  t.teardown(() => Object.defineProperty(process, 'platform', platform))
  const before = process.listenerCount('SIGHUP')
  const app = await porch(t, { reload: { signal: 'SIGHUP' } })
  await app.ready()
  t.equal(process.listenerCount('SIGHUP'), before)
})

t.test('what nobody can tell of is found from time to time', async (t) => {
  const { store, state } = shelf()
  const events = policyEvents(t)
  const app = await porch(t, { policies: store, reload: { every: 10 } }, routes)
  await app.ready()
  const manyReads = async () => {
    const enough = state.reads + 5
    while (state.reads < enough) await turn()
  }
  await events.next()
  await manyReads()
  t.equal(events.all.length, 1, 'nothing new is no news')
  state.text = READS_NOT
  t.match(await events.next(), { outcome: 'loaded', trigger: 'interval', source: 'shelf' })
  state.text = 'role: ['
  t.match(await events.next(), { outcome: 'kept', trigger: 'interval' })
  await manyReads()
  t.equal(events.all.length, 3, 'what goes on being wrong is told once')
  await app.close()
  const { reads } = state
  for (let turns = 0; turns < 1000; turns++) await turn()
  t.equal(state.reads, reads)
})

t.test('a comment changes no version, but the lines that messages name', async (t) => {
  const { app, events, file, version } = await watching(t)
  await events.next()
  const line = () => app.gatehouse.policy?.roles.get('author')?.[0]?.place.line
  t.equal(line(), 3)
  await replace(file, `# Authors\n\n${READS}`)
  t.strictSame(await app.gatehouse.reload(), { version })
  t.equal(line(), 5)
  t.equal(events.all.length, 1)
})

t.test('a module that changes is told in the log', async (t) => {
  const { app, events, path, file } = await watching(t)
  await replace(join(path, 'state.mjs'), 'export default { name: "state", deny: [{ code: "suspended", when: { suspended: true } }] }')
  await events.next(({ trigger }) => trigger === 'change')
  await replace(join(path, 'state.mjs'), 'export default { name: "state", deny: [] }')
  await replace(file, READS_NOT)
  await events.next(({ outcome }) => outcome === 'loaded')
  t.ok(told(app).some(([level, message]) => level === 40 && message === `${path}/state.mjs has changed since it was imported: a policy in TypeScript or JavaScript changes by restart`))
})

/** A store that answers when it is let. */
function shelf (text = READS) {
  const asked = happenings()
  const gates: (() => void)[] = []
  const state = { text, reads: 0, gated: false, error: null as unknown }
  const store: PolicyStore = {
    name: 'shelf',
    async read () {
      state.reads++
      asked.happened()
      const { text, error } = state
      if (state.gated) await new Promise<void>((resolve) => gates.push(resolve))
      if (error !== null) throw error
      return [{ name: 'author.yaml', text }]
    },
  }
  return { store, state, asked, open: () => gates.shift()?.() }
}

t.test('one reload at a time; whatever changes meanwhile is exactly one more', async (t) => {
  const { store, state, asked, open } = shelf()
  const app = await porch(t, { policies: store }, routes)
  await app.ready()
  state.gated = true
  state.reads = 0
  asked.pass()
  const first = app.gatehouse.reload()
  await asked.next()
  state.text = READS_NOT
  const others = Array.from({ length: 1000 }, () => app.gatehouse.reload())
  t.equal(state.reads, 1)
  open()
  const { version } = await first
  await asked.next()
  open()
  const versions = new Set((await Promise.all(others)).map((other) => other.version))
  t.equal(state.reads, 2)
  t.equal(versions.size, 1)
  t.notOk(versions.has(version), 'and it sees the change')
})

t.test('who asks by a signal is told, also where he waits with others', async (t) => {
  const { store, state, asked, open } = shelf()
  const events = policyEvents(t)
  const { reload } = await reloading(store)
  state.text = 'role: ['
  await reload.run('change')
  t.match(await events.next(), { outcome: 'kept' })
  state.gated = true
  asked.pass()
  const first = reload.run('change')
  await asked.next()
  const others = [reload.run('change'), reload.run('signal'), reload.run('interval')]
  open()
  await first
  await asked.next()
  open()
  t.match(await Promise.all(others), Array(3).fill({ kind: 'kept', why: 'wrong' }))
  t.match(events.all.slice(1), [{ outcome: 'kept', trigger: 'signal' }])
})

t.test('law 10: while a store is down the policy in force stays in force; it is asked again, and told once', async (t) => {
  const { store, state, asked } = shelf()
  const events = policyEvents(t)
  const { reload, inForce, log } = await reloading(store, { retries: waits(1) })
  const { version } = inForce.policy()
  state.error = new Error('connect ECONNREFUSED')
  asked.pass()
  t.match(await reload.run('change'), { kind: 'kept', why: 'down', error: { code: 'FST_GATEHOUSE_POLICY', message: 'shelf cannot be read: connect ECONNREFUSED' } })
  t.match(await events.next(), { outcome: 'kept', version, problems: ['shelf cannot be read: connect ECONNREFUSED'] })
  for (let tries = 0; tries < 4; tries++) await asked.next()
  t.equal(events.all.length, 1)
  t.match(log.lines, [['error', { err: { message: 'connect ECONNREFUSED' } }]])
  t.match(await reload.run('call'), { kind: 'kept' })
  t.equal(events.all.length, 2, 'who asks is told')

  state.error = null
  t.match(await events.next(({ outcome }) => outcome !== 'kept'), { outcome: 'unchanged', trigger: 'retry', version })
  const { reads } = state
  for (let turns = 0; turns < 200; turns++) await turn()
  t.equal(state.reads, reads, 'it is asked no more')

  state.error = new StoreUnavailable(new Error('Redis is\n away'))
  await reload.run('change')
  state.text = 'role: ['
  state.error = null
  t.match(await events.next(({ trigger }) => trigger === 'retry'), { outcome: 'kept', problems: [/^shelf\/author\.yaml:1:8 /] })
  t.match(events.all.at(-2), { outcome: 'kept', problems: ['shelf cannot be read: Redis is away'] })
  state.error = 'a text'
  t.match(await reload.run('call'), { error: { message: 'shelf cannot be read: a text' } })
  reload.stop()
})

t.test('law 10: a store that never answers is down', async (t) => {
  const { store, state } = shelf()
  const { reload } = await reloading(store, { limit: 20, retries: waits(60_000) })
  state.gated = true
  t.match(await reload.run('call'), { kind: 'kept', why: 'down', error: { message: 'shelf cannot be read: no answer within 0.02 s' } })
  reload.stop()
})

t.test('law 10: nothing starts without its policies', async (t) => {
  for (const error of [new Error('connect ECONNREFUSED'), new StoreUnavailable(new Error('connect ECONNREFUSED'))]) {
    const { store, state } = shelf()
    state.error = error
    await t.rejects(porch(t, { policies: store }), { code: 'FST_GATEHOUSE_POLICY', message: 'shelf cannot be read: connect ECONNREFUSED' })
  }
  await t.rejects(porch(t, { policies: shelf('role: [').store }), { code: 'FST_GATEHOUSE_POLICY', message: /^shelf\/author\.yaml:1:8 / })
})

t.test('a log that fails ends no reload', async (t) => {
  const { store, state } = shelf()
  const { reload, log } = await reloading(store)
  log.error = () => { throw new Error('disk full') }
  state.text = 'role: ['
  t.match(await reload.run('change'), { kind: 'kept', error: { message: 'disk full' } })
  state.text = READS_NOT
  t.match(await reload.run('change'), { kind: 'loaded' })
})

t.test('a closed application puts nothing in force any more', async (t) => {
  const { store, state, asked, open } = shelf()
  const app = await porch(t, { policies: store }, routes)
  await app.ready()
  const { version, policy } = app.gatehouse
  state.gated = true
  state.text = READS_NOT
  asked.pass()
  const reload = app.gatehouse.reload()
  await asked.next()
  await app.close()
  open()
  await t.rejects(reload, { code: 'FST_GATEHOUSE_OPTION', message: /the application is closed/ })
  t.equal(app.gatehouse.policy, policy)
  t.equal(told(app).length, 0)
  state.gated = false
  await t.rejects(app.gatehouse.reload(), { message: /the application is closed/ })
  t.equal(app.gatehouse.version, version)
})

t.test('a gatehouse in a scope within ends its watch too, and one without policies has none', async (t) => {
  const ended = happenings()
  const store: PolicyStore = { name: 'shelf', read: async () => [{ name: 'author.yaml', text: READS }], watch: async () => ended.happened }
  const app = bare(t)
  await app.register(async (scope) => {
    await scope.register(gatehouse, { schemes: [keys()], policies: store })
    routes(scope)
  })
  await app.ready()
  await turn()
  t.equal(ended.all.length, 0)
  await app.close()
  t.equal(ended.all.length, 1)

  const without = bare(t)
  await without.register(gatehouse, { schemes: [keys()] })
  await without.ready()
  t.equal(without.gatehouse.version, null)
  await without.close()
})

t.test('requests in flight keep their policy', async (t) => {
  const { store, state } = shelf('role: author\nrules:\n  - { action: read, subject: Post, conditions: { open: true } }\n')
  const loading = happenings()
  let found: (record: object) => void = () => {}
  const post = resource('Post', { param: 'id', load: () => new Promise<object>((resolve) => { found = resolve; loading.happened() }) })
  const decisions: DecisionEvent[] = []
  const hear = (event: unknown) => { decisions.push(event as DecisionEvent) }
  subscribe(DECISIONS, hear)
  t.teardown(() => unsubscribe(DECISIONS, hear))
  const app = await porch(t, { policies: store }, (app) => {
    app.get('/posts/:id', { config: { access: can('read', post) } }, (request) => [request.can('read', post, { open: true }), request.can('read', post, { open: false })])
  })
  await app.ready()
  const before = app.gatehouse.version
  const get = () => app.inject({ url: '/posts/1', headers: as({ roles: ['author'] }) })

  const waits = get()
  await loading.next()
  state.text = state.text.replace('true', 'false')
  const { version } = await app.gatehouse.reload()
  t.not(version, before)
  found({ open: true })
  const early = await waits
  t.strictSame([early.statusCode, early.json()], [200, [true, false]])

  const comes = get()
  await loading.next()
  found({ open: true })
  t.equal((await comes).statusCode, 403)
  t.match(decisions, [{ outcome: 'allow', policy: before }, { outcome: 'deny', policy: version }])
})

t.test('200 requests during 20 reloads: every answer is that of one policy, and none is a 500', async (t) => {
  const { store, state } = shelf()
  const app = await porch(t, { policies: store }, (app) => {
    const post = resource('Post', { param: 'id', load: async (id) => { for (let turns = 0; turns < Number(id) % 7; turns++) await turn(); return { id } } })
    app.get('/posts/:id', { config: { access: can('read', post) } }, () => 'post')
  })
  await app.ready()
  const readable = app.gatehouse.version
  const decisions: DecisionEvent[] = []
  const hear = (event: unknown) => { decisions.push(event as DecisionEvent) }
  subscribe(DECISIONS, hear)
  t.teardown(() => unsubscribe(DECISIONS, hear))

  let reloads = 0
  const reloading = (async () => {
    for (; reloads < 20; reloads++) {
      state.text = state.text === READS ? READS_NOT : READS
      await app.gatehouse.reload()
      await turn()
    }
  })()
  const answers: Promise<number>[] = []
  for (let id = 0; id < 200; id++) {
    answers.push(app.inject({ url: `/posts/${id}`, headers: as({ roles: ['author'] }) }).then(({ statusCode }) => statusCode))
    if (id % 10 === 9) await turn()
  }
  const statuses = await Promise.all(answers)
  await reloading
  t.equal(reloads, 20)
  t.equal(decisions.length, 200)
  for (const { policy, status } of decisions) t.equal(status, policy === readable ? 200 : 403)
  t.ok(statuses.includes(200) && statuses.includes(403), 'both were in force')
})

/** What a reload is given, without an application. */
async function reloading (store: PolicyStore, options: ReloadOptions = {}) {
  const log = recorder()
  let policy: Policy | null = null
  const inForce = { policy: () => policy as Policy, put: (next: Policy) => { policy = next }, check: () => {} }
  const reload = new Reload(supplyOf(store), inForce, log, options)
  policy = await reload.first()
  return { reload, inForce, log }
}

function recorder () {
  const lines: [level: string, entry: object, message: string][] = []
  const at = (level: string) => (entry: object, message: string) => { lines.push([level, entry, message]) }
  return { lines, error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') }
}

const ON_CHANGE = { watch: true, signal: null, every: 0 }

t.test('a watch that ends begins again; both is told once, and what changed meanwhile is looked at', async (t) => {
  const begun = happenings<{ changed: () => void, ended: (error: unknown) => void }>()
  const reloads = happenings<string>()
  let refuses = false
  let stops = 0
  const watch: PolicyStore['watch'] = async (changed, ended) => {
    if (refuses) throw new Error('refused')
    begun.happened({ changed, ended })
    return () => { stops++ }
  }
  const log = recorder()
  const store: PolicyStore = { name: 'shelf', read: async () => [], watch }
  const stop = startReloading(supplyOf(store), ON_CHANGE, reloads.happened, log, waits(1))
  const first = await begun.next()
  await reloads.next()
  first.changed()
  await reloads.next()
  t.strictSame(log.lines, [])

  refuses = true
  first.ended(new Error('lost'))
  first.ended(new Error('lost again'))
  first.changed()
  await turn()
  refuses = false
  const second = await begun.next()
  await reloads.next()
  t.strictSame(reloads.all, ['change', 'change', 'change'], 'what an ended watch says is not heard')
  t.match(log.lines, [
    ['warn', { policies: 'shelf', err: { message: 'lost' } }, 'the policies cannot be watched: shelf. Until they can, changes may be missed'],
    ['info', { policies: 'shelf' }, 'the policies are watched again: shelf'],
  ])
  t.equal(stops, 1)
  await stop()
  second.changed()
  second.ended(new Error('late'))
  t.equal(stops, 2)
  t.equal(reloads.all.length, 3)
  t.equal(log.lines.length, 2)
})

t.test('a watch is ended whenever the application closes: before it began, while it waits, and when it cannot say goodbye', async (t) => {
  const log = recorder()
  const start = (watch: PolicyStore['watch'] & {}, retries = waits(60_000)) => startReloading(supplyOf({ name: 'shelf', read: async () => [], watch }), ON_CHANGE, () => {}, log, retries)

  const stopped = happenings()
  const begins = happenings<(stop: Stop) => void>()
  const late = start(() => new Promise((resolve) => { begins.happened(resolve) }))
  const resolve = await begins.next()
  await late()
  resolve(stopped.happened)
  await stopped.next()

  const failed = happenings()
  const waiting = start(() => { failed.happened(); throw new Error('at once') })
  await failed.next()
  while (log.lines.length === 0) await turn()
  await waiting()

  const rude = start(async () => () => { throw new Error('no goodbye') })
  await turn()
  await rude()
  await start(async () => async () => new Promise(() => {}))()
  t.match(log.lines, [['warn', { err: { message: 'at once' } }]])
})

t.test('waits double up to a minute, and begin anew', async (t) => {
  const { next, reset } = waits()
  t.strictSame(Array.from({ length: 8 }, next), [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
  reset()
  t.equal(next(), 1000)
})

t.test('a promise is kept in time, or is late', async (t) => {
  t.equal(await within(20_000, Promise.resolve(1)), 1)
  await t.rejects(within(20_000, Promise.reject(new Error('no'))), { message: 'no' })
  await t.rejects(within(1, new Promise(() => {})), { message: 'no answer within 0.001 s' })
})

t.test('the option says when policies are read again', async (t) => {
  const read = async (): Promise<PolicyFile[]> => []
  const quiet = { name: 'shelf', read }
  const telling: PolicyStore = { ...quiet, watch: async () => () => {} }
  const list = [definePolicy({ role: 'a' })]
  const times = (options: unknown) => settingsOf(options as GatehouseOptions).reload
  for (const [options, expected] of [
    [{}, { watch: false, signal: null, every: 0 }],
    [{ policies: 'policies' }, { watch: false, signal: null, every: 0 }],
    [{ policies: new URL('file:///a/'), reload: { watch: true } }, { watch: true, signal: null, every: 60_000 }],
    [{ policies: policyFolder('policies') }, { watch: true, signal: null, every: 60_000 }],
    [{ policies: telling, reload: { watch: false, signal: 'SIGHUP' } }, { watch: false, signal: 'SIGHUP', every: 0 }],
    [{ policies: telling, reload: { every: 0 } }, { watch: true, signal: null, every: 0 }],
    [{ policies: quiet }, { watch: false, signal: null, every: 0 }],
    [{ policies: quiet, reload: { every: 10 } }, { watch: false, signal: null, every: 10 }],
    [{ policies: list, reload: { signal: 'SIGUSR2', every: 86_400_000 } }, { watch: false, signal: 'SIGUSR2', every: 86_400_000 }],
  ] as const) t.strictSame(times(options), expected)
  for (const [options, message] of [
    [{ policies: 'policies', reload: null }, /^reload/], [{ policies: 'policies', reload: { wach: true } }, /Did you mean "watch"\?/],
    [{ reload: { watch: false } }, /^reload: there is nothing to reload/], [{ policies: 'policies', reload: { watch: 'yes' } }, /^reload\.watch/],
    [{ policies: list, reload: { watch: true } }, /^reload\.watch: nobody can tell/], [{ policies: quiet, reload: { watch: true } }, /^reload\.watch: nobody can tell/],
    ...['SIGTERM', 'SIGUSR1', 'hup', 1].map((signal) => [{ policies: list, reload: { signal } }, /^reload\.signal: .*'SIGHUP' or 'SIGUSR2'/] as const),
    ...[9, 1.5, -1, 86_400_001, '10', Number.NaN].map((every) => [{ policies: list, reload: { every } }, /^reload\.every/] as const),
    [{ policies: { name: 'a' } }, /^policies: /], [{ policies: { ...quiet, watch: 1 } }, /^policies: /],
  ] as const) t.throws(() => times(options), { code: 'FST_GATEHOUSE_OPTION', message })
})
