import t from 'tap'
import { allOf, anyOf, authenticated, can, isAccess, optional, PUBLIC, role, scope, stepUp, typed } from '../../lib/routes/access.ts'
import { resource } from '../../lib/authorization/resource.ts'

const article = resource('Article')
const anything = (value: unknown) => value as never
const wrong = { code: 'FST_GATEHOUSE_OPTION' }

t.test('each function makes the requirement of its name', async (t) => {
  t.match(PUBLIC, { requirement: { kind: 'public' } })
  t.same(optional(), { requirement: { kind: 'optional' }, options: { optional: true } })
  t.same(authenticated({ despite: ['x'] }), { requirement: { kind: 'authenticated' }, options: { despite: ['x'] } })
  t.same(role('a', 'b', { optional: true }), { requirement: { kind: 'role', roles: ['a', 'b'] }, options: { optional: true } })
  t.same(scope('a'), { requirement: { kind: 'scope', scopes: ['a'] }, options: {} })
  t.same(can('read', 'Report').requirement, { kind: 'can', action: 'read', target: { kind: 'type', subject: 'Report' } })
  t.match(can('read', article).requirement, { target: article.record })
  t.match(can('read', article.list).requirement, { target: article.list })
  t.same(allOf(role('a'), scope('b')).requirement, { kind: 'all_of', of: [{ kind: 'role', roles: ['a'] }, { kind: 'scope', scopes: ['b'] }] })
  t.match(anyOf(role('a'), { optional: true }), { requirement: { kind: 'any_of', of: { length: 1 } }, options: { optional: true } })
})

t.test('a step-up names a kind of sign-in, an age, or both', async (t) => {
  t.same(stepUp({ acr: 'mfa' }).requirement, { kind: 'step_up', acr: ['mfa'], maxAge: null })
  t.same(stepUp({ acr: ['mfa', 'hwk'], maxAge: 0 }).requirement, { kind: 'step_up', acr: ['mfa', 'hwk'], maxAge: 0 })
  for (const required of [{}, { acr: [] }, { maxAge: -1 }, { maxAge: 1.5 }, { maxAge: '60' }, { maxAge: NaN }, { acr: 5 }, { acr: '' }, { acr: 'mfa', maxage: 60 }, null]) {
    t.throws(() => stepUp(anything(required)), wrong, JSON.stringify(required))
  }
})

t.test('names are needed, and none of them may be empty', async (t) => {
  for (const names of [[], [''], ['a', ''], ['a', undefined], [null], [7], [{}]]) {
    t.throws(() => role(...names as [string]), wrong)
    t.throws(() => scope(...names as [string]), wrong)
  }
})

t.test('an action is a name, on a subject, a resource or what a resource makes', async (t) => {
  for (const action of ['', undefined, 7, {}]) t.throws(() => can(anything(action), 'Report'), wrong)
  for (const on of ['', undefined, null, 7, class {}, {}, { kind: 'recrod' }, authenticated(), []]) t.throws(() => can('read', anything(on)), wrong, String(on))
})

t.test('parts are what the functions return, without options of their own', async (t) => {
  for (const make of [allOf, anyOf]) {
    t.throws(() => make(...[] as unknown as Parameters<typeof make>), wrong)
    t.throws(() => make(anything({ optional: true })), wrong)
    t.throws(() => make(anything('public')), { message: /'public' cannot be part of it/ })
    t.throws(() => make(PUBLIC), { message: /'public' and 'optional' cannot be part of it/ })
    t.throws(() => make(role('a'), optional()), { message: /'public' and 'optional' cannot be part of it/ })
    t.throws(() => make(role('a', { optional: false })), { message: /cannot be part of it/ })
    t.throws(() => make(role('a', { despite: ['x'] })), { message: /"despite" of a part would be lost/ })
    t.throws(() => make(anything({ requirement: { kind: 'authenticated' }, options: {} }), role('a')), wrong, 'a look-alike')
    t.throws(() => make(role('a'), anything('editor')), wrong)
  }
})

t.test('a look-alike is no requirement', async (t) => {
  t.equal(isAccess(authenticated()), true)
  for (const value of [{ ...authenticated() }, { requirement: { kind: 'public' }, options: {} }, null, undefined, 'public', () => {}]) t.equal(isAccess(value), false)
})

t.test('what was declared cannot be changed afterwards', async (t) => {
  const options = { optional: true }
  const access = authenticated(options)
  options.optional = false
  t.equal(access.options.optional, true)
  t.throws(() => { anything(access as { requirement: unknown }); (access as { requirement: unknown }).requirement = PUBLIC.requirement }, TypeError)
  t.ok(Object.isFrozen(access.options))
})

t.test('typed does nothing at run time', async (t) => {
  const words = typed<{ actions: 'read', subjects: { Article: { id: string } }, roles: 'editor' }>()
  t.same(words.can('read', words.resource('Article')).requirement, can('read', resource('Article')).requirement)
  t.same(words.role('editor'), role('editor'))
})
