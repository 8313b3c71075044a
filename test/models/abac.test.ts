/**
 * ABAC (NIST SP 800-162): a rule is a proposition over attributes of the subject, the object, the action and the environment. Read is for those who are cleared for the object
 * and write for those who are not above it (the two properties of Bell and LaPadula); while there is an alarm nothing is allowed.
 */
import { combinations, truthTable } from './truth-table.ts'

const LEVELS = [0, 1, 2, undefined]
const users = combinations({ roles: [['officer']], clearance: LEVELS, department: ['field', 'desk', undefined] })
const records = combinations({ classification: LEVELS, department: ['field', 'desk', undefined] })
const environments = combinations({ location: ['onsite', 'remote', undefined], alarm: [true, false, undefined] })

const MODEL = `
[request_definition]
r = sub, obj, env, act

[policy_definition]
p = rule, act, eft

[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))

[matchers]
m = eval(p.rule) && r.act == p.act
`

truthTable({
  name: 'ABAC',
  folder: 'abac',
  subject: 'Dossier',
  questions: combinations({ user: users, action: ['read', 'write'], record: records, environment: environments }),
  // A proposition over an attribute that there is none of is not true; and whether there is an alarm must be known.
  oracle: ({ user, action, record, environment }) => {
    const [cleared, classified] = [user.clearance ?? NaN, record.classification ?? NaN]
    const near = environment.location === 'onsite' && user.department !== undefined && user.department === record.department
    return environment.alarm === false && (action === 'read' ? classified === 0 || (near && cleared >= classified) : near && cleared <= classified)
  },
  casbin: {
    model: MODEL,
    policies: [
      ['r.sub.clearance >= r.obj.classification && r.sub.department == r.obj.department && r.env.location == "onsite"', 'read', 'allow'],
      ['r.obj.classification == 0', 'read', 'allow'],
      ['r.sub.clearance <= r.obj.classification && r.sub.department == r.obj.department && r.env.location == "onsite"', 'write', 'allow'],
      ['r.env.alarm', 'read', 'deny'],
      ['r.env.alarm', 'write', 'deny'],
    ],
    // With an attribute missing casbin compares undefined with undefined; the definition asks for more.
    request: ({ user, action, record, environment }) => {
      const known = [user.clearance, user.department, record.classification, record.department, environment.location, environment.alarm].every((value) => value !== undefined)
      return known ? [user, record, environment, action] : null
    },
  },
// Without alarm: what is classified as 0, to 12 users at 3 locations; the rest where the departments are the same, 3 pairs of levels to read and 6 to write.
}, { allowed: 3 * 12 * 3 + 2 * (3 + 6), denied: 2592 - 126, askedOfCasbin: 6 * 6 * 4 * 2 })
