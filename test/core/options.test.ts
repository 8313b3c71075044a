import t from 'tap'
import { authenticated } from '../../lib/routes/access.ts'
import { settingsOf, type GatehouseOptions } from '../../lib/options.ts'
import { checkRouteOptions, declarationProblem } from '../../lib/routes/declaration.ts'
import { checkDisclosure } from '../../lib/authorization/disclosure.ts'
import { requireAll } from '../../lib/authentication/way.ts'
import { keys } from './porch.ts'

const settings = (options: unknown) => settingsOf(options as GatehouseOptions)

function refuses (t: Tap, check: () => unknown, ...parts: (string | RegExp)[]): void {
  const { code, message } = caught(check) as { code?: string, message: string }
  t.equal(code, 'FST_GATEHOUSE_OPTION')
  for (const part of parts) t.match(message, part)
}

type Tap = Pick<typeof t, 'equal' | 'match'>

function caught (check: () => unknown): unknown {
  try {
    return check()
  } catch (error) {
    return error
  }
}

t.test('left out, every option has its default', async (t) => {
  const { roles, memberships, quotas, ...others } = settings({})
  t.same(others, { realm: 'api', schemes: [], policies: null, reload: { watch: false, signal: null, every: 0 }, routes: {}, environment: null, actor: null, breakGlass: null, refusesInsecure: false, protectedResources: [], format: 'problem', html: true, details: {}, disclose: {}, throttle: {}, throttles: {} })
  t.match(quotas, { every: [], deadline: 250, onStoreError: 'memory', ipv6Prefix: 64, fields: true })
  t.same([roles({ roles: ['a'] }), roles({})], [['a'], []])
  t.same([memberships({ memberships: [7] }), memberships({})], [[7], undefined])
})

t.test('what is given is taken, and copied', async (t) => {
  const schemes = [keys()]
  const given = { realm: 'newsroom', schemes, policies: './policies', routes: { '/a': 'public' }, roles: () => ['x'], refusals: { format: 'fastify', html: false, details: { a: 'A' } }, disclose: { details: true, reasonHeader: 'x-reason', help: 'https://a.example/{code}' }, throttle: false }
  const made = settings(given)
  t.match(made, { realm: 'newsroom', policies: './policies', routes: { '/a': 'public' }, format: 'fastify', html: false, details: { a: 'A' }, disclose: given.disclose, throttle: false })
  schemes.length = 0
  t.equal(made.schemes.length, 1)
  t.ok(settings({ policies: new URL('file:///policies/') }).policies instanceof URL)
  t.same(settings({ policies: [] }).policies, [])
})

t.test('every wrong option says what was given, where, and the nearest right word', async (t) => {
  const cases: [unknown, ...(string | RegExp)[]][] = [
    [null, 'object'], [[], 'object'], ['x', 'object'],
    [{ relam: 'x' }, 'relam', 'Did you mean "realm"?'],
    [{ realm: '' }, /^realm/], [{ realm: 7 }, '7'], [{ realm: 'a\nb' }, /^realm/], [{ realm: 'é' }, /^realm/],
    [{ schemes: 'bearer' }, /^schemes/], [{ schemes: {} }, /^schemes/], [{ schemes: [null] }, 'schemes[0]'], [{ schemes: [keys(), { name: 'x' }] }, 'schemes[1]'],
    [{ schemes: [requireAll([keys({ name: 'A' }), { name: 'B' } as never])] }, 'schemes[0]: requireAll[1]', 'no scheme'], [{ schemes: [{ kind: 'require_all', schemes: [keys()] }] }, 'schemes[0]', 'no scheme'],
    [{ protectedResources: {} }, /^protectedResources/], [{ protectedResources: [{ resource: 'api' }] }, 'protectedResources[0].resource'],
    [{ policies: 7 }, /^policies/, '7'], [{ policies: {} }, /^policies/],
    [{ roles: ['admin'] }, /^roles/], [{ memberships: [] }, /^memberships/, 'a function'], [{ environment: {} }, /^environment/], [{ actor: 'ida' }, /^actor/], [{ breakGlass: null }, /^breakGlass/],
    [{ routes: [] }, /^routes/], [{ routes: { '/a': 'publik' } }, 'routes["/a"]', 'Did you mean "public"?'], [{ routes: { '/a': { requirement: {} } } }, 'routes["/a"]'],
    [{ refusals: [] }, /^refusals/], [{ refusals: { fromat: 'x' } }, 'Did you mean "format"?'], [{ refusals: { format: 'xml' } }, /refusals\.format.*xml/],
    [{ refusals: { html: 'yes' } }, 'refusals.html'], [{ refusals: { details: [] } }, 'refusals.details'], [{ refusals: { details: { a: '' } } }, 'refusals.details.a'], [{ refusals: { details: { a: 7 } } }, 'refusals.details.a'],
    [{ throttles: [] }, /^throttles/], [{ throttles: { 'sign-in': {} } }, 'allowed is another'], [{ quotas: 7 }, /^quotas/],
    [{ disclose: null }, /^disclose/], [{ disclose: { detials: true } }, 'Did you mean "details"?'],
  ]
  for (const [options, ...parts] of cases) refuses(t, () => settings(options), ...parts)
  const one = keys()
  refuses(t, () => settings({ schemes: [one, one] }), 'schemes[1]', 'twice')
})

t.test('an option error never shows a scheme, which may hold a secret', async (t) => {
  const { message } = caught(() => settings({ schemes: [{ name: 'x', secret: 'hunter2' }] })) as Error
  t.notMatch(message, /hunter2/)
})

t.test('what is disclosed is checked', async (t) => {
  for (const disclose of [{}, { details: false }, { reasonHeader: 'X-Reason' }, { help: 'http://a.example/' }]) t.equal(checkDisclosure('disclose', disclose), disclose)
  for (const disclose of [{ details: 1 }, { reasonHeader: 'no header' }, { reasonHeader: '' }, { reasonHeader: 7 }, { help: '/help' }, { help: 'javascript:alert(1)' }, { help: 7 }]) {
    refuses(t, () => checkDisclosure('here', disclose as object), /^here\./)
  }
})

t.test('what is special to a route is checked', async (t) => {
  const check = (options: object) => () => checkRouteOptions('GET /a', options)
  for (const options of [{}, { optional: true, schemes: [keys()], disclose: {}, despite: ['x'], fields: false }, { fields: () => [] }]) t.doesNotThrow(check(options))
  for (const options of [{ optonal: true }, { optional: 'yes' }, { schemes: [] }, { schemes: keys() }, { schemes: [7] }, { disclose: 7 }, { despite: 'x' }, { despite: [7] }, { fields: true }, { fields: ['a'] }]) {
    refuses(t, check(options), /GET \/a/)
  }
  refuses(t, check({ optonal: true }), 'Did you mean "optional"?')
})

t.test('a declaration is public, or made by one of the functions', async (t) => {
  t.equal(declarationProblem('public'), null)
  t.equal(declarationProblem(authenticated()), null)
  t.match(declarationProblem('Public'), 'Did you mean "public"?')
  for (const value of [undefined, null, true, 7, {}, [], () => {}, 'x', Symbol('x'), 7n]) t.match(declarationProblem(value), /authenticated\(\)/)
})
