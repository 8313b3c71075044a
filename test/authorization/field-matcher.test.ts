import assert from 'node:assert/strict'
import { fieldPatternMatcher } from '@casl/ability'
import t from 'tap'
import fc from 'fast-check'
import { fieldMatcher, fieldsOf, matchFields } from '../../lib/authorization/field-matcher.ts'
import type { Rule } from '../../lib/policies/policy.ts'
import { abilityOf } from './abilities.ts'

const piece = fc.constantFrom('a', 'b', '.', '*', '**', '$', '(', '\\', '-')
/** As policies may hold them: no part of a path is empty. */
const anyPattern = fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join('')).filter((text) => !/^\.|\.\.|\.$/.test(text))
const anyName = fc.array(fc.constantFrom('a', 'b', '.', 'ab', '$', '(', '\\', '-'), { maxLength: 7 }).map((pieces) => pieces.join(''))

function casl (pattern: string, field: string): boolean {
  return fieldPatternMatcher([pattern])(field)
}

function ancestorsOf (field: string): string[] {
  const parts = field.split('.')
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('.'))
}

t.test('a field is covered where it is named, where what it is in is named, and as CASL says', async (t) => {
  const cases: ReadonlyArray<[pattern: string, covered: readonly string[], not: readonly string[]]> = [
    ['address', ['address', 'address.street', 'address.geo.lat'], ['addresses', 'addres', 'home.address']],
    ['address.street', ['address.street', 'address.street.number'], ['address', 'address.city', 'address.streets']],
    ['address.*', ['address', 'address.street'], ['address.geo.lat', 'addressed']],
    ['address.**', ['address', 'address.street', 'address.geo.lat'], ['addressed']],
    ['*_at', ['created_at', 'created_at.zone'], ['meta.created_at', '_at', 'created_att']],
    ['*', ['title', 'address.street'], []],
    ['comments.*.text', ['comments.first.text'], ['comments.text', 'comments..text', 'comments.a.b.text', 'comments', 'comments.first.text.raw']],
  ]
  for (const [pattern, covered, not] of cases) {
    const covers = fieldMatcher(false, [pattern])
    for (const field of covered) t.equal(covers(field), true, `${pattern} covers ${field}`)
    for (const field of not) t.equal(covers(field), false, `${pattern} does not cover ${field}`)
  }
})

t.test('law 11: an inverted rule covers also what lies in a field, and a field that could hold what it forbids', async (t) => {
  const cases: ReadonlyArray<[pattern: string, covered: readonly string[], not: readonly string[]]> = [
    ['address', ['address', 'address.street'], ['addresses']],
    ['a.b.c', ['a', 'a.b', 'a.b.c', 'a.b.c.d'], ['a.c', 'a.b.d', 'b', 'b.c', 'c']],
    ['address.*', ['address', 'address.street', 'address.geo.lat'], ['title']],
    ['*_at', ['created_at', 'created_at.zone'], ['title', 'meta', 'meta.created_at']],
    ['a.*.c', ['a', 'a.b', 'a.b.c', 'a.b.c.d'], ['b', 'a.b.d', 'a.b.b.c']],
    ['*.secret', ['author', 'author.secret', 'author.secret.key'], ['author.name', 'author.name.secret']],
    ['r*', ['role', 'role.name'], ['title', 'a.role']],
  ]
  for (const [pattern, covered, not] of cases) {
    const covers = fieldMatcher(true, [pattern])
    for (const field of covered) t.equal(covers(field), true, `${pattern} covers ${field}`)
    for (const field of not) t.equal(covers(field), false, `${pattern} does not cover ${field}`)
  }
})

t.test("law 11: the end of a line does not end what an inverted pattern covers, as it does with CASL's", async (t) => {
  for (const end of ['\n', '\r', '\u2028', '\u2029']) {
    t.equal(casl('secret.**', `secret.a${end}b`), false)
    t.equal(fieldMatcher(true, ['secret.**'])(`secret.a${end}b`), true)
    t.equal(fieldMatcher(true, ['**_key'])(`a${end}_key`), true)
    t.equal(fieldMatcher(false, ['title'])(`title${end}`), false)
  }
})

t.test("an allowing rule's patterns are CASL's, with those above a field where they name whole fields", async (t) => {
  let matches = 0
  fc.assert(fc.property(fc.array(anyPattern, { minLength: 1, maxLength: 3 }), anyName, (patterns, field) => {
    const expected = patterns.some((pattern) => casl(pattern, field) ||
      ((!pattern.includes('*') || !pattern.includes('.')) && ancestorsOf(field).some((above) => casl(pattern, above))))
    assert.equal(fieldMatcher(false, patterns)(field), expected)
    assert.ok(expected || !fieldPatternMatcher(patterns)(field))
    if (expected) matches++
  }), { numRuns: 3_000 })
  t.ok(matches > 100, `${matches} matches`)
})

t.test('law 11: an inverted rule covers a field exactly where it covers something in, at or above it', async (t) => {
  const ends = ['', 'a', 'b', '.', '$', '(', '\\', '-']
  const below = ends.flatMap((one) => ends.flatMap((two) => ends.flatMap((three) => ends.map((four) => one + two + three + four))))
  const small = anyPattern.filter((pattern) => pattern.length <= 5)
  fc.assert(fc.property(small, anyName.filter((name) => name.length <= 4), (pattern, field) => {
    const expected = [field, ...ancestorsOf(field)].some((one) => casl(pattern, one)) || below.some((rest) => casl(pattern, `${field}.${rest}`))
    assert.equal(fieldMatcher(true, [pattern])(field), expected)
  }), { numRuns: 400 })
  t.pass()
})

t.test('law 11: an inverted rule covers all that an allowing one with the same fields does', async (t) => {
  fc.assert(fc.property(fc.array(anyPattern, { minLength: 1, maxLength: 3 }), anyName, (patterns, field) => {
    assert.ok(!fieldMatcher(false, patterns)(field) || fieldMatcher(true, patterns)(field))
  }))
  t.pass()
})

t.test('authz T14: no field that a client invents takes long to compare', async (t) => {
  // A regular expression takes minutes: each star tries every place.
  const patterns = ['*a*a*a*a*b', '**a**a**a**a**b', 'a*.a*.a*.a*.a*.b']
  for (const field of ['a'.repeat(20_000), 'a.'.repeat(10_000)]) {
    for (const inverted of [true, false]) {
      const start = performance.now()
      fieldMatcher(inverted, patterns)(field)
      t.ok(performance.now() - start < 20_000)
    }
  }
})

t.test('answers are remembered for a while, and are the same ever after', async (t) => {
  const covers = fieldMatcher(true, ['secret*'])
  for (let round = 0; round < 2; round++) {
    for (let index = 0; index < 1_200; index++) {
      assert.equal(covers(`secret${index}`), true)
      assert.equal(covers(`title${index}`), false)
    }
    t.equal(covers('secret'.repeat(100)), true)
  }
})

t.test('CASL asks by the list alone, which tells the rule', async (t) => {
  const rule = { inverted: true, fields: ['address.street'] } as unknown as Rule & { fields: readonly string[] }
  const allowing = { ...rule, inverted: false }
  t.equal(fieldsOf(rule), fieldsOf(rule))
  t.not(fieldsOf(rule), fieldsOf(allowing))
  t.equal(matchFields(fieldsOf(rule))('address'), true)
  t.equal(matchFields(fieldsOf(allowing))('address'), false)
  t.throws(() => matchFields(['address.street']), { name: 'TypeError', message: /fieldsOf/ }, 'of any other list nobody knows whether it forbids')
})

t.test('authz T10, T11: an ability asks so of its rules', async (t) => {
  const ability = abilityOf([
    { action: ['read', 'update'], subject: 'Post', fields: ['address', 'title', 'meta.*'] },
    { action: 'update', subject: 'Post', fields: 'address.street', inverted: true },
  ])
  const may = (action: string, field: string) => ability.allows(action, 'Post', {}, field)
  t.same(['address', 'address.street', 'address.street.number', 'address.city', 'meta.a', 'meta.a.b', 'id'].map((field) => may('read', field)), [true, true, true, true, true, false, false])
  t.same(['address', 'address.street', 'address.street.number', 'address.city', 'title'].map((field) => may('update', field)), [false, false, false, true, true])
})
