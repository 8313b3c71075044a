import t from 'tap'
import { anyOf, can, resource, role, type RouteOptions } from '../../lib/index.ts'
import { findChange } from '../../lib/change.ts'
import type { PolicyDefinition } from '../../lib/policies/define.ts'
import { as, porch } from './porch.ts'

interface Doc { id: string, tenantId?: string, authorId: string, status: string, title?: string, note?: unknown }

const POLICIES: PolicyDefinition[] = [{
  role: 'author',
  rules: [
    { action: ['read', 'update', 'publish'], subject: 'Doc', conditions: { authorId: '$user.id', tenantId: '$user.tenantId' } },
    { action: 'update', subject: 'Doc', inverted: true, state: 'new', conditions: { status: 'published' }, code: 'publish_instead' },
  ],
}, {
  role: 'clerk',
  rules: [{ action: ['read', 'update'], subject: 'Doc', conditions: { status: 'draft' }, fields: ['title', 'note.text'] }],
}]

const ada = as({ id: 'ada', tenantId: 'a', roles: ['author'] })
const clerk = as({ id: 'cem', roles: ['clerk'] })

type Tap = Parameters<typeof porch>[0] & Pick<typeof t, 'equal'>

/** What a request that changes this record answers: what was written, or the no. */
async function writing (t: Tap, { method = 'PATCH', payload, headers = ada, options = {}, doc = {}, schema, contentType }: {
  method?: 'PATCH' | 'PUT' | 'POST' | 'DELETE', payload?: unknown, headers?: { authorization: string }, options?: RouteOptions, doc?: Partial<Doc>, schema?: object, contentType?: string
}) {
  const stored: Doc = { id: '1', tenantId: 'a', authorId: 'ada', status: 'draft', title: 'old', ...doc }
  const before = JSON.stringify(stored)
  const docs = resource<Doc>('Doc', { param: 'id', load: () => stored })
  const app = await porch(t, { policies: POLICIES }, (app) => {
    app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
    app.addContentTypeParser('application/json-patch+json', { parseAs: 'string' }, (_request, body, done) => done(null, JSON.parse(body as string)))
    app.route({ method, url: '/docs/:id', config: { access: can('update', docs, options) }, ...(schema !== undefined && { schema: { body: schema } }), handler: (request) => docs.next(request) })
  })
  const answer = await app.inject({ method, url: '/docs/1', headers: { ...headers, ...(contentType !== undefined && { 'content-type': contentType }) }, ...(payload !== undefined && { payload: payload as object }) })
  t.equal(JSON.stringify(stored), before, 'the loaded record itself stays as it was')
  const body = answer.json()
  return answer.statusCode === 200 ? body : { status: answer.statusCode, code: body.code, reason: app.lines.find(({ access }) => access !== undefined)?.access?.reason }
}

t.test('a PATCH is decided on the record as it is and as it will be, and the handler gets what was decided on', async (t) => {
  t.same(await writing(t, { payload: { title: 'new' } }), { id: '1', tenantId: 'a', authorId: 'ada', status: 'draft', title: 'new' })
  t.match(await writing(t, { payload: { title: 'new', authorId: 'grace' } }), { status: 403, code: 'insufficient_permissions', reason: 'no rule allows "update" on what this Doc would become' })
  t.match(await writing(t, { payload: { tenantId: 'b' } }), { status: 403, code: 'insufficient_permissions' }, 'nobody moves a record to another tenant')
  t.match(await writing(t, { payload: { tenantId: null } }), { status: 403 })
  t.match(await writing(t, { payload: { status: 'published' } }), { status: 403, code: 'publish_instead' })
  t.match(await writing(t, { payload: { status: 'draft' }, doc: { status: 'published' } }), { status: 'draft' })
  t.match(await writing(t, {}), { status: 'draft', title: 'old' }, 'without a body it stays as it is')
})

t.test('a PUT replaces the record, and keeps what the user may not write', async (t) => {
  t.same(await writing(t, { method: 'PUT', payload: { id: '1', tenantId: 'a', authorId: 'ada', status: 'draft' } }), { id: '1', tenantId: 'a', authorId: 'ada', status: 'draft' })
  t.match(await writing(t, { method: 'PUT', payload: { title: 'new', status: 'draft' } }), { status: 403 }, 'it would belong to nobody')
  t.same(await writing(t, { method: 'PUT', payload: { title: 'new' }, headers: clerk }), { id: '1', tenantId: 'a', authorId: 'ada', status: 'draft', title: 'new' })
  t.same(await writing(t, { method: 'PUT', payload: {}, headers: clerk }), { id: '1', tenantId: 'a', authorId: 'ada', status: 'draft' })
  const schema = { type: 'object', properties: { title: { type: 'string' } } }
  t.same(await writing(t, { method: 'PUT', payload: { title: 'new' }, schema }), { id: '1', tenantId: 'a', authorId: 'ada', status: 'draft', title: 'new' }, 'what is no part of the representation stays')
  t.match(await writing(t, { method: 'PUT', payload: { title: 'new' }, schema: { type: 'object' } }), { status: 403 }, 'a schema without properties says nothing of it')
})

t.test('a body that does not say what becomes of the record is not let past the check', async (t) => {
  const moved = [{ op: 'replace', path: '/tenantId', value: 'b' }]
  t.match(await writing(t, { payload: JSON.stringify(moved), contentType: 'application/json-patch+json' }), { status: 403, reason: 'what this Doc would become cannot be told from the body' })
  t.match(await writing(t, { payload: [] }), { status: 403 })
  t.match(await writing(t, { payload: { tenantId: 'b', 'x.y': 1 } }), { status: 403 }, 'a path as a name hides nothing')
  const deep = (depth: number): object => depth === 0 ? { x: 1 } : { note: deep(depth - 1) }
  t.match(await writing(t, { payload: { tenantId: 'b', ...deep(200) }, doc: { note: deep(200) } }), { status: 403 }, 'nor does depth')
  t.match(await writing(t, { payload: JSON.parse('{"__proto__": {"tenantId": "b"}, "constructor": {"x": 1}}') }), { status: 400 }, 'Fastify refuses these')
  t.match(await writing(t, { payload: Buffer.from('%PDF'), contentType: 'application/octet-stream' }), { title: 'old' }, 'bytes change no attribute')
  t.match(await writing(t, { payload: 'new title', contentType: 'text/plain' }), { title: 'old' })
})

t.test('of other methods the body is no new state', async (t) => {
  t.match(await writing(t, { method: 'POST', payload: { authorId: 'grace' } }), { authorId: 'ada' })
  t.match(await writing(t, { method: 'DELETE' }), { authorId: 'ada' })
  t.match(await writing(t, { payload: { authorId: 'grace' }, options: { fields: false } }), { authorId: 'ada' }, 'nor where the handler sees to it')
})

t.test('a list that a body replaces is written as a whole', async (t) => {
  t.match(await writing(t, { payload: { note: { text: 'new' } }, doc: { note: { text: 'old', by: 'grace' } }, headers: clerk }), { note: { text: 'new', by: 'grace' } })
  t.match(await writing(t, { payload: { note: [{ text: 'new' }] }, doc: { note: [{ text: 'old', by: 'grace' }] }, headers: clerk }), { status: 403, code: 'forbidden_fields' })
})

/** What a route answers whose change of the record is made like this. */
async function publishing (t: Tap, change: (record: Doc) => unknown, headers = ada) {
  const docs = resource<Doc>('Doc', { param: 'id', load: () => ({ id: '1', tenantId: 'a', authorId: 'ada', status: 'draft' }) })
  const changing = docs.changing((_request, record) => change(record) as Doc)
  const app = await porch(t, { policies: POLICIES }, (app) => {
    app.post('/docs/:id/publish', { config: { access: can('publish', changing) } }, (request) => docs.next(request))
  })
  const answer = await app.inject({ method: 'POST', url: '/docs/1/publish', headers })
  const line = app.lines.find(({ access }) => access !== undefined)
  return { status: answer.statusCode, body: answer.json(), reason: line?.access?.reason, err: line?.err?.message }
}

t.test('a route may say itself what becomes of the record', async (t) => {
  t.match(await publishing(t, (doc) => ({ ...doc, status: 'published' })), { status: 200, body: { status: 'published' } })
  t.match(await publishing(t, async (doc) => ({ ...doc, status: 'published' })), { status: 200, body: { status: 'published' } })
  t.match(await publishing(t, (doc) => ({ ...doc, tenantId: 'b' })), { status: 403 })
  t.match(await publishing(t, async (doc) => ({ ...doc, authorId: 'grace' })), { status: 403 })
  for (const unchanged of [null, undefined]) {
    t.match(await publishing(t, () => unchanged), { status: 200, body: { status: 'draft' } })
    t.match(await publishing(t, async () => unchanged), { status: 200, body: { status: 'draft' } })
  }
})

t.test('law 10: a change that fails, or that is no record, is a 503; a 4xx of its own stays', async (t) => {
  for (const [given, name] of [['Doc', 'a string'], [7, 'a number'], [true, 'a boolean'], [[], 'a list']] as const) {
    t.match(await publishing(t, () => given), { status: 503, reason: `change of Doc gave ${name} where one record is due` })
  }
  t.match(await publishing(t, () => { throw new Error('down') }), { status: 503, reason: 'change of Doc failed', err: 'down' })
  t.match(await publishing(t, () => Promise.reject(new Error('down'))), { status: 503, reason: 'change of Doc failed', err: 'down' })
  const conflict = () => Object.assign(new Error('somebody was quicker'), { statusCode: 409 })
  t.match(await publishing(t, () => { throw conflict() }), { status: 409, body: /./ })
  t.match(await publishing(t, () => Promise.reject(conflict())), { status: 409 })
})

t.test('a change is asked for once, and only of a request that has no no yet', async (t) => {
  let asked = 0
  const count = (doc: Doc) => { asked++; return doc }
  t.match(await publishing(t, count), { status: 200 })
  t.equal(asked, 1)
  t.match(await publishing(t, count, as({ id: 'grace', tenantId: 'a', roles: ['author'] })), { status: 403 })
  t.equal(asked, 1)
})

t.test('where another part lets the request through, a record that may not become so is not handed out', async (t) => {
  const docs = resource<Doc>('Doc', { param: 'id', load: () => ({ id: '1', tenantId: 'a', authorId: 'ada', status: 'draft' }) })
  const app = await porch(t, { policies: [...POLICIES, { role: 'editor' }] }, (app) => {
    app.patch('/docs/:id', { config: { access: anyOf(role('editor'), can('update', docs)) } }, (request) => docs.next(request))
  })
  const answer = async (user: object, payload: object) => (await app.inject({ method: 'PATCH', url: '/docs/1', headers: as(user), payload })).json()
  t.match(await answer({ id: 'ada', tenantId: 'a', roles: ['author'] }, { title: 'x' }), { title: 'x' })
  t.match(await answer({ id: 'ada', tenantId: 'a', roles: ['author'] }, { tenantId: 'b' }), { status: 403 })
  t.match(await answer({ id: 'eve', roles: ['editor'] }, { tenantId: 'b' }), { status: 403 })
  t.notSame((await answer({ id: 'ada', tenantId: 'a', roles: ['author', 'editor'] }, { tenantId: 'b' })).tenantId, 'b')
})

t.test('only a record changes', async (t) => {
  t.same(findChange({ kind: 'type', subject: 'Doc' }, {}, 'update', {} as never, {} as never), { kind: 'found', next: null })
})

t.test('where something else lets the request through, the handler still gets the record as it will be, or the no', async (t) => {
  const stored: Doc = { id: '1', tenantId: 'a', authorId: 'ada', status: 'draft', title: 'old' }
  const docs = resource<Doc>('Doc', { param: 'id', load: () => stored })
  const app = await porch(t, { policies: [...POLICIES, { role: 'chief' }] }, (app) => {
    app.patch('/docs/:id', { config: { access: anyOf(role('chief'), can('update', docs)) } }, (request) => docs.next(request))
  })
  const chief = as({ id: 'ada', tenantId: 'a', roles: ['chief', 'author'] })
  const patch = (payload: object) => app.inject({ method: 'PATCH', url: '/docs/1', headers: chief, payload })
  t.same((await patch({ title: 'new' })).json(), { ...stored, title: 'new' })
  t.match((await patch({ status: 'published' })).json(), { status: 403, code: 'publish_instead' }, 'what it must not become is not handed out')
})
