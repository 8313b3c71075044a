import t from 'tap'
import { can, optional, resource } from '../../lib/index.ts'
import { memory, postgresql } from '../../lib/authorization/filters/index.ts'
import { STANDING } from '../../lib/authorization/standing.ts'
import { as, porch } from '../core/porch.ts'
import { abilitiesOf } from './abilities.ts'

interface Post { id: string, authorId: string, open: boolean, archived: boolean, secret?: string }

const posts: Post[] = [
  { id: '1', authorId: 'ada', open: true, archived: false, secret: 'x' },
  { id: '2', authorId: 'grace', open: false, archived: false },
]
const ada = as({ id: 'ada', roles: ['author'] })

function resourceOf (load: (id: string) => Post | undefined = (id) => posts.find((post) => post.id === id)) {
  return resource<Post>('Post', { param: 'id', load })
}

t.test('a resource has one target for its record and one for its list, and nobody can change it', async (t) => {
  const post = resourceOf()
  t.match(post, { kind: 'resource', subject: 'Post', param: 'id', hidden: false, disclose: null })
  t.equal(post.record, post.record)
  t.match(post.record, { kind: 'record', resource: post })
  t.match(post.list, { kind: 'list', resource: post })
  t.match(post.proposed(() => ({})), { kind: 'proposed', resource: post })
  t.ok([post, post.record, post.list, post.proposed(() => ({}))].every(Object.isFrozen))
  t.match(resource('Post'), { param: null, load: null })
})

t.test('a wrong resource is told apart at once, with the mend', async (t) => {
  const wrong = (subject: unknown, options?: unknown) => () => resource(subject as string, options as object)
  const load = () => null
  t.throws(wrong(''), { code: 'FST_GATEHOUSE_OPTION', message: /allowed is a subject's name/ })
  t.throws(wrong(class Post {}), { message: /class Post.*allowed is a subject's name/ })
  t.throws(wrong('Post', { parm: 'id', load }), { message: /^resource\('Post'\).*'parm'.*Did you mean "param"\?/ })
  t.throws(wrong('Post', null), { code: 'FST_GATEHOUSE_OPTION' })
  t.throws(wrong('Post', { param: 'id' }), { message: /"param" and "load" go together/ })
  t.throws(wrong('Post', { load }), { message: /"param" and "load" go together/ })
  t.throws(wrong('Post', { param: 'id', load: 'posts' }), { message: /load: 'posts' was given/ })
  t.throws(wrong('Post', { param: 7, load }), { message: /param: 7 was given/ })
  t.throws(wrong('Post', { param: '', load }), { message: /param: '' was given/ })
})

t.test('what a mask shows stands in place of what may not be read', async (t) => {
  const abilities = abilitiesOf({ role: 'clerk', rules: [{ action: 'read', subject: 'Post', fields: ['id'] }] })
  const ability = abilities.of({ id: 'u' }, ['clerk'])
  const request = { [STANDING]: () => ({ asker: () => ({ ability }) }) } as never
  const post = resource<{ id: number, ssn: string, notes: string }>('Post', { masks: { ssn: (ssn: string) => `…${ssn.slice(-2)}` } })
  t.strictSame(post.readable(request, { id: 1, ssn: '123', notes: 'n' }), { id: 1, ssn: '…23' })
})

t.test('a wrong disclosure or hiding is told apart at once too', async (t) => {
  const wrong = (options: unknown) => () => resource('Post', options as object)
  t.throws(wrong({ disclose: { detials: true } }), { code: 'FST_GATEHOUSE_OPTION' })
  t.throws(wrong({ disclose: { reasonHeader: 'no header' } }), { code: 'FST_GATEHOUSE_OPTION' })
  t.throws(wrong({ hidden: 'no' }), { code: 'FST_GATEHOUSE_OPTION' })
  for (const masks of [null, 'ssn', { ssn: '***' }]) t.throws(wrong({ masks }), { code: 'FST_GATEHOUSE_OPTION', message: /^resource\('Post'\): masks: .* was given; allowed is an object from fields to functions/ })
  for (const backend of [null, 'postgresql', {}, { ...memory(), name: 7 }, { ...memory(), problem: null }, { ...memory(), translate: undefined }]) {
    t.throws(wrong({ backend }), { code: 'FST_GATEHOUSE_OPTION', message: /^resource\('Post'\): backend: .* was given; allowed is what postgresql\(…\), sqlite\(…\)/ })
  }
})

t.test('the handler gets the record loaded, once, with what may be read of it', async (t) => {
  let loads = 0
  const post = resourceOf((id) => {
    loads++
    return posts.find((one) => one.id === id)
  })
  const app = await porch(t, { policies: [{ role: 'author', rules: [{ action: 'read', subject: 'Post', fields: ['id', 'open'] }] }] }, (app) => {
    app.get('/posts/:id', { config: { access: can('read', post) } }, (request) => ({ of: post.of(request), whole: post.whole(request), again: post.readable(request, post.of(request)) }))
  })
  const answer = await app.inject({ url: '/posts/1', headers: ada })
  t.same(answer.json(), { of: { id: '1', open: true }, whole: posts[0], again: { id: '1', open: true } })
  t.equal(loads, 1)
})

t.test('a record of the handler\'s own is shown with what may be read of it', async (t) => {
  const post = resource<Post>('Post')
  const app = await porch(t, { policies: [{ role: 'author', rules: [{ action: 'read', subject: 'Post', fields: 'id' }] }] }, (app) => {
    app.get('/posts', { config: { access: can('read', post.list) } }, (request) => {
      const filter = post.filter(request)
      return { kind: filter.kind, rows: posts.map((row) => post.readable(request, row)) }
    })
  })
  t.same((await app.inject({ url: '/posts', headers: ada })).json(), { kind: 'every', rows: [{ id: '1' }, { id: '2' }] })
})

t.test('where the route loads no such record, the handler is told what to declare', async (t) => {
  const post = resourceOf()
  const other = resource('Note')
  const messages: string[] = []
  const tell = (read: () => unknown): void => {
    try {
      read()
    } catch (error) {
      messages.push((error as Error).message)
    }
  }
  const app = await porch(t, {}, (app) => {
    app.get('/', { config: { access: optional() } }, (request) => { tell(() => post.of(request)); return {} })
    app.get('/posts/:id', { config: { access: can('read', post, { optional: true }) } }, (request) => { tell(() => other.of(request)); return {} })
  })
  t.equal((await app.inject('/')).statusCode, 200)
  t.equal((await app.inject('/posts/1')).statusCode, 200)
  t.same(messages.map((message) => message.slice(0, 20)), ['Post was not loaded:', 'Note was not loaded:'])
})

t.test('a filter is for the action that is asked about', async (t) => {
  const post = resource<Post>('Post')
  const app = await porch(t, {}, (app) => {
    app.get('/', { config: { access: optional() } }, (request) => ({ read: post.filter(request), update: post.filter(request, 'update').kind }))
  })
  t.match((await app.inject('/')).json(), { read: { kind: 'where', clauses: [{ allowing: [{ path: ['open'] }], inverted: [] }] }, update: 'none' })
})

t.test('a filter for `manage` is refused: it would ask for no rule that forbids a single action', async (t) => {
  const post = resource<Post>('Post')
  const messages: string[] = []
  const app = await porch(t, {}, (app) => {
    app.get('/', { config: { access: optional() } }, (request) => {
      try { post.filter(request, 'manage') } catch (error) { messages.push((error as Error).message) }
      return {}
    })
  })
  await app.inject('/')
  t.match(messages, [/^a filter for "manage" on Post: name the action; "manage" is for rules/])
})

t.test('law 12: the filter for another action on a hidden subject agrees with the check on one record', async (t) => {
  const note = resource<Post>('Note', { hidden: true })
  const { inMemory } = await import('../../lib/authorization/filters/index.ts')
  const app = await porch(t, { policies: [{ role: 'author', rules: [{ action: 'read', subject: 'Note', conditions: { open: true } }, { action: 'update', subject: 'Note' }] }] }, (app) => {
    app.get('/', { config: { access: optional() } }, (request) => posts.map((row) => [request.can('update', note, row), inMemory(note.filter(request, 'update'), row)]))
  })
  t.same((await app.inject({ url: '/', headers: ada })).json(), [[true, true], [false, false]])
})

t.test('the loader gets the condition of what the user may read, for one and the same query', async (t) => {
  const post = resource<Post>('Post', { param: 'id', hidden: true, load: (id, { where }) => where.kind === 'none' ? null : { ...posts[0] as Post, id, secret: where.kind } })
  const app = await porch(t, {}, (app) => {
    app.get('/posts/:id', { config: { access: can('read', post) } }, (request) => post.of(request))
  })
  t.match((await app.inject({ url: '/posts/7', headers: ada })).json(), { id: '7', secret: 'where' })
})

t.test('with a backend the loader and the handler get the condition in its words', async (t) => {
  const post = resource('Post', {
    param: 'id',
    hidden: true,
    backend: memory(),
    load: (id, { where }): Post | undefined => posts.find((post) => post.id === id && where(post)),
  })
  const app = await porch(t, {}, (app) => {
    app.get('/posts/:id', { config: { access: can('read', post) } }, (request) => post.of(request))
    app.get('/posts', { config: { access: can('update', post.list) } }, (request) => posts.filter(post.filter(request, 'update')).map(({ id }) => id))
  })
  t.same([(await app.inject({ url: '/posts/1', headers: ada })).statusCode, (await app.inject({ url: '/posts/2', headers: ada })).statusCode], [200, 404])
  t.same((await app.inject({ url: '/posts', headers: ada })).json(), ['1'])
})

t.test('authz R9: a list is what the query finds under the condition, without the fields that may not be read', async (t) => {
  const asked: unknown[] = []
  const post = resource('Post', { backend: postgresql({ columns: { authorId: { column: 'author_id', type: 'text' } } }), hidden: true })
  const policies = [{
    role: 'author',
    rules: [
      { action: 'read', subject: 'Post', fields: ['id', 'open'], conditions: { authorId: '$user.id' } },
      { action: 'update', subject: 'Post' },
    ]
  }]
  const app = await porch(t, { policies }, (app) => {
    app.get('/posts', { config: { access: can('read', post.list) } }, (request) => post.listed(request, async (where) => {
      asked.push(where.startingAt(2).text, where.values)
      return posts
    }))
    app.get('/mine', { config: { access: can('update', post.list) } }, (request) => post.listed(request, ({ values }) => {
      asked.push(values)
      return posts.slice(1)
    }, 'update'))
  })
  t.same((await app.inject({ url: '/posts', headers: ada })).json(), [{ id: '1', open: true }, {}])
  t.match(asked, [/^\("author_id" = \$2::text/, ['ada', 'ada']])
  t.same((await app.inject({ url: '/mine', headers: ada })).json(), [{}])
  t.same(asked.slice(2), [['ada', 'ada']])
})

t.test('an action that is never allowed gives an empty list and asks for nothing', async (t) => {
  let queries = 0
  const post = resource<Post>('Post', { hidden: true })
  const app = await porch(t, {}, (app) => {
    app.get('/posts', { config: { access: can('delete', post.list) } }, (request) => post.listed(request, () => {
      queries++
      return posts
    }, 'delete'))
  })
  const answer = await app.inject({ url: '/posts', headers: ada })
  t.same([answer.statusCode, answer.json(), queries], [200, [], 0])
})

t.test('a query that gives no list is a mistake that the log names', async (t) => {
  const post = resource<Post>('Post')
  const app = await porch(t, {}, (app) => {
    app.get('/posts', { config: { access: can('read', post.list) } }, (request) => post.listed(request, (async () => ({ rows: posts })) as never))
  })
  t.equal((await app.inject({ url: '/posts', headers: ada })).statusCode, 500)
  t.match(app.lines.map(({ err }) => err?.message).join(), /the query of Post\.listed gave no list of records, but a value of the type object/)
})
