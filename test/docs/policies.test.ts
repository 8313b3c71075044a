/** The policies that the pages show come together in one folder, and keep what their tests promise. */
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { can, role } from '../../lib/routes/access.ts'
import { Abilities } from '../../lib/authorization/abilities.ts'
import { decide, type Asker, type Ruling } from '../../lib/authorization/decision.ts'
import { definePolicy, loadPolicies } from '../../lib/policies/index.ts'
import { testPolicies } from '../../lib/testing/index.ts'
import { blocks, root } from './blocks.ts'

const SHARED = ['docs/policies.md', 'docs/testing.md']

/** The blocks whose label begins so, as files of a folder; `more` are files that the pages do without. */
function folderOf (begin: string, pages: readonly string[], more: Readonly<Record<string, string>>): string {
  mkdirSync(join(root, '.tap'), { recursive: true })
  const to = mkdtempSync(join(root, '.tap', 'policies-'))
  const shown = blocks.filter(({ file, label }) => pages.includes(file) && label.startsWith(begin)).map(({ label, text }) => [label.slice(begin.length), text])
  for (const [name, text] of [...Object.entries(more), ...shown] as [string, string][]) {
    mkdirSync(dirname(join(to, name)), { recursive: true })
    writeFileSync(join(to, name), text)
  }
  return to
}

t.test('the tests of policies that the pages show hold for the policies that they show', async (t) => {
  const results = await testPolicies(folderOf('policies/', SHARED, { 'reader.yaml': 'role: reader\nrules: []\n' }))
  t.strictSame(results.filter(({ ok }) => !ok).map(({ message }) => message), [])
  t.strictSame(results.map(({ place }) => place.file.split(/[\\/]/).at(-1)).sort(), [
    'account-state.yaml', 'author.test.yaml', 'author.test.yaml', 'author.test.yaml',
    'erasure.test.yaml', 'erasure.test.yaml', 'night-desk.test.yaml', 'night-desk.test.yaml',
  ])
})

t.test('a policy that the page on testing shows fails its test in these words', async (t) => {
  const [shown] = blocks.filter(({ file, language }) => file === 'docs/testing.md' && language === 'text').map(({ text }) => text.trim()) as [string]
  const folder = folderOf('policies/', SHARED, { 'reader.yaml': 'role: reader\nrules: []\n' })
  const author = blocks.find(({ label }) => label === 'policies/author.yaml')?.text as string
  writeFileSync(join(folder, 'author.yaml'), author.replace('fields: [title, body]', 'fields: [title, body, status]'))
  const failed = (await testPolicies(folder)).filter(({ ok }) => !ok)
  t.equal(failed.length, 1)
  t.match(failed[0]?.message, shown.replace('policies/author.test.yaml', 'author.test.yaml'))
})

t.test('users who have nothing but memberships', async (t) => {
  const policy = await loadPolicies(folderOf('members/', ['docs/policies.md'], {
    'agent.yaml': 'role: agent\nrules: [{ action: read, subject: Ticket }]\n',
    'customer.yaml': 'role: customer\nrules: [{ action: read, subject: Ticket, conditions: { openedBy: $user.id } }]\n',
    'erasure.yaml': 'breakGlass: erasure\nrules: [{ action: delete, subject: Ticket }]\n',
    'disaster.yaml': 'breakGlass: disaster\nrules: [{ action: delete, subject: Ticket, crossTenant: true }]\n',
  }))
  const abilities = new Abilities(policy)
  const ann = { id: 'ann', memberships: [{ tenant: 'north', roles: ['agent'] }, { tenant: 'south', roles: ['customer'] }] }
  const of = (breakGlass: string | null) => abilities.of(ann, [], { memberships: ann.memberships, breakGlass })
  const north = { tenantId: 'north', openedBy: 'bob' }
  const south = { tenantId: 'south', openedBy: 'bob' }

  t.equal(of(null).allows('read', 'Ticket', north), true)
  t.equal(of(null).allows('read', 'Ticket', south), false)
  t.equal(of(null).allows('read', 'Ticket', { ...south, openedBy: 'ann' }), true)
  t.equal(of(null).decisive('read', 'Ticket', north)?.id, 'agent@tenant/1', 'the id that the page explains')
  for (const ticket of [north, south]) {
    t.equal(of('erasure').allows('delete', 'Ticket', ticket), false, 'an emergency is held by the user\'s own tenant, which ann has not')
    t.equal(of('disaster').allows('delete', 'Ticket', ticket), true, 'crossTenant lifts that')
  }

  const asker: Asker = { user: ann, roles: abilities.inherited([]), signIn: null, ability: of(null), now: 0 }
  const ruled = ({ requirement }: ReturnType<typeof can>): Ruling => decide(requirement, asker, { records: new Map(), nexts: new Map(), written: [] })
  t.match(ruled(role('agent')), { kind: 'no', as: 'forbidden' }, 'a membership is no role everywhere')
  t.match(ruled(can('read', 'Ticket')), { kind: 'no', as: 'forbidden' })
})

t.test('an action that one rule alone misspells is told, or found by a test', async (t) => {
  const agent = (action: string) => definePolicy({ role: 'agent', rules: [{ action, subject: 'Ticket' }] })
  const as = { id: 'ann', roles: ['agent'] }
  const [shown] = /rule agent\/1 is the only one .*?\?(?=`)/.exec(readFileSync(join(root, 'docs/policies.md'), 'utf8')) as unknown as [string]
  await t.rejects(testPolicies([agent('raed')]), { message: shown })
  t.equal((await testPolicies([agent('exprot')])).length, 0)
  await t.rejects(testPolicies([agent('exprot')], [{ as, given: { Ticket: {} }, expect: { export: 'allow' } }]), /no rule mentions the action "export"\. Did you mean "exprot"\?/)
})
