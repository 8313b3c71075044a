/** The deny-overrides algorithm (XACML 3.0, appendix C.2): one deny makes the answer no; else one permit makes it yes; where nothing applies it is no. */
import { readFileSync } from 'node:fs'
import { combinations, subsets, truthTable } from './truth-table.ts'

const EFFECTS = ['allow', 'deny', 'none'] as const
const SINGLE = ['first', 'second', 'third'] as const
const INHERITED: readonly (typeof SINGLE[number])[] = ['first', 'second']

/** An action is called by what the three roles say of it. */
const actions = combinations({ first: EFFECTS, second: EFFECTS, third: EFFECTS })
const nameOf = (effects: typeof actions[number]): string => SINGLE.map((role) => effects[role]).join('_')
const users = subsets([...SINGLE, 'chief'] as const).map((roles) => ({ id: `user of ${roles.join('+')}`, roles }))

truthTable({
  name: 'deny-override',
  folder: 'deny-override',
  subject: 'Record',
  questions: combinations({ user: users, action: actions.map(nameOf), record: [{}] }),
  oracle: ({ user, action }) => {
    const effects = action.split('_')
    const said = user.roles.flatMap((role) => role === 'chief' ? INHERITED : [role]).map((role) => effects[SINGLE.indexOf(role)])
    return !said.includes('deny') && said.includes('allow')
  },
  casbin: {
    model: readFileSync(new URL('../../node_modules/casbin/examples/rbac_with_deny_model.conf', import.meta.url), 'utf8'),
    policies: actions.flatMap((effects) => SINGLE.filter((role) => effects[role] !== 'none').map((role) => [role, 'Record', nameOf(effects), effects[role]])),
    groupings: [...INHERITED.map((role) => ['chief', role]), ...users.flatMap(({ id, roles }) => roles.map((role) => [id, role]))],
    request: ({ user, action }) => [user.id, 'Record', action],
  },
// Of k roles that a user has, each allows or says nothing, but not all say nothing: (2^k - 1) 3^(3 - k) actions; k is 1 for three users, 2 for seven, 3 for five.
}, { allowed: 3 * 9 + 7 * 9 + 5 * 7, denied: 432 - 125, askedOfCasbin: 432 })
