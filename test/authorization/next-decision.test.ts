import t from 'tap'
import { allOf, anyOf, can, role, stepUp, type Access } from '../../lib/routes/access.ts'
import { decide, decideNext, type Asker, type Evidence, type Next, type No } from '../../lib/authorization/decision.ts'
import type { Can, Target } from '../../lib/authorization/requirement.ts'
import { resource } from '../../lib/authorization/resource.ts'
import { keeps, recordFilter } from '../../lib/authorization/filter.ts'
import { compiled, problemsOf } from '../policies/sources.ts'
import { abilitiesOf } from './abilities.ts'

const doc = resource('Doc', { param: 'id', load: () => null })
const secret = resource('Secret', { param: 'id', load: () => null, hidden: true })

const abilities = abilitiesOf(
  {
    role: 'author',
    rules: [
      { action: ['read', 'update', 'publish'], subject: ['Doc', 'Secret'], conditions: { authorId: '$user.id' } },
      { action: 'update', subject: 'Doc', inverted: true, state: 'new', conditions: { status: 'published' }, code: 'publish_instead', reason: 'publishing is an action of its own' },
      { action: 'update', subject: 'Doc', inverted: true, state: 'old', conditions: { status: 'archived' }, code: 'archived' },
    ],
  },
  {
    role: 'clerk',
    rules: [
      { action: ['read', 'update'], subject: 'Doc', conditions: { status: 'draft' }, state: 'old' },
      { action: ['read', 'update'], subject: 'Doc', conditions: { status: { $in: ['draft', 'submitted'] } }, state: 'new', fields: ['status', 'note'] },
    ],
  },
  { role: 'wisher', rules: [{ action: 'update', subject: 'Doc', state: 'new' }] }
)

function asker (roles: readonly string[], user: object | null = { id: 'ada' }): Asker {
  return { user, roles: abilities.inherited(roles), signIn: user === null ? null : { scopes: [], acr: null, authTime: 0 }, ability: abilities.of(user, roles), now: 10_000 }
}

const ada = asker(['author'])
const clerk = asker(['clerk'])

/** A request that makes `next` of the record; `undefined`: that is not known yet. */
function changing (record: object, next: object | Next | null | undefined, written: readonly string[] | null = [], target: Target = doc.record): Evidence {
  const made = next === null || next === undefined || 'overwritten' in next ? next as Next | null : { record: next, overwritten: [] }
  return { records: new Map([[target, record]]), written, nexts: made === undefined ? new Map() : new Map([[target, made]]) }
}

function ruling (access: Access, who: Asker, evidence: Evidence) {
  return decide(access.requirement, who, evidence)
}

const mine = { authorId: 'ada', status: 'draft' }

t.test('an update asks for the record as it will be, once it is allowed on the record as it is', async (t) => {
  t.match(ruling(can('update', doc), ada, changing(mine, undefined)), { kind: 'next', target: doc.record, record: mine, action: 'update' })
  t.match(ruling(can('update', doc), ada, changing({ ...mine, authorId: 'grace' }, undefined)), { kind: 'no', as: 'forbidden' })
  t.match(ruling(can('read', doc), ada, changing(mine, undefined)), { kind: 'yes' }, 'reading changes nothing')
  const proposed = doc.proposed(() => mine)
  t.match(ruling(can('update', proposed), ada, changing(mine, undefined, [], proposed)), { kind: 'yes' }, 'what is proposed already is as it will be')
})

t.test('nobody moves a record to where he could not have touched it', async (t) => {
  t.match(ruling(can('update', doc), ada, changing(mine, { ...mine, title: 'x' })), { kind: 'yes', rule: { id: 'author/1' } })
  t.match(ruling(can('update', doc), ada, changing(mine, null)), { kind: 'yes' }, 'it stays as it is')
  t.match(ruling(can('update', doc), ada, changing(mine, { ...mine, authorId: 'grace' })), { as: 'forbidden', rule: null, code: null, reason: 'no rule allows "update" on what this Doc would become', asked: { state: 'new', record: { authorId: 'grace' } } })
  t.match(ruling(can('update', doc), ada, changing(mine, { status: 'draft' })), { as: 'forbidden' }, 'law 11: nor to where it lacks a value')
  t.match(ruling(can('update', doc), asker([], null), changing(mine, { status: 'draft' })), { as: 'unauthenticated' }, 'law 3')
})

t.test('a rule may be about one of the two states', async (t) => {
  t.match(ruling(can('update', doc), ada, changing(mine, { ...mine, status: 'published' })), {
    as: 'forbidden', code: 'publish_instead', rule: { id: 'author/2' }, reason: 'rule author/2 forbids what the record would become: publishing is an action of its own',
  })
  t.match(ruling(can('update', doc), ada, changing({ ...mine, status: 'published' }, { ...mine, status: 'draft' })), { kind: 'yes' })
  t.match(ruling(can('update', doc), ada, changing({ ...mine, status: 'archived' }, { ...mine, status: 'draft' })), { as: 'forbidden', code: 'archived' })
  t.match(ruling(can('update', doc), ada, changing(mine, { ...mine, status: 'archived' })), { kind: 'yes' })
  t.match(ruling(can('publish', doc), ada, changing(mine, { ...mine, status: 'published' })), { kind: 'yes' })
  t.match(ruling(can('update', doc), ada, changing(mine, { authorId: 'ada' })), { as: 'forbidden', rule: { id: 'author/2' } }, 'law 11: whether it would be published is not known')
})

t.test('what a rule allows of the old state is not yet allowed of the new one', async (t) => {
  const status = (from: string, to: string, written = ['status']) => (ruling(can('update', doc), clerk, changing({ status: from }, { status: to }, written)) as No).as ?? 'yes'
  t.equal(status('draft', 'submitted'), 'yes')
  t.equal(status('draft', 'published'), 'forbidden')
  t.equal(status('submitted', 'draft'), 'forbidden')
  t.equal(status('draft', 'submitted', ['status', 'authorId']), 'fields')
  t.match(ruling(can('update', doc), clerk, changing({ status: 'draft' }, { status: 'submitted' }, ['status', 'authorId'])), { fields: ['authorId'], asked: { field: 'authorId', state: 'new' } })
  t.equal(asker(['wisher']).ability.ever('update', 'Doc'), false, 'a rule about the new state alone allows nothing')
  t.match(ruling(can('update', doc), asker(['wisher']), changing(mine, mine)), { as: 'forbidden' })
})

t.test('a list is about records as they are', async (t) => {
  for (const [role, record] of [['clerk', { status: 'draft' }], ['clerk', { status: 'submitted' }], ['wisher', {}], ['author', { authorId: 'ada', status: 'published' }], ['author', { authorId: 'ada', status: 'archived' }]] as const) {
    const { ability } = asker([role])
    t.equal(keeps(recordFilter(ability, 'update', 'Doc'), record), ability.allows('update', 'Doc', record), JSON.stringify([role, record]))
  }
})

t.test('what cannot be told from the body is not allowed', async (t) => {
  t.match(ruling(can('update', doc), ada, changing(mine, { record: null, overwritten: [] })), { as: 'forbidden', reason: 'what this Doc would become cannot be told from the body', asked: null })
})

t.test('fields that a body replaces as wholes are written too', async (t) => {
  const clerks = { status: 'draft', note: [{ text: 'x' }], history: [{ by: 'grace' }] }
  t.match(ruling(can('update', doc), clerk, changing(clerks, { record: { status: 'draft' }, overwritten: ['note'] }, ['note.text'])), { kind: 'yes' })
  const ability = abilitiesOf({ role: 'limited', rules: [{ action: 'update', subject: 'Doc', fields: ['note.text'] }] }).of({ id: 'ada' }, ['limited'])
  t.match(decideNext(can('update', doc).requirement as Can, { ...ada, ability }, clerks, { record: clerks, overwritten: ['note'] }, ['note.text']), { as: 'fields', fields: ['note'] })
  t.equal(decideNext(can('update', doc).requirement as Can, { ...ada, ability }, clerks, { record: clerks, overwritten: [] }, ['note.text']), null)
})

t.test('within all of and any of the new state is asked for too', async (t) => {
  const stolen = changing(mine, { ...mine, authorId: 'grace' })
  const wanted = changing(mine, undefined)
  for (const access of [allOf(can('update', doc), can('read', doc)), allOf(role('author'), can('publish', doc)), anyOf(can('update', doc), role('editor')), anyOf(role('editor'), can('update', doc))]) {
    t.match(ruling(access, ada, wanted), { kind: 'next' })
    t.match(ruling(access, ada, stolen), { kind: 'no', as: 'forbidden' })
    t.match(ruling(access, ada, changing(mine, mine)), { kind: 'yes' })
  }
  t.match(ruling(allOf(can('update', doc), role('editor')), ada, wanted), { as: 'forbidden' }, 'but not for a request that already has its no')
  t.match(ruling(allOf(stepUp({ maxAge: 5 }), can('update', doc)), ada, stolen), { as: 'forbidden' }, 'step-up is asked last')
  t.match(ruling(allOf(stepUp({ maxAge: 5 }), can('update', doc)), ada, wanted), { kind: 'next' })
})

t.test('a hidden record that may not become so is forbidden, not hidden: whoever changes it may read it', async (t) => {
  t.match(ruling(can('update', secret), ada, changing(mine, { ...mine, authorId: 'grace' }, [], secret.record)), { as: 'forbidden' })
  t.match(ruling(can('update', secret), ada, changing({ ...mine, authorId: 'grace' }, mine, [], secret.record)), { as: 'hidden' })
})

t.test('a state is one of two', async (t) => {
  t.strictSame(problemsOf(() => compiled({ 'a.yaml': 'role: a\nrules: [{ action: update, subject: Doc, state: next }]\n' })), ['a.yaml:2:48 "next" is not a state. Did you mean "new"?'])
})
