import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { connect } from 'node:http2'
import t from 'tap'
import { anyOf, can, resource, role, type RouteOptions } from '../../lib/index.ts'
import { findChange } from '../../lib/requests/change.ts'
import type { PolicyDefinition } from '../../lib/policies/define.ts'
import { as, porch } from '../core/porch.ts'
import { oddPromises } from '../support/odd-promises.ts'

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
async function writing (t: Tap, { method = 'PATCH', payload, headers = ada, options = {}, doc = {}, schema, contentType, query = '' }: {
  method?: 'PATCH' | 'PUT' | 'POST' | 'DELETE', payload?: unknown, headers?: { authorization: string }, options?: RouteOptions, doc?: Partial<Doc>, schema?: object, contentType?: string, query?: string
}) {
  const stored: Doc = { id: '1', tenantId: 'a', authorId: 'ada', status: 'draft', title: 'old', ...doc }
  const before = JSON.stringify(stored)
  const docs = resource<Doc>('Doc', { param: 'id', load: () => stored })
  const app = await porch(t, { policies: POLICIES }, (app) => {
    app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
    app.addContentTypeParser('application/json-patch+json', { parseAs: 'string' }, (_request, body, done) => done(null, JSON.parse(body as string)))
    app.addContentTypeParser('application/x-params', { parseAs: 'string' }, (_request, body, done) => done(null, new URLSearchParams(body as string)))
    // What Fastify makes of a query is what @fastify/formbody makes of a body.
    app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (request, _body, done) => done(null, request.query))
    // Parsers of multipart bodies leave the body to the handler.
    app.addContentTypeParser('multipart/form-data', (_request, _payload, done) => done(null, null))
    app.addContentTypeParser('multipart/mixed', (_request, _payload, done) => done(null))
    app.route({ method, url: '/docs/:id', config: { access: can('update', docs, options) }, ...(schema !== undefined && { schema: { body: schema } }), handler: (request) => docs.next(request) })
  })
  const answer = await app.inject({ method, url: `/docs/1${query}`, headers: { ...headers, ...(contentType !== undefined && { 'content-type': contentType }) }, ...(payload !== undefined && { payload: payload as object }) })
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
})

t.test('of other methods the body is no new state', async (t) => {
  t.match(await writing(t, { method: 'POST', payload: { authorId: 'grace' } }), { authorId: 'ada' })
  t.match(await writing(t, { method: 'DELETE' }), { authorId: 'ada' })
})

const UNTOLD = { status: 403, code: 'insufficient_permissions', reason: /^what this Doc would become cannot be told from the body/ }

t.test('law 11: whatever the body is, if it is no object it is not let past the check of the new state', async (t) => {
  for (const method of ['PATCH', 'PUT'] as const) {
    for (const payload of ['"x"', '5', 'null', 'true']) t.match(await writing(t, { method, payload, contentType: 'application/json' }), UNTOLD, payload)
    t.match(await writing(t, { method, payload: 'tenantId=b', contentType: 'application/x-params' }), UNTOLD)
    t.match(await writing(t, { method, payload: 'tenantId=b', contentType: 'text/plain' }), UNTOLD)
    t.match(await writing(t, { method, payload: Buffer.from('%PDF'), contentType: 'application/octet-stream' }), UNTOLD)
    for (const contentType of ['multipart/form-data', 'multipart/mixed']) t.match(await writing(t, { method, payload: '--x--', contentType }), UNTOLD, 'nor what the parser leaves to the handler')
  }
  const form = { payload: 'x', contentType: 'application/x-www-form-urlencoded' }
  t.match(await writing(t, { ...form, query: '?tenantId=b' }), { status: 403 }, 'a form is an object')
  t.match(await writing(t, { ...form, query: '?title=new' }), { title: 'new' })
})

t.test('authz T10: a body that the parser leaves to the handler writes no one knows what', async (t) => {
  const upload = { method: 'POST', payload: '--x--', contentType: 'multipart/form-data' } as const
  t.match(await writing(t, { ...upload, headers: clerk }), { status: 403, code: 'forbidden_fields' })
  t.match(await writing(t, { ...upload, headers: clerk, options: { fields: () => ['title'] } }), { title: 'old' }, 'unless the route says so')
  t.match(await writing(t, { ...upload, headers: clerk, options: { fields: () => ['title', 'authorId'] } }), { status: 403, code: 'forbidden_fields' })
  t.match(await writing(t, { ...upload, headers: clerk, options: { fields: false } }), { title: 'old' })
  t.match(await writing(t, { ...upload, method: 'PATCH', headers: clerk, options: { fields: () => ['title'] } }), UNTOLD, 'the values are not told by that')
  t.match(await writing(t, upload), { title: 'old' }, 'where no rule limits fields, a POST may write')
})

t.test('a handler that sees to the fields does not thereby see to the new state', async (t) => {
  const options: RouteOptions = { fields: false }
  t.match(await writing(t, { payload: { authorId: 'grace' }, options }), { status: 403, code: 'insufficient_permissions', reason: 'no rule allows "update" on what this Doc would become' })
  t.match(await writing(t, { method: 'PUT', payload: { title: 'new' }, options }), { status: 403 })
  t.match(await writing(t, { payload: { status: 'published' }, options }), { status: 403, code: 'publish_instead' })
  t.match(await writing(t, { payload: [], options }), UNTOLD)
  t.match(await writing(t, { payload: { title: 'new' }, options }), { title: 'new' })
  t.match(await writing(t, { payload: { note: [{ by: 'eve' }] }, doc: { note: [{ by: 'grace' }] }, headers: clerk, options }), { note: [{ by: 'eve' }] }, 'fields are his')
  t.match(await writing(t, { payload: { status: 'published' }, headers: clerk, options }), { status: 403 })
})

t.test('a body without a length has one all the same, in chunks and in HTTP/2', async (t) => {
  const docs = resource<Doc>('Doc', { param: 'id', load: () => ({ id: '1', tenantId: 'a', authorId: 'ada', status: 'draft', title: 'old' }) })
  const served = async (server: object): Promise<number> => {
    const app = await porch(t, { policies: POLICIES }, (app) => {
      app.addContentTypeParser('multipart/form-data', (_request, payload, done) => { payload.resume(); done(null) })
      app.patch('/docs/:id', { config: { access: can('update', docs) } }, (request) => docs.next(request))
    }, server)
    return Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port)
  }
  const headers = { ...ada, 'content-type': 'multipart/form-data' }
  const inChunks = async (port: number, headers: object, body: string) => {
    const asked = request({ port, host: '127.0.0.1', path: '/docs/1', method: 'PATCH', headers: { ...headers, 'transfer-encoding': 'chunked' } })
    asked.end(body)
    const [answer] = await once(asked, 'response') as [IncomingMessage]
    answer.resume()
    return answer.statusCode
  }
  t.equal(await inChunks(await served({}), headers, '--x--'), 403)
  const client = connect(`http://127.0.0.1:${await served({ http2: true })}`)
  t.teardown(() => client.close())
  const asked = async (headers: object, body?: string) => {
    const stream = client.request({ ':method': 'PATCH', ':path': '/docs/1', ...headers }, { endStream: body === undefined })
    if (body !== undefined) stream.end(body)
    const [answer] = await once(stream, 'response') as [{ ':status': number }]
    stream.resume()
    return answer[':status']
  }
  t.equal(await asked(headers, '--x--'), 403)
  t.equal(await asked(ada, '{"title":"x"}'), 403, 'one that no parser is asked about')
  t.equal(await asked(headers), 200, 'there is none')
  t.equal(await asked({ ...ada, 'content-length': '0' }), 200)
})

t.test('a PUT removes what the schema of its body names, wherever it names that', async (t) => {
  const title = { title: { type: 'string' } }
  const stays = { id: '1', tenantId: 'a', authorId: 'ada' }
  const put = async (schema: object, differences: object = {}) => await writing(t, { method: 'PUT', payload: { title: 'new' }, doc: { note: 'x' }, schema, ...differences })
  const byType = { content: { 'application/json': { schema: { type: 'object', properties: { ...title, note: {} } } } } }
  t.same(await put(byType), { ...stays, status: 'draft', title: 'new' })
  t.same(await put(byType, { payload: '{"title":"new"}', contentType: 'Application/JSON; charset=utf-8' }), { ...stays, status: 'draft', title: 'new' })
  t.same(await put(byType, { payload: 'x', query: '?title=new', contentType: 'application/x-www-form-urlencoded' }), { ...stays, status: 'draft', title: 'new', note: 'x' }, 'of a type that the schema does not know everything stays')
  t.same(await put({ allOf: [{ properties: title }, { allOf: [{ properties: { note: {} } }] }] }), { ...stays, status: 'draft', title: 'new' })
  t.same(await put({ properties: { ...title, note: {} }, anyOf: [{ required: ['title'] }, { required: ['note'] }] }), { ...stays, status: 'draft', title: 'new' })
})

t.test('law 11: a schema that may name properties elsewhere stops the start, where a PUT is decided by what it makes of the record', async (t) => {
  const shared = { type: 'object', properties: { title: { type: 'string' } } }
  const started = async (schema: object, declaration = can('update', resource<Doc>('Doc', { param: 'id', load: () => null }))) => {
    const app = await porch(t, { policies: POLICIES }, (app) => {
      app.addSchema({ $id: 'doc', ...shared })
      app.put('/docs/:id', { schema: { body: schema }, config: { access: declaration } }, () => 'x')
    })
    return await app.ready().then(() => 'started', (error: Error) => error.message)
  }
  const ref = { $ref: 'doc#' }
  t.match(await started(ref), /PUT \/docs\/:id: can\("update", Doc\): .* \(\$ref\): give it "properties", or .*\.changing\(…\)/)
  for (const schema of [{ content: { 'application/json': { schema: ref } } }, { allOf: [shared, ref] }, { oneOf: [shared] }, { ...shared, if: { required: ['title'] }, then: { properties: { note: {} } } }]) t.match(await started(schema), /give it "properties"/, JSON.stringify(schema))
  t.equal(await started(shared), 'started')
  const docs = resource<Doc>('Doc', { param: 'id', load: () => null })
  t.equal(await started(ref, can('update', docs.changing(() => null))), 'started')
  t.equal(await started(ref, can('read', docs)), 'started')
})

t.test('where it is not decided by that, what a schema of another kind may name stays', async (t) => {
  const stored = { id: '1', status: 'draft', title: 'old' }
  const docs = resource<object>('Doc', { param: 'id', load: () => stored })
  const app = await porch(t, { policies: [{ role: 'author', rules: [{ action: 'update', subject: 'Doc' }] }] }, (app) => {
    app.addSchema({ $id: 'doc', type: 'object', properties: { title: { type: 'string' } } })
    app.put('/docs/:id', { schema: { body: { $ref: 'doc#' } }, config: { access: can('update', docs) } }, (request) => docs.next(request))
  })
  t.same((await app.inject({ method: 'PUT', url: '/docs/1', headers: ada, payload: { title: 'new' } })).json(), { ...stored, title: 'new' })
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

t.test('law 10: it may say so by promises of any make, and none of them is a yes by itself', async (t) => {
  const made = { id: '1', tenantId: 'a', authorId: 'ada', status: 'published' }
  for (const [name, promise] of oddPromises(made)) t.match(await publishing(t, () => promise), { status: 200, body: { status: 'published' } }, name)
  for (const [name, promise] of oddPromises({ ...made, authorId: 'grace' })) t.match(await publishing(t, () => promise), { status: 403 }, name)
})

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
