import t from 'tap'
import gatehouse, { resource, type AnyResource, type GatehouseOptions } from '../../lib/index.ts'
import { Abilities } from '../../lib/authorization/abilities.ts'
import { explainDecision, type ExplainOptions } from '../../lib/explain.ts'
import { settingsOf } from '../../lib/options.ts'
import { compiled } from '../policies/sources.ts'
import { bare, keys, POLICIES, porch } from './porch.ts'

const abilities = new Abilities(compiled({
  'subjects.yaml': 'user: { tenant: tenantId, attributes: { id: string, tenantId: string } }\nsubjects: { Doc: { tenant: tenantId, attributes: { tenantId: string, authorId: string, status: string, title: string } } }\nenvironment: { attributes: { region: string } }\n',
  'anonymous.yaml': 'role: anonymous\nrules: [{ action: read, subject: Doc, conditions: { status: published }, crossTenant: true }]\n',
  'author.yaml': `role: author
rules:
  - { action: [read, update], subject: Doc, conditions: { authorId: $user.id }, fields: [title, status] }
  - { action: update, subject: Doc, inverted: true, conditions: { status: archived }, state: old, code: archived }
  - { action: update, subject: Doc, inverted: true, conditions: { status: published }, state: new, code: publish_instead }
`,
  'editor.yaml': 'role: editor\nrules: [{ action: [read, publish], subject: Doc, environment: { region: eu } }, { action: late, subject: Doc, environment: { now: { $gt: "2020-01-01" } } }]\n',
  'checks.yaml': 'name: account-state\ndeny: [{ code: account_suspended, when: { id: sue } }]\n',
  'fire.yaml': 'breakGlass: fire\nrules: [{ action: update, subject: Doc }]\n',
}))

const doc = resource('Doc')
const hidden = resource('Doc', { hidden: true })
const ada = { id: 'ada', tenantId: 'a', roles: ['author'] }
const mine = { tenantId: 'a', authorId: 'ada', status: 'draft' }

function explained (user: object | null, action: string, on: AnyResource | string = doc, options: ExplainOptions = {}, settings: GatehouseOptions = {}) {
  return explainDecision(abilities, settingsOf(settings), user, action, on, options)
}

t.test('of a creation the answer is that of a proposed record: who may not read it may have created it', async (t) => {
  const { policy } = new Abilities(compiled({ 'author.yaml': 'role: author\nrules: [{ action: create, subject: Doc }, { action: read, subject: Doc, conditions: { s: 1 } }]\n' }))
  t.match(explainDecision(new Abilities(policy), settingsOf({}), ada, 'create', hidden, { record: { s: 2 } }).answer, { outcome: 'allow', code: null })
})

t.test('an explanation tells the decision, the rules, and what the client would learn', async (t) => {
  t.match(explained(ada, 'update', doc, { record: mine }), { allowed: true, rule: 'author/1', via: 'author', answer: { outcome: 'allow', code: null } })
  t.match(explained(ada, 'update', doc, { record: { ...mine, status: 'archived' } }), { allowed: false, rule: 'author/2', place: 'author.yaml:4', answer: { outcome: 'forbidden', code: 'archived' } })
  t.match(explained(ada, 'update', doc, { record: { ...mine, status: 'published' }, state: 'new' }), { allowed: false, rule: 'author/3', answer: { outcome: 'forbidden', code: 'publish_instead' } })
  t.match(explained(ada, 'update', doc, { record: mine, state: 'new' }), { allowed: true, answer: { outcome: 'allow' } })
  t.match(explained(ada, 'update', doc, { record: mine, field: 'tenantId' }), { allowed: false, field: 'tenantId', rule: null, answer: { outcome: 'fields', code: null } })
  t.match(explained(ada, 'update', doc, { record: mine, field: 'title' }), { allowed: true, answer: { outcome: 'allow' } })
  t.match(explained(ada, 'read', hidden, { record: { ...mine, authorId: 'grace' } }), { allowed: false, answer: { outcome: 'hidden', code: null } })
})

t.test('without a record, or of a subject by its name, there is no answer to tell', async (t) => {
  t.match(explained(ada, 'update'), { allowed: true, answer: null })
  t.match(explained(ada, 'update', 'Doc', { record: mine }), { allowed: true, subject: 'Doc', answer: null })
  t.match(explained(ada, 'delete', 'Doc'), { allowed: false, candidates: [], answer: null })
})

t.test('the anonymous, members, and whoever has an emergency are explained as requests would decide', async (t) => {
  t.match(explained(null, 'read', doc, { record: { status: 'published' } }), { allowed: true, rule: 'anonymous/1' })
  t.match(explained(null, 'update', doc, { record: mine }), { allowed: false })
  const member = { id: 'mel', memberships: [{ tenant: 'b', roles: ['author'] }] }
  t.match(explained(member, 'update', doc, { record: { ...mine, tenantId: 'b', authorId: 'mel' } }), { allowed: true, rule: 'author@tenant/1', via: 'author' })
  t.match(explained(member, 'update', doc, { record: { ...mine, authorId: 'mel' } }), { allowed: false })
  t.match(explained({ tenantId: 'a' }, 'update', doc, { record: { ...mine, status: 'archived' }, breakGlass: 'fire' }), { allowed: true, rule: 'fire/1', via: 'fire' })
  t.throws(() => explained(ada, 'update', doc, { breakGlass: 'flood' }), TypeError)
})

t.test('the environment is that of now, and what is supposed', async (t) => {
  const editor = { ...ada, roles: ['editor'] }
  t.match(explained(editor, 'publish', doc, { record: mine }), { allowed: false, candidates: [{ applies: 'unknown', failed: [{ path: 'environment.region', lacking: true }] }] })
  t.match(explained(editor, 'publish', doc, { record: mine, environment: { region: 'eu' } }), { allowed: true })
  t.match(explained(editor, 'late', doc, { record: mine }), { allowed: true })
  t.match(explained(editor, 'late', doc, { record: mine, environment: { now: new Date(0) } }), { allowed: false })
})

t.test('roles and memberships are those that the options tell; whatever is none counts for nothing', async (t) => {
  const settings = { roles: () => ['author'], memberships: () => [{ tenant: 'b', roles: ['author'] }] }
  t.match(explained({ id: 'ada', tenantId: 'a' }, 'update', doc, { record: mine }, settings), { allowed: true })
  t.match(explained({ id: 'ada' }, 'update', doc, { record: { ...mine, tenantId: 'b' } }, settings), { allowed: true })
  for (const roles of ['author', null, { 0: 'author' }, [['author']], 7]) t.match(explained({ ...ada, roles }, 'update', doc, { record: mine }), { allowed: false })
})

t.test('values are told where they are asked for', async (t) => {
  const record = { ...mine, authorId: 'grace' }
  const failed = (options: ExplainOptions) => explained(ada, 'update', doc, options).candidates.find(({ rule }) => rule === 'author/1')?.failed
  t.same(failed({ record }), [{ path: 'record.authorId', operator: '$eq', lacking: false }])
  t.match(failed({ record, values: true }), [{ expected: 'ada', actual: 'grace' }])
})

t.test('what is no action, resource or subject is a mistake', async (t) => {
  for (const [action, on] of [[undefined, doc], [7, doc], ['read', null], ['read', {}], ['read', 7]]) {
    t.throws(() => explained(ada, action as string, on as string), { name: 'TypeError', message: /takes the name of an action/ }, String(on))
  }
})

t.test('a user whom a pre-check refuses is told no, whatever the rules say', async (t) => {
  const sue = { ...ada, id: 'sue' }
  const refused = { preCheck: { name: 'account-state', code: 'account_suspended', place: 'checks.yaml:2' }, answer: { outcome: 'forbidden', code: 'account_suspended' } } as const
  t.match(explained(sue, 'update', doc, { record: { ...mine, authorId: 'sue' } }), { allowed: true, ...refused })
  t.match(explained(sue, 'read', hidden, { record: mine }), refused, 'before anything is hidden')
  t.match(explained(sue, 'update', 'Doc'), refused, 'for which no record is needed')
  t.match(explained(ada, 'update', doc, { record: mine }), { preCheck: null })
  t.match(explained(null, 'read', doc, { record: { status: 'published' } }), { preCheck: null, answer: { outcome: 'allow' } }, 'the anonymous meet none')
})

t.test('a word that the policy does not know is a mistake, with the nearest one', async (t) => {
  const mistakes: readonly [action: string, on: AnyResource | string, options: object, message: RegExp][] = [
    ['updte', doc, {}, /^explain: no rule mentions the action "updte"\. Did you mean "update"\?$/],
    ['update', 'Dok', {}, /^explain: no rule mentions the subject "Dok"\. Did you mean "Doc"\?$/],
    ['update', resource('Dcc'), { record: {} }, /the subject "Dcc"\. Did you mean "Doc"\?$/],
    ['update', doc, { state: 'neu' }, /^explain: there is no state "neu"\. Did you mean "new"\?$/],
    ['update', doc, { state: null }, /^explain: there is no state null\. Allowed: old, new$/],
    ['update', doc, { recrod: mine }, /^explain: there is no option "recrod"\. Did you mean "record"\?$/],
    ['update', doc, { record: 'mine' }, /^explain: expected a record of Doc, not "mine"$/],
    ['update', doc, { record: [mine] }, /^explain: expected a record of Doc, not a list$/],
    ['update', doc, { record: null }, /^explain: expected a record of Doc, not null$/],
    ['update', doc, { field: 7 }, /^explain: expected the name of a field, not a value of the type number$/],
  ]
  for (const [action, on, options, message] of mistakes) t.throws(() => explained(ada, action, on, options), { name: 'TypeError', message })
})

t.test('a field or an attribute that is not declared is a mistake too', async (t) => {
  t.throws(() => explained(ada, 'update', doc, { field: 'titel' }), { name: 'TypeError', message: 'explain: unknown field "titel" of Doc. Did you mean "title"?' })
  t.throws(() => explained(ada, 'update', doc, { field: 'size' }), { name: 'TypeError', message: 'explain: unknown field "size" of Doc. Allowed: tenantId, authorId, status, title' })
  t.throws(() => explained(ada, 'update', doc, { record: { ...mine, titel: 'x' } }), { name: 'TypeError', message: 'explain: unknown attribute "titel" of Doc. Did you mean "title"?' })
  t.throws(() => explained(ada, 'update', doc, { environment: { regoin: 'eu' } }), { name: 'TypeError', message: 'explain: unknown attribute "regoin" of the environment. Did you mean "region"?' })
  t.match(explained(ada, 'update', doc, { record: { ...mine, title: 'x', titel: 'y', createdAt: new Date(0) } }), { allowed: true }, 'a record may have more columns than rules need')
})

t.test('where nothing is declared, a rule for all subjects makes any name one; and without policies there are no words', async (t) => {
  const everything = new Abilities(compiled({ 'admin.yaml': 'role: admin\nrules: [{ action: manage, subject: all }]\n' }))
  const plain = new Abilities(compiled({ 'reader.yaml': 'role: reader\nrules: [{ action: read, subject: Page }]\n' }))
  t.match(explainDecision(everything, settingsOf({}), { roles: ['admin'] }, 'read', 'Whatever', { record: { any: 1 }, field: 'thing' }), { allowed: true })
  t.throws(() => explainDecision(plain, settingsOf({}), null, 'read', 'Pag'), { message: 'explain: no rule mentions the subject "Pag". Did you mean "Page"?' })
  t.match(explainDecision(new Abilities(compiled({ 'checks.yaml': 'deny: [{ code: gone, when: { gone: true } }]' })), settingsOf({}), null, 'fly', 'Kite'), { allowed: false, answer: null })
})

t.test('an application without policies has no words that could be wrong', async (t) => {
  const app = bare(t)
  await app.register(gatehouse, { schemes: [keys()] })
  t.match(app.gatehouse.explain(null, 'fly', 'Kite', { record: { any: 1 } }), { allowed: false, preCheck: null, answer: null })
})

t.test('the application asks for it at app.gatehouse', async (t) => {
  const app = await porch(t, { policies: POLICIES })
  const post = resource('Post')
  t.match(app.gatehouse.explain({ id: 'ada', roles: ['author'] }, 'update', post, { record: { authorId: 'ada', archived: true } }), { allowed: false, rule: 'author/3', answer: { outcome: 'forbidden', code: 'archived' } })
  t.match(app.gatehouse.explain(null, 'read', 'Post'), { allowed: true, policy: app.gatehouse.version as string })
})
