import t from 'tap'
import { Abilities } from '../../lib/authorization/abilities.ts'
import { keeps, recordFilter } from '../../lib/authorization/filter.ts'
import { compiled, problemsOf, type Files } from './sources.ts'

function clerk (rules: string): Files {
  return { 'clerk.yaml': `role: clerk\nrules:\n${rules.replace(/^/gm, '  ')}\n` }
}

function allowed (rules: string, environment: object | undefined, user: object = { id: 'ada' }, record: object = {}): boolean {
  const ability = new Abilities(compiled(clerk(rules))).of(user, ['clerk'], environment === undefined ? {} : { environment })
  const check = ability.allows('read', 'Doc', record)
  t.equal(keeps(recordFilter(ability, 'read', 'Doc'), record), check, 'law 12: the list agrees')
  t.equal(ability.ever('read', 'Doc') || !check, true, 'what is allowed could be allowed')
  return check
}

const MONDAY_NOON = new Date('2026-01-05T12:00:00Z')

t.test('a rule applies only while the environment is as it says', async (t) => {
  const rule = '- { action: read, subject: Doc, environment: { address: { $cidr: 10.0.0.0/8 }, now: { $between: { from: "09:00", to: "17:00", zone: UTC } } } }'
  t.equal(allowed(rule, { address: '10.0.0.1', now: MONDAY_NOON }), true)
  t.equal(allowed(rule, { address: '11.0.0.1', now: MONDAY_NOON }), false)
  t.equal(allowed(rule, { address: '10.0.0.1', now: new Date('2026-01-05T18:00:00Z') }), false)
})

t.test('law 11: without a value of the environment an allowing rule does not apply, and an inverted one does', async (t) => {
  const conditions = ['{ address: { $cidr: 10.0.0.0/8 } }', '{ address: { $not: { $cidr: 10.0.0.0/8 } } }', '{ now: { $lt: "2027-01-01" } }', '{ region: eu }', '{ region: { $ne: us } }', '{ region: $user.region }', '{ $nor: [ { region: eu } ] }', '{ risk: { $lte: $environment.most } }']
  const environments = [undefined, {}, { address: 'unknown', now: 20260101, region: 7, risk: 'low' }, { address: null, now: null, region: null, risk: null, most: null }, { address: ['10.0.0.1'], now: new Date(NaN), region: ['eu'], risk: NaN, most: 3 }]
  for (const condition of conditions) {
    for (const environment of environments) {
      t.equal(allowed(`- { action: read, subject: Doc, environment: ${condition} }`, environment), false, condition)
      t.equal(allowed(`- { action: read, subject: Doc }\n- { action: read, subject: Doc, inverted: true, environment: ${condition} }`, environment), false, condition)
    }
  }
  const shut = '- { action: read, subject: Doc }\n- { action: read, subject: Doc, inverted: true, environment: { region: eu }, conditions: { secret: true } }'
  t.equal(allowed(shut, { region: 'us' }), true, 'it is known that the rule is not meant')
  t.equal(allowed(shut, { region: 'us' }, {}, { secret: true }), true)
  t.equal(allowed(shut, { region: 'eu' }, {}, { secret: false }), true)
  t.equal(allowed(shut, {}, {}, { secret: false }), false, 'it is not known, so it applies to every record')
})

t.test('what a rule lacked of the environment is noted once', async (t) => {
  const ability = new Abilities(compiled(clerk('- { action: read, subject: Doc, environment: { region: eu } }\n- { action: read, subject: Doc, environment: { region: $user.region } }\n- { action: read, subject: Doc, environment: { region: $environment.home } }'))).of({}, ['clerk'], { environment: {} })
  for (let times = 0; times < 3; times++) ability.allows('read', 'Doc', {})
  t.match(ability.lacking.map(({ rule, ...lacking }) => [rule.id, lacking]).sort(), [
    ['clerk/1', { of: 'environment' }],
    ['clerk/2', { of: 'user', path: ['region'] }],
    ['clerk/3', { of: 'environment', path: ['home'] }],
  ])
  t.equal(ability.lacking.length, 3)
})

t.test('a record may be compared with the environment, also with the time', async (t) => {
  const region = '- { action: read, subject: Doc, conditions: { region: $environment.region } }'
  t.equal(allowed(region, { region: 'eu' }, {}, { region: 'eu' }), true)
  t.equal(allowed(region, { region: 'eu' }, {}, { region: 'us' }), false)
  t.equal(allowed(region, {}, {}, { region: undefined }), false)
  const published = '- { action: read, subject: Doc, conditions: { publishedAt: { $lte: $environment.now } } }'
  t.equal(allowed(published, { now: MONDAY_NOON }, {}, { publishedAt: new Date('2026-01-05T12:00:00Z') }), true)
  t.equal(allowed(published, { now: MONDAY_NOON }, {}, { publishedAt: new Date('2026-01-05T12:00:00.001Z') }), false)
  t.equal(allowed(published, { now: MONDAY_NOON }, {}, { publishedAt: null }), false)
  for (const now of [new Date(NaN), new Date(8.64e15), 0, null]) t.equal(allowed(published, { now }, {}, { publishedAt: new Date(0) }), false, 'law 11')
})

t.test('a set of users may be described by the environment too', async (t) => {
  const files = { 'eu.yaml': 'when: { region: $environment.region }\nrules: [{ action: read, subject: Doc }, { action: read, subject: Doc, inverted: true, conditions: { secret: true } }]\n', 'clerk.yaml': 'role: clerk\nrules: [{ action: read, subject: Note }]\n' }
  const abilities = new Abilities(compiled(files))
  t.equal(abilities.of({ region: 'eu' }, [], { environment: { region: 'eu' } }).allows('read', 'Doc', { secret: false }), true)
  t.equal(abilities.of({ region: 'eu' }, [], { environment: { region: 'us' } }).allows('read', 'Doc', { secret: false }), false)
  t.equal(abilities.of({ region: 'eu' }, []).allows('read', 'Doc', { secret: false }), false, 'law 11')
})

const SUBJECTS = 'user: { attributes: { id: string, age: integer, home: address } }\nenvironment: { attributes: { region: { type: string, enum: [eu, us] }, risk: integer, tags: array } }\n'

/** The problems of this condition on the environment; `at` stands for the place where its text begins. */
function problems (condition: string, subjects = SUBJECTS): string[] {
  const found = problemsOf(() => compiled({ ...clerk(`- action: read\n  subject: Doc\n  environment: ${condition}`), ...(subjects !== '' && { 'subjects.yaml': subjects }) }))
  return found.map((problem) => problem.replace(/^clerk\.yaml:5:(\d+) /, (_, column: string) => `+${Number(column) - 18} `))
}

t.test('what a rule asks of the environment is checked, and wrong words are told with their place', async (t) => {
  const cases: [string, string[]][] = [
    ['{ region: eu, risk: { $lt: 3 }, address: { $cidr: [10.0.0.0/8, "::1"] }, now: { $gte: "2026-01-01" } }', []],
    ['{ $or: [{ risk: { $lt: 3 } }, { $not: { region: us } }], address: { $not: { $cidr: 10.0.0.0/8 } } }', []],
    ['{ regoin: eu }', ['+2 unknown attribute "regoin" of the environment. Did you mean "region"?']],
    ['{ region: asia }', ['+10 "asia" is no value of "region" of the environment. Allowed: eu, us']],
    ['{ region: $environment.regoin }', ['+10 unknown attribute "regoin" of the environment. Did you mean "region"?']],
    ['{ region: $user.age }', ['+10 $user.age is integer, "region" of the environment is string: they are never equal']],
    ['{ address: $user.home }', []],
    ['{ adress: { $cidr: 10.0.0.0/8 } }', ['+2 unknown attribute "adress" of the environment. Did you mean "address"?']],
    ['{ address: { $cidr: 10.0.0.1/8 } }', ['+20 "$cidr" needs a network or a list of them, "10.0.0.0/8" or "2001:db8::/32" with no bits beyond its prefix, not "10.0.0.1/8"']],
    ['{ address: { $cidr: [] } }', ['+20 "$cidr" needs a network or a list of them, "10.0.0.0/8" or "2001:db8::/32" with no bits beyond its prefix, not []']],
    ['{ address: { $cidr: [10.0.0.0/8, 7] } }', ['+20 "$cidr" needs a network or a list of them, "10.0.0.0/8" or "2001:db8::/32" with no bits beyond its prefix, not ["10.0.0.0/8",7]']],
    ['{ address: { $cidr: 7 } }', ['+20 "$cidr" needs a network or a list of them, "10.0.0.0/8" or "2001:db8::/32" with no bits beyond its prefix, not 7']],
    ['{ region: { $cidr: 10.0.0.0/8 } }', ['+19 "$cidr" does not fit "region" of the environment, which is string. Allowed: $eq, $ne, $in, $nin, $exists, $lt, $lte, $gt, $gte']],
    ['{ now: { $cidr: 10.0.0.0/8 } }', ['+16 "$cidr" does not fit "now" of the environment, which is date. Allowed: $eq, $ne, $in, $nin, $exists, $lt, $lte, $gt, $gte, $between']],
    ['{ address: { $between: { from: "09:00", to: "10:00", zone: UTC } } }', ['+23 "$between" does not fit "address" of the environment, which is address. Allowed: $eq, $ne, $in, $nin, $exists, $cidr']],
    ['{ address: { $lt: "10.0.0.1" } }', ['+18 "$lt" does not fit "address" of the environment, which is address. Allowed: $eq, $ne, $in, $nin, $exists']],
    ['{ now: { $between: { from: "09:00", to: "10:00" } } }', ['+19 "zone" must be a time zone, "Europe/Berlin" or "UTC": "$between" needs { from: "09:00", to: "17:30", zone: "Europe/Berlin" } and, if not every day, days: [mon, tue]']],
    ['{ now: { $betwen: {} } }', ['+9 unknown operator "$betwen". Did you mean "$between"?']],
    ['{ $cidr: 10.0.0.0/8 }', ['+2 unknown operator "$cidr". Allowed: $and, $or, $nor, $not']],
    ['{ tags: { $all: [$user.age] } }', []],
    ['{ tags: { $all: [$environment.tags] } }', ['+16 "$all" needs single values in its list: $environment.tags is array']],
    ['{}', ['+0 "environment" is empty']],
    ['eu', ['+0 "environment" must be a map; it is a text']],
  ]
  for (const [condition, expected] of cases) t.strictSame(problems(condition), expected, condition)
})

t.test('with a declaration that says nothing of it, the environment is the time and the address', async (t) => {
  t.strictSame(problems('{ region: eu }', 'user: { attributes: { id: string } }\n'), ['+2 unknown attribute "region" of the environment. Allowed: now, address'])
  t.strictSame(problems('{ now: { $lt: "2026-01-01" }, address: "::1" }', 'user: { attributes: { id: string } }\n'), [])
  t.strictSame(problems('{ region: eu, anything: { $cidr: 10.0.0.0/8 } }', ''), [], 'without a declaration nothing can be said')
})

t.test('the declaration of the environment is checked too', async (t) => {
  const told = (text: string) => problemsOf(() => compiled({ 'subjects.yaml': text, ...clerk('- { action: read, subject: Doc }') }))
  t.strictSame(told('environment: { attributes: { now: date, region: strng } }\n'), ['subjects.yaml:1:49 "strng" is not a type. Did you mean "string"?'])
  t.strictSame(told('environment: { attributes: { now: date, address: string } }\n'), [
    'subjects.yaml:1:30 "now" is known by itself, as date',
    'subjects.yaml:1:41 "address" is known by itself, as address',
  ])
  t.strictSame(told('environment: { tenant: region }\n'), ['subjects.yaml:1:16 unknown key "tenant" in the environment. Allowed: attributes'])
  t.strictSame(told('environment: { attributes: { home: { type: address, enum: [10.0.0.1, 7] } } }\n'), ['subjects.yaml:1:70 "home" is address: 7 does not fit'])
})

t.test('networks and hours belong into the environment, not into conditions on records', async (t) => {
  t.strictSame(problemsOf(() => compiled(clerk('- { action: read, subject: Doc, conditions: { ip: { $cidr: 10.0.0.0/8 }, at: { $between: {} } } }'))), [
    'clerk.yaml:3:55 "$cidr" belongs into "environment", which is about the request\'s time and address',
    'clerk.yaml:3:82 "$between" belongs into "environment", which is about the request\'s time and address',
  ])
  t.strictSame(problemsOf(() => compiled(clerk('- { action: read, subject: Doc, conditions: { ip: { $cdir: 1 } } }'))).map((problem) => problem.includes('$cidr')), [false], 'they are not proposed there')
})
