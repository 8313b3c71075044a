/** Values that could never be meant: dates that do not exist, networks in place of addresses, templates of other languages. */
import t from 'tap'
import fc from 'fast-check'
import { instantOf, isNoInstant } from '../../lib/policies/instant.ts'
import { addressText, networksOf } from '../../lib/policies/networks.ts'
import { readTemplate } from '../../lib/policies/template.ts'
import { compiled, problemsOf, type Files } from './sources.ts'

const SUBJECTS = `user: { attributes: { id: string, org: string, roles: array } }
environment: { attributes: { region: string } }
subjects:
  Doc: { attributes: { at: date, code: string, ip: { type: address, enum: [10.0.0.1] }, by: string, level: integer, meta: object } }
`

/** What is told of a rule with these keys, without its place. */
function told (keys: string, files: Files = {}): string[] {
  return problemsOf(() => compiled({ 'a.yaml': `role: a\nrules:\n  - { action: read, subject: Doc, ${keys} }\n`, ...files })).map((line) => line.replace(/^\S+ /, ''))
}

const DECLARED: Files = { 'subjects.yaml': SUBJECTS }

const NO_DATES = ['2026-02-31', '2025-02-29', '1900-02-29', '2026-04-31', '2026-13-01', '2026-00-10', '2026-01-00', '2026-01-32', '2026-02-30T10:00:00Z', '2026-02-30T25:00:00Z', '2026-01-01T25:00Z', '2026-01-01T10:60Z', '2026-01-01T10:00:60Z', '2026-01-01T10:00:00+25:00']

t.test('law 11: a date that does not exist is none, and is not moved to another day', async (t) => {
  for (const text of NO_DATES) {
    t.ok(Number.isNaN(instantOf(text)), text)
    t.equal(isNoInstant(text), true, text)
    t.match(told(`conditions: { at: { $lte: "${text}" } }`, DECLARED), ['"at" of Doc is date: ' + JSON.stringify(text) + ' does not fit; write a date that exists, "2026-01-31", or with a time "2026-01-31T09:00:00Z"'])
    t.match(told(`conditions: { at: { $in: ["2026-01-01", "${text}"] } }`), [`${JSON.stringify(text)} is written like a date, and there is no such date; for a text declare the attribute as string`])
    t.match(told(`conditions: { meta.at: { $gt: "${text}" } }`, DECLARED), [/there is no such date/])
    t.strictSame(told(`conditions: { code: "${text}" }`, DECLARED), [], 'a text is a text')
    t.match(told('conditions: { at: { $exists: true } }', { ...DECLARED, 'a.test.yaml': `tests: [{ given: { Doc: { at: { $date: "${text}" } } }, expect: {} }]` }), [/is no date: write it as in "2026-01-01T00:00:00Z"/])
    t.match(told(`environment: { now: { $lte: "${text}" } }`), [/"now" of the environment is date: ".*" does not fit/])
  }
})

t.test('property: every day that exists is itself', async (t) => {
  fc.assert(fc.property(fc.date({ noInvalidDate: true, min: new Date('0000-01-01'), max: new Date('9999-12-31') }), (date) => {
    const text = date.toISOString()
    return instantOf(text) === date.getTime() && instantOf(text.slice(0, 10)) === Date.parse(text.slice(0, 10))
  }))
  fc.assert(fc.property(fc.nat(9999), fc.nat(99), fc.nat(99), (year, month, day) => {
    const text = [String(year).padStart(4, '0'), String(month).padStart(2, '0'), String(day).padStart(2, '0')].join('-')
    const time = instantOf(text)
    return Number.isNaN(time) || new Date(time).toISOString().startsWith(text)
  }))
  t.equal(instantOf('2024-02-29'), Date.UTC(2024, 1, 29))
  t.equal(instantOf('2026-01-31T23:30:00-01:00'), Date.UTC(2026, 1, 1, 0, 30), 'an offset may lead into another day')
  t.equal(isNoInstant('draft'), false)
})

t.test('a network is written with a prefix that is the same number to everyone', async (t) => {
  for (const text of ['10.0.0.0/08', '10.0.0.0/+8', '10.0.0.0/00', '2001:db8::/032', '10.0.0.0/']) {
    t.equal(networksOf([text]), null, text)
    t.match(told(`environment: { address: { $cidr: "${text}" } }`), [/^"\$cidr" needs a network or a list of them/])
  }
  for (const text of ['0.0.0.0/0', '10.0.0.0/8', '10.0.0.1/32', '2001:db8::/128']) t.not(networksOf([text]), null, text)
})

t.test('law 11: an address is compared with addresses, each written in the one way', async (t) => {
  const network = (text: string): string => `is one address, as "10.0.0.1" or "2001:db8::1", and never "${text}": "$cidr", or for all others "$not: { $cidr: … }", takes networks and addresses`
  const form = (text: string, meant: string): string => `is one address, as "10.0.0.1" or "2001:db8::1", and never "${text}": write "${meant}", or "$cidr", which knows all forms`
  for (const files of [{}, DECLARED]) {
    t.strictSame(told('environment: { address: { $ne: 10.0.0.0/8 } }', files), [`"address" of the environment ${network('10.0.0.0/8')}`])
    t.strictSame(told('environment: { address: { $nin: [10.0.0.1, "127.1"] } }', files), [`"address" of the environment ${network('127.1')}`])
    t.strictSame(told('environment: { address: "2001:DB8:0::1" }', files), [`"address" of the environment ${form('2001:DB8:0::1', '2001:db8::1')}`])
    t.strictSame(told('environment: { address: "fe80::1%eth0" }', files), [`"address" of the environment ${network('fe80::1%eth0')}`])
    t.strictSame(told('environment: { address: { $nin: [10.0.0.1, "2001:db8::1"] } }', files), [])
  }
  t.strictSame(told('conditions: { ip: 10.0.0.0/8 }', DECLARED), [`"ip" of Doc ${network('10.0.0.0/8')}`])
  t.strictSame(told('conditions: { ip: 10.0.0.2 }', DECLARED), ['"10.0.0.2" is no value of "ip" of Doc. Did you mean "10.0.0.1"?'])
  t.equal(addressText('::ffff:10.0.0.1'), '10.0.0.1')
  t.equal(addressText('localhost'), null)
})

t.test('law 11: the time and the address are known without a declaration, and so is a slip of them', async (t) => {
  const near = (name: string, meant: string): string => `unknown attribute "${name}" of the environment. Did you mean "${meant}"?`
  t.strictSame(told('environment: { adress: 10.0.0.1 }'), [near('adress', 'address')])
  t.strictSame(told('environment: { Address: 10.0.0.1, NOW: 1 }'), [near('Address', 'address'), near('NOW', 'now')])
  t.strictSame(told('conditions: { ip: $environment.addres }'), [near('addres', 'address')])
  t.strictSame(told('environment: { now: { $cidr: 10.0.0.0/8 } }').length, 1)
  t.strictSame(told('environment: { now: noon, address: 7 }').length, 2)
  t.strictSame(told('conditions: { at: { $in: $environment.now } }'), ['"$in" needs a list: $environment.now is date'])
  t.strictSame(told('environment: { region: eu, zone: { $ne: $environment.home }, risk: { $lt: 3 }, now: { $gt: "2026-01-01" } }'), [], 'what the application tells besides')
  t.strictSame(told('conditions: { at: { $lte: $environment.now } }', { 'subjects.yaml': 'subjects: { Doc: { attributes: { at: date } } }' }), [])
})

t.test('authz T3: templates of other languages are an error, and so is one without its "$"', async (t) => {
  for (const text of ['{{ me.id }}', 'by {{me.id}}', '<%= me.id %>', '%me.id%', '%USER%', '#{me.id}', '%{me_id}', 'x-$' + '{me.id}']) {
    t.equal(readTemplate(text).kind, 'wrong', text)
    t.match(told(`conditions: { by: "${text}" }`, DECLARED), [`${JSON.stringify(text)} is a template of another language: here a value of the user is "$user.id", and one of the environment "$environment.region"`])
    t.equal(told(`conditions: { by: { $in: ["${text}"] } }`).length, 1)
  }
  t.equal(readTemplate('$' + '{me.id}').kind, 'wrong')
  for (const text of ['100%', '50% to 60%', '% %', '{{', '}} {{', '{a}', '<% a', 'a %>', '#{', 'userid', '%%']) t.strictSame(readTemplate(text), { kind: 'text', text })
  t.strictSame(told('conditions: { by: user.id }', DECLARED), ['"user.id" is a text like any other. Did you mean "$user.id"?'])
  t.strictSame(told('conditions: { by: { $in: [x, environment.region] } }', DECLARED), ['"environment.region" is a text like any other. Did you mean "$environment.region"?'])
  t.strictSame(told('environment: { region: user.org }', DECLARED), ['"user.org" is a text like any other. Did you mean "$user.org"?'])
  t.strictSame(told('conditions: { by: user.name }', DECLARED), [], 'what is not declared may be a text')
  t.strictSame(told('conditions: { by: user.id }'), [])
})

t.test('facts: authorization T14: a text with many beginnings and no end takes no time', async (t) => {
  const began = performance.now()
  for (const begin of ['{{', '${', '#{', '<%', '%a']) readTemplate(`x${begin.repeat(100_000)}`)
  t.ok(performance.now() - began < 1_000)
})
