/** Traps of rule engines that take more than one part of the package to avoid (facts: authorization, section 1.5). */
import t from 'tap'
import { Query } from 'mingo'
import initSqlJs from 'sql.js'
import { can, resource } from '../../lib/index.ts'
import { keeps, recordFilter } from '../../lib/authorization/filter.ts'
import { memory, mongodb, sqlite } from '../../lib/authorization/filters/index.ts'
import { definePolicy } from '../../lib/policies/index.ts'
import { as, porch } from '../core/porch.ts'
import { problemsOf } from '../policies/sources.ts'
import { abilitiesOf, abilityOf } from './abilities.ts'

class Article {
  readonly id: number
  readonly authorId: string
  constructor (id: number, authorId: string) {
    this.id = id
    this.authorId = authorId
  }
}

t.test('authz T17: a class cannot stand for a subject, so classes and names cannot be mixed', async (t) => {
  for (const subject of [Article, [Article, 'Note'], ['Note', Article]]) {
    t.match(problemsOf(() => abilitiesOf({ role: 'author', rules: [{ action: 'read', subject }] })).join('\n'), /author rules\[0\]\.subject/)
  }
})

t.test('authz T17: an instance of a class is what its resource says it is, whatever the class is called', async (t) => {
  class PublicNote extends Article {}
  const rows = [new Article(0, 'ada'), new PublicNote(1, 'ada'), new PublicNote(2, 'grace')]
  const article = resource('Article', { param: 'id', load: (id) => rows[Number(id)] })
  const policies = [
    definePolicy({ role: 'author', rules: [{ action: 'update', subject: 'Article', conditions: { authorId: '$user.id' } }] }),
    definePolicy({ role: 'anonymous', rules: [{ action: 'update', subject: 'PublicNote' }] }),
  ]
  const app = await porch(t, { policies }, (app) => { app.get('/articles/:id', { config: { access: can('update', article) } }, () => 'done') })
  const statuses = []
  for (const id of [0, 1, 2]) statuses.push((await app.inject({ url: `/articles/${id}`, headers: as({ id: 'ada', roles: ['author'] }) })).statusCode)
  t.strictSame(statuses, [200, 200, 403])
})

t.test('authz T18: whoever has every action that a word could mean does not have the word', async (t) => {
  const ability = abilityOf([{ action: ['update', 'delete'], subject: 'Post' }])
  t.equal(ability.allows('modify', 'Post', {}), false)
  t.equal(ability.allows('manage', 'Post', {}), false, 'nor every action there is')
  t.equal(abilityOf([{ action: 'manage', subject: 'Post' }]).allows('modify', 'Post', {}), true)
})

t.test('authz T19: where a value is missing, a list in every store is what the check is', async (t) => {
  const ability = abilityOf([{ action: 'read', subject: 'Post' }, { action: 'read', subject: 'Post', inverted: true, conditions: { level: { $lt: 5 } } }])
  const filter = recordFilter(ability, 'read', 'Post')
  const records = [{ id: 1, level: 3 }, { id: 2, level: 7 }, { id: 3, level: null }, { id: 4 }]
  const checked = records.filter((record) => ability.allows('read', 'Post', record)).map(({ id }) => id)
  t.strictSame(checked, [2], 'what cannot be known is forbidden')

  t.strictSame(records.filter((record) => keeps(filter, record)).map(({ id }) => id), checked)
  t.strictSame(records.filter(memory().translate(filter)).map(({ id }) => id), checked)

  const query = new Query(mongodb().translate(filter) as Record<string, unknown>)
  t.strictSame(records.filter((record) => query.test(record)).map(({ id }) => id), checked, 'not what a bare $nor gives')
  t.strictSame(records.filter((record) => new Query({ $nor: [{ level: { $lt: 5 } }] }).test(record)).map(({ id }) => id), [2, 3, 4])

  const { Database } = await initSqlJs()
  const database = new Database()
  t.teardown(() => database.close())
  database.run('CREATE TABLE posts (id INTEGER, level INTEGER)')
  for (const { id, level } of records) database.run('INSERT INTO posts VALUES (?, ?)', [id, level ?? null])
  const { text, values } = sqlite({ columns: { id: 'integer', level: 'integer' } }).translate(filter)
  t.strictSame(database.exec(`SELECT id FROM posts WHERE ${text} ORDER BY id`, values as never)[0]?.values.flat(), checked)
})
