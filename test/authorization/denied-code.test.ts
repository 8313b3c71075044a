/** Whoever is not in a set of users learns its code only where the set would have allowed what he asked for. */
import t from 'tap'
import { deniedCode, type Refused } from '../../lib/authorization/denied-code.ts'
import { can } from '../../lib/routes/access.ts'
import { decide } from '../../lib/authorization/decision.ts'
import { Impersonation } from '../../lib/authorization/impersonation.ts'
import { resource } from '../../lib/authorization/resource.ts'
import { abilitiesOf } from './abilities.ts'

const abilities = abilitiesOf(
  { role: 'member', rules: [{ action: 'ping', subject: 'Doc' }] },
  { role: 'keen', rules: [{ action: 'read', subject: 'Doc' }] },
  {
    name: 'pro',
    when: { plan: 'pro' },
    denied: { code: 'plan_required' },
    rules: [
      { action: ['read', 'update'], subject: 'Doc', conditions: { tenantId: '$user.tenantId' } },
      { action: 'update', subject: 'Doc', conditions: { locked: true }, inverted: true },
      { action: 'update', subject: 'Doc', fields: ['secret'], inverted: true },
      { action: 'export', subject: 'Doc' },
      { action: 'export', subject: 'Doc', environment: { region: 'us' }, inverted: true },
      { action: 'publish', subject: 'Doc', state: 'new' },
      { action: 'night', subject: 'Doc', environment: { shift: 'night' } },
      { action: 'manage', subject: 'Log', conditions: { by: '$user.id' } },
      { action: 'purge', subject: 'all' },
      { action: 'purge', subject: 'Doc', inverted: true },
    ],
  },
  { name: 'no code', when: { plan: 'max' }, rules: [{ action: 'brew', subject: 'Doc' }] }
)

const OWN = { tenantId: 't1' }
const USER = { id: 'ada', tenantId: 't1', plan: 'free' }

function code (action: string, record: Refused['record'], { user = USER as object | null, environment = {}, subject = 'Doc' } = {}): string | null {
  const ability = abilities.of(user, ['member'], { environment })
  const before = [...ability.lacking]
  const told = deniedCode(ability, user, { action, subject, record })
  t.strictSame(ability.lacking, before, 'nothing is noted of rules that are not the user\'s')
  return told
}

t.test('the code is told where the set would have allowed it on this record', async (t) => {
  t.equal(code('read', OWN), 'plan_required')
  t.equal(code('read', { tenantId: 't2' }), null, 'the record of another tenant')
  t.equal(code('read', {}), null, 'law 11: nobody knows whose record')
  t.equal(code('read', OWN, { user: { id: 'ada', plan: 'free' } }), null, 'law 11: a user without a tenant')
  t.equal(code('read', OWN, { user: { id: 'ada', tenantId: 't1' } }), 'plan_required', 'without a plan he is in no set')
  t.equal(code('read', OWN, { user: { ...USER, plan: 'pro' } }), null, 'he is in the set')
  t.equal(code('update', { ...OWN, locked: false }), 'plan_required')
  t.equal(code('update', { ...OWN, locked: true }), null, 'the set forbids it too')
  t.equal(code('update', OWN), null, 'law 11: it is not known that the set does not forbid it')
  t.equal(code('brew', OWN), null, 'a set without a code')
  t.equal(code('delete', OWN), null, 'no set is about it')
  t.equal(code('publish', OWN), null, 'only about what a record becomes')
  t.equal(code('purge', OWN), null, 'forbidden for every record')
  t.equal(code('purge', OWN, { subject: 'Note' }), 'plan_required')
  t.equal(code('sing', { by: 'ada' }, { subject: 'Log' }), 'plan_required')
})

t.test('the code is told where the environment lets the set allow it', async (t) => {
  t.equal(code('night', OWN, { environment: { shift: 'night' } }), 'plan_required')
  t.equal(code('night', OWN, { environment: { shift: 'day' } }), null)
  t.equal(code('night', OWN), null)
  t.equal(code('export', OWN, { environment: { region: 'eu' } }), 'plan_required')
  t.equal(code('export', OWN, { environment: { region: 'us' } }), null)
  t.equal(code('export', OWN), null)
})

t.test('the code is told of no record where the set could allow some, and of all where it would allow all', async (t) => {
  t.equal(code('read', 'any'), 'plan_required')
  t.equal(code('read', 'all'), null)
  t.equal(code('read', 'any', { user: { id: 'ada' } }), null, 'law 11: on no record could it be allowed')
  t.equal(code('update', 'any'), 'plan_required', 'some are not locked')
  t.equal(code('export', 'all', { environment: { region: 'eu' } }), 'plan_required')
  t.equal(code('purge', 'any'), null)
})

t.test('a decision tells it', async (t) => {
  const doc = resource('Doc', { param: 'id', load: () => null })
  const asker = (ability: ReturnType<typeof abilities.of>) => ({ user: USER, roles: ['member'], signIn: { scopes: [], acr: null, authTime: null }, ability, now: 0 })
  const told = (action: string, record?: object) => {
    const { requirement } = can(action, doc)
    if (requirement.kind !== 'can') throw new TypeError('it is one')
    return decide(requirement, asker(abilities.of(USER, ['keen'])), { records: new Map(record === undefined ? [] : [[requirement.target, record]]), written: [], nexts: new Map() })
  }
  t.match(told('update'), { as: 'forbidden', code: 'plan_required' }, 'before a record is loaded')
  t.match(told('update', { ...OWN, locked: false }), { as: 'forbidden', code: 'plan_required' })
})

t.test('of two who act together both must be helped by the set', async (t) => {
  const both = (actor: object, roles: readonly string[]) => new Impersonation(abilities.of(USER, ['member']), abilities.of(actor, roles))
  const refused = { action: 'read', subject: 'Doc', record: OWN }
  t.equal(deniedCode(both({ ...USER, id: 'bob' }, ['member']), USER, refused), 'plan_required')
  t.equal(deniedCode(both({ id: 'bob', tenantId: 't2' }, ['member']), USER, refused), null)
  t.equal(deniedCode(both({ id: 'bob', tenantId: 't2' }, ['keen']), USER, refused), 'plan_required', 'the other may do it already')
  t.equal(deniedCode(both({ id: 'bob' }, ['keen']), USER, { ...refused, record: 'any' }), 'plan_required')
  t.equal(deniedCode(both({ id: 'bob' }, ['keen']), USER, { ...refused, record: 'all' }), null)
})
