/** Stores of records and policies: what a store cannot express is found at the start and at each reload, not by a request. */
import t from 'tap'
import { anyOf, can, resource, role, type Access } from '../../lib/index.ts'
import { memory, postgresql } from '../../lib/authorization/filters/index.ts'
import { as, porch } from '../core/porch.ts'

const columns = { authorId: { column: 'author_id', type: 'text' }, status: 'text' } as const
const load = () => null
const article = resource('Article', { param: 'id', load, backend: postgresql({ columns }) })

/** A policy file whose rules begin in line 3. */
function store (...rules: string[]) {
  const files = { rules }
  return { files, name: 'shelf', read: async () => [{ name: 'author.yaml', text: `role: author\nrules:\n${files.rules.map((rule) => `  - { action: read, subject: Article, ${rule} }\n`).join('')}` }] }
}

/** What the start says against these rules, or `null`. */
async function starting (t: Parameters<typeof porch>[0], access: Access, ...rules: string[]): Promise<string | null> {
  const app = await porch(t, { policies: store(...rules) }, (app) => { app.get('/articles/:id', { config: { access } }, () => ({})) })
  return await app.ready().then(() => null, (error: Error) => error.message)
}

t.test('a rule that the store cannot express stops the start, wherever the route names the resource', async (t) => {
  const rules = ['conditions: { status: open }', 'conditions: { tags: { $size: 2 } }']
  const sized = resource('Article', { param: 'id', load, backend: postgresql({ columns: { ...columns, tags: 'text' } }) })
  for (const access of [can('read', sized), can('read', sized.list), can('read', sized.proposed(() => ({}))), anyOf(role('author'), can('read', sized))]) {
    t.match(await starting(t, access, ...rules), /GET \/articles\/:id: PostgreSQL cannot express rule author\/2 \(shelf\/author\.yaml:4\): "\$size" on "tags" needs a list, and its column is of the type text/)
  }
})

t.test('so does an attribute without a column, with the nearest right word', async (t) => {
  t.match(await starting(t, can('read', article), 'conditions: { state: open }'), /author\/1 \(shelf\/author\.yaml:3\): there is no column for the attribute "state"\. Did you mean "status"\? Add it to "columns"/)
  t.match(await starting(t, can('read', article), 'conditions: { status: open }', 'inverted: true, conditions: { $or: [{ authorId: x }, { $not: { autorId: x } }] }'), /author\/2 .*"autorId"\. Did you mean "authorId"\?/)
})

t.test('also a rule for another action, of which the handler may ask for the filter, or for all subjects', async (t) => {
  t.match(await starting(t, can('read', article), 'conditions: { status: open } }\n  - { action: delete, subject: Article, conditions: { state: open }'), /author\/2 /)
  t.match(await starting(t, can('read', article), 'conditions: { status: open } }\n  - { action: update, subject: all, conditions: { state: open }'), /author\/2 /)
  t.equal(await starting(t, can('read', article), 'conditions: { status: open } }\n  - { action: read, subject: Comment, conditions: { state: open }'), null)
})

t.test('a rule that takes no record out of a list is none for the store', async (t) => {
  t.equal(await starting(t, can('read', article), 'conditions: { status: open }', 'inverted: true, fields: notes, conditions: { state: open }'), null)
})

t.test('a store that can express everything, and none at all, have no problems', async (t) => {
  for (const backend of [memory(), undefined]) {
    const any = resource('Article', { param: 'id', load, ...(backend !== undefined && { backend }) })
    t.equal(await starting(t, can('read', any), 'conditions: { state: open, tags: { $size: 2 } }'), null)
  }
})

t.test('a reload with such a rule leaves the policy in force as it is', async (t) => {
  const policies = store('conditions: { status: open }')
  const list = resource('Article', { backend: postgresql({ columns }) })
  const app = await porch(t, { policies }, (app) => {
    app.get('/articles', { config: { access: can('read', list.list) } }, (request) => list.filter(request))
  })
  const ada = as({ id: 'ada', roles: ['author'] })
  const before = (await app.inject({ url: '/articles', headers: ada })).json()
  t.same(before.values, ['open', 'open'])
  policies.files.rules = ['conditions: { state: open }']
  await t.rejects(app.gatehouse.reload(), { message: /GET \/articles: PostgreSQL cannot express rule author\/1 \(shelf\/author\.yaml:3\)/ })
  t.same((await app.inject({ url: '/articles', headers: ada })).json(), before)
  policies.files.rules = ['conditions: { authorId: $user.id }']
  await app.gatehouse.reload()
  t.same((await app.inject({ url: '/articles', headers: ada })).json().values, ['ada', 'ada'])
})
