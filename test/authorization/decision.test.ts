import t from 'tap'
import { allOf, anyOf, authenticated, can, optional, PUBLIC, role, scope, stepUp, type Access } from '../../lib/routes/access.ts'
import { decide, decideRecord, type Asker, type Evidence, type No, type Ruling } from '../../lib/authorization/decision.ts'
import type { Can, Target } from '../../lib/authorization/requirement.ts'
import { resource } from '../../lib/authorization/resource.ts'
import { abilitiesOf } from './abilities.ts'

const article = resource('Article', { param: 'id', load: () => null })
const note = resource('Note', { param: 'id', load: () => null, hidden: true })

const abilities = abilitiesOf(
  { role: 'anonymous', rules: [{ action: 'read', subject: 'Note', conditions: { open: true } }] },
  {
    role: 'author',
    rules: [
      { action: ['read', 'update'], subject: 'Article', fields: ['title', 'body'], conditions: { authorId: '$user.id' } },
      { action: 'delete', subject: 'Article', conditions: { authorId: '$user.id' } },
      { action: ['update', 'delete'], subject: 'Article', inverted: true, conditions: { status: 'archived' }, reason: 'archived', code: 'article_archived' },
      { action: 'create', subject: 'Report' },
    ],
  },
  { role: 'editor', inherits: 'author' },
  { name: 'pro', when: { plan: 'pro' }, denied: { code: 'plan_required' }, rules: [{ action: 'read', subject: 'Analytics' }, { action: 'read', subject: 'Secret', inverted: true }] },
  { name: 'beta', when: { beta: true }, denied: { code: 'beta_required' }, rules: [{ action: 'manage', subject: ['Lab', 'Analytics'] }] },
  { name: 'staff', when: { staff: true }, rules: [{ action: 'manage', subject: 'all' }] }
)

const NOW = 1_000_000

function asker (user: object | null, roles: readonly string[] = [], signIn: Partial<Asker['signIn'] & object> = {}): Asker {
  return {
    user,
    roles: abilities.inherited(roles),
    signIn: user === null ? null : { scopes: [], acr: null, authTime: null, ...signIn },
    ability: abilities.of(user, roles),
    now: NOW,
  }
}

const ada = asker({ id: 'ada' }, ['author'])
const nobody = asker(null)
const nothing: Evidence = { records: new Map(), written: [], nexts: new Map() }

function having (record: object | null, written: Evidence['written'] = [], target: Target = article.record): Evidence {
  return { records: new Map([[target, record]]), written, nexts: new Map([[target, null]]) }
}

function ruling (access: Access, who: Asker, evidence = nothing): Ruling {
  return decide(access.requirement, who, evidence)
}

/** `yes`, `record`, or what the no is. */
function outcome (access: Access, who: Asker, evidence = nothing): string {
  const { kind, as } = ruling(access, who, evidence) as No
  return kind === 'no' ? as : kind
}

t.test('public and optional ask nothing; authenticated asks for a user', async (t) => {
  t.equal(outcome(PUBLIC, nobody), 'yes')
  t.equal(outcome(optional(), nobody), 'yes')
  t.equal(outcome(authenticated(), ada), 'yes')
  t.equal(outcome(authenticated(), nobody), 'unauthenticated')
})

t.test('a role is one of several, also by inheritance', async (t) => {
  t.equal(outcome(role('author', 'admin'), ada), 'yes')
  t.equal(outcome(role('author'), asker({}, ['editor'])), 'yes')
  t.match(ruling(role('editor', 'admin'), ada), { as: 'forbidden', reason: 'needs the role editor or admin' })
  t.equal(outcome(role('author'), nobody), 'unauthenticated', 'law 3')
  t.equal(outcome(role('anonymous'), nobody), 'unauthenticated')
})

t.test('scopes must all be there', async (t) => {
  t.equal(outcome(scope('a', 'b'), asker({}, [], { scopes: ['b', 'c', 'a'] })), 'yes')
  t.match(ruling(scope('a', 'b', 'd'), asker({}, [], { scopes: ['b'] })), { as: 'scope', reason: 'the credentials lack the scope a d' })
  t.equal(outcome(scope('a'), nobody), 'unauthenticated')
})

t.test('a step-up asks for the kind and the age of the sign-in', async (t) => {
  const mfa = stepUp({ acr: ['mfa', 'hwk'] })
  t.equal(outcome(mfa, asker({}, [], { acr: 'hwk' })), 'yes')
  t.equal(outcome(mfa, asker({}, [], { acr: 'pwd' })), 'step_up')
  t.equal(outcome(mfa, asker({})), 'step_up')
  t.equal(outcome(mfa, nobody), 'unauthenticated')
  const fresh = stepUp({ maxAge: 300 })
  t.equal(outcome(fresh, asker({}, [], { authTime: NOW - 300 })), 'yes')
  t.equal(outcome(fresh, asker({}, [], { authTime: NOW - 301 })), 'step_up')
  t.equal(outcome(fresh, asker({})), 'step_up', 'an unknown age is too old')
  t.equal(outcome(stepUp({ acr: 'mfa', maxAge: 0 }), asker({}, [], { acr: 'mfa', authTime: NOW })), 'yes')
})

t.test('a time of sign-in that is none is too old', async (t) => {
  t.equal(outcome(stepUp({ maxAge: 300 }), asker({}, [], { authTime: NaN })), 'step_up')
})

t.test('a type is decided by its rules alone, and the rule is told', async (t) => {
  t.match(ruling(can('create', 'Report'), ada), { kind: 'yes', rule: { id: 'author/4' } })
  t.match(ruling(can('delete', 'Report'), ada), { as: 'forbidden', rule: null, code: null, reason: 'no rule allows "delete" on any Report' })
  t.match(ruling(can('create', 'Report'), nobody), { as: 'unauthenticated', code: null }, 'law 3')
})

t.test('a record that is not at hand is asked for, unless the no needs none', async (t) => {
  t.match(ruling(can('update', article), ada), { kind: 'record', target: article.record })
  t.equal(outcome(can('publish', article), ada), 'forbidden')
  t.equal(outcome(can('publish', article), nobody), 'unauthenticated')
})

t.test('a missing record is missing, and one that the user may not change is forbidden', async (t) => {
  t.match(ruling(can('update', article), ada, having(null)), { as: 'missing', reason: 'there is no such Article' })
  t.match(ruling(can('update', article), ada, having({ authorId: 'ada', status: 'open' })), { kind: 'yes', rule: { id: 'author/1' } })
  t.match(ruling(can('update', article), ada, having({ authorId: 'grace', status: 'open' })), { as: 'forbidden', rule: null, code: null })
  t.match(ruling(can('update', article), ada, having({ authorId: 'ada', status: 'archived' })), { as: 'forbidden', code: 'article_archived', rule: { id: 'author/3' } })
})

t.test('law 4: of a hidden subject whoever may not read the record learns nothing, whatever he tried', async (t) => {
  t.match(ruling(can('update', note), ada, having({ open: false }, [], note.record)), { as: 'hidden', reason: 'no rule allows "read" on this Note' })
  t.equal(outcome(can('update', note), ada, having({ open: true }, [], note.record)), 'forbidden')
  t.equal(outcome(can('read', note), nobody, having({ open: true }, [], note.record)), 'yes')
  t.equal(outcome(can('read', note), nobody, having({ open: false }, [], note.record)), 'hidden')
  t.equal(outcome(can('read', note), nobody, having(null, [], note.record)), 'missing')
  t.equal(outcome(can('update', note), nobody, having({ open: true }, [], note.record)), 'unauthenticated')
})

t.test('law 4: a hidden subject that this user may never read is hidden without a look-up', async (t) => {
  const secret = resource('Secret', { param: 'id', load: () => null, hidden: true })
  t.match(ruling(can('update', secret), ada), { as: 'hidden', reason: 'nothing allows to read any Secret' })
})

t.test('a list needs that the action could ever be allowed; that of a hidden subject is empty instead', async (t) => {
  t.equal(outcome(can('read', article.list), ada), 'yes')
  t.equal(outcome(can('publish', article.list), ada), 'forbidden')
  t.equal(outcome(can('read', article.list), nobody), 'unauthenticated')
  t.equal(outcome(can('publish', note.list), nobody), 'yes')
})

t.test('a proposed record is decided as one that exists, but never hidden', async (t) => {
  const proposed = article.proposed(() => ({ authorId: 'ada' }))
  t.equal(outcome(can('delete', proposed), ada), 'record')
  t.equal(outcome(can('delete', proposed), ada, having({ authorId: 'ada', status: 'open' }, [], proposed)), 'yes')
  t.equal(outcome(can('delete', proposed), ada, having({ authorId: 'grace', status: 'open' }, [], proposed)), 'forbidden')
  const ofHidden = note.proposed(() => ({ open: false }))
  t.equal(outcome(can('read', ofHidden), ada, having({ open: false }, [], ofHidden)), 'forbidden')
})

t.test('authz T10: every field that is written must be allowed, and those that are not are named', async (t) => {
  const mine = { authorId: 'ada', status: 'open' }
  t.equal(outcome(can('update', article), ada, having(mine, ['title', 'body'])), 'yes')
  t.match(ruling(can('update', article), ada, having(mine, ['title', 'authorId', 'status'])), {
    as: 'fields', fields: ['authorId', 'status'], reason: 'the fields authorId, status may not be written', code: null,
  })
  t.match(ruling(can('update', article), ada, having(mine, null)), { as: 'fields', fields: [] }, 'what cannot be told is not allowed')
  t.equal(outcome(can('delete', article), ada, having(mine, null)), 'yes', 'no rule for this action is about fields')
  t.equal(outcome(can('delete', article), ada, having(mine, ['anything'])), 'yes')
  t.match(ruling(can('update', article), asker(null), having(mine, ['title'])), { as: 'unauthenticated', fields: [] })
})

t.test('who is outside a set of users learns what it takes, if the set would have allowed him', async (t) => {
  t.match(ruling(can('read', 'Analytics'), ada), { as: 'forbidden', code: 'plan_required' })
  t.match(ruling(can('export', 'Analytics'), ada), { as: 'forbidden', code: 'beta_required' })
  t.match(ruling(can('export', 'Lab'), asker({ beta: 'yes' })), { as: 'forbidden', code: 'beta_required' }, 'and who cannot be placed')
  t.match(ruling(can('export', 'Lab'), asker({ beta: true, plan: 'pro' })), { kind: 'yes' })
  t.match(ruling(can('read', 'Secret'), ada), { as: 'forbidden', code: null }, 'a set that forbids takes nothing')
  t.match(ruling(can('read', 'Analytics'), nobody), { as: 'unauthenticated', code: null })
})

t.test('who is in a set by the environment is not told what it takes to be in it', async (t) => {
  const own = abilitiesOf({ name: 'eu', when: { region: '$environment.region' }, denied: { code: 'eu_only' }, rules: [{ action: 'read', subject: 'Chart' }] }, { role: 'member', rules: [{ action: 'read', subject: 'Chart', inverted: true }] })
  const member = (region: string) => {
    const user = { region }
    return { ...asker(user), ability: own.of(user, [], { environment: { region: 'eu' } }) }
  }
  t.match(ruling(can('read', 'Chart'), member('eu')), { kind: 'yes' })
  t.match(ruling(can('read', 'Chart'), member('us')), { as: 'forbidden', code: 'eu_only' })
  t.match(ruling(can('read', resource('Chart', { param: 'id', load: () => null })), { ...member('eu'), ability: own.of({ region: 'eu' }, [], { environment: {} }) }), { as: 'forbidden', code: 'eu_only' })
  const forbidden = { ...asker({ region: 'eu' }), ability: own.of({ region: 'eu' }, ['member'], { environment: { region: 'eu' } }) }
  t.match(ruling(can('read', 'Chart'), forbidden), { as: 'forbidden', code: null })
})

t.test('of a set in which the user is, its code is not told, also where its rules leave the record out', async (t) => {
  const own = abilitiesOf({ name: 'eu', when: { region: '$environment.region' }, denied: { code: 'eu_only' }, rules: [{ action: 'read', subject: 'Article', conditions: { open: true } }] })
  const user = { region: 'eu' }
  const member = { ...asker(user), ability: own.of(user, [], { environment: { region: 'eu' } }) }
  t.match(ruling(can('read', article), member, having({ open: false })), { as: 'forbidden', code: null })
  t.match(ruling(can('read', article), { ...member, ability: own.of(user, [], { environment: { region: 'us' } }) }, having({ open: false })), { as: 'forbidden', code: 'eu_only' })
})

t.test('an inverted rule without a code does not send the user to buy what would not help him', async (t) => {
  const own = abilitiesOf(
    { role: 'member', rules: [{ action: 'read', subject: 'Chart', inverted: true }] },
    { name: 'pro', when: { plan: 'pro' }, denied: { code: 'plan_required' }, rules: [{ action: 'read', subject: 'Chart' }] }
  )
  const member = { ...asker({ plan: 'free' }), ability: own.of({ plan: 'free' }, ['member']) }
  t.match(ruling(can('read', 'Chart'), member), { as: 'forbidden', code: null })
})

t.test('all of: a no comes before a look-up, and step-up is asked last', async (t) => {
  const old = asker({ id: 'ada' }, ['author'], { authTime: 0 })
  const fresh = stepUp({ maxAge: 60 })
  t.equal(outcome(allOf(fresh, can('update', article), role('editor')), old), 'forbidden')
  t.equal(outcome(allOf(fresh, can('update', article)), old), 'record')
  t.equal(outcome(allOf(fresh, can('update', article)), old, having({ authorId: 'grace', status: 'open' })), 'forbidden')
  t.equal(outcome(allOf(fresh, can('update', article)), old, having({ authorId: 'ada', status: 'open' })), 'step_up')
  t.match(ruling(allOf(authenticated(), can('update', article)), ada, having({ authorId: 'ada', status: 'open' })), { kind: 'yes', rule: { id: 'author/1' } })
  t.match(ruling(allOf(authenticated(), role('author')), ada), { kind: 'yes', rule: null })
})

t.test('any of: one yes is enough, a look-up comes before a no, and the most useful no is the answer', async (t) => {
  t.equal(outcome(anyOf(role('editor'), role('author')), ada), 'yes')
  t.equal(outcome(anyOf(role('editor'), can('update', article)), ada), 'record')
  t.equal(outcome(anyOf(scope('x'), role('editor')), ada), 'forbidden')
  t.equal(outcome(anyOf(role('editor'), scope('x')), ada), 'forbidden')
  t.equal(outcome(anyOf(stepUp({ maxAge: 1 }), scope('x')), ada), 'scope')
  t.equal(outcome(anyOf(role('editor'), can('update', note)), ada, having({ open: false }, [], note.record)), 'hidden')
  t.equal(outcome(anyOf(can('read', note), authenticated()), nobody, having(null, [], note.record)), 'unauthenticated')
})

t.test('law 4: within all of and any of a hidden record is as a missing one', async (t) => {
  const wholes = [allOf(can('read', note), role('editor')), allOf(role('author'), can('read', note)), anyOf(can('read', note), role('editor')), anyOf(role('editor'), can('update', note), scope('x'))]
  for (const access of wholes) {
    for (const who of [ada, nobody]) {
      const public404 = (as: string) => as.replace('hidden', 'missing')
      t.equal(public404(outcome(access, who, having({ open: false }, [], note.record))), public404(outcome(access, who, having(null, [], note.record))))
    }
  }
})

t.test('authz T1: a decision on a record is never one on a type', async (t) => {
  t.throws(() => decideRecord(can('read', 'Article').requirement as Can, ada, {}, []), { name: 'TypeError', message: /needs a resource/ })
})
