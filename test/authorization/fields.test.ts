import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import { readable, whole, writtenFields } from '../../lib/authorization/fields.ts'
import { abilityOf } from './abilities.ts'

const post = { title: 'Sums', body: 'One and one', salary: 1, address: { city: 'London', street: 'Main' } }

t.test('where no rule is about fields, the record itself is readable', async (t) => {
  t.equal(readable(abilityOf([{ action: 'read', subject: 'Post' }]), 'Post', post), post)
  t.equal(readable(abilityOf([{ action: 'read', subject: 'Post', fields: '*' }]), 'Post', post), post, 'also where all of them are allowed')
})

t.test('a copy leaves out what may not be read, and stands for the whole record in later checks', async (t) => {
  const seen = readable(abilityOf([{ action: 'read', subject: 'Post', fields: ['title', 'body'] }]), 'Post', post)
  t.strictSame(seen, { title: 'Sums', body: 'One and one' })
  t.equal(whole(seen), post)
  t.equal(whole(post), post)
  t.equal(post.salary, 1, 'the record is left as it was')
})

t.test('which fields are readable depends on the record', async (t) => {
  const ability = abilityOf([{ action: 'read', subject: 'Post', fields: 'title' }, { action: 'read', subject: 'Post', fields: 'salary', conditions: { salary: { $lt: 5 } } }])
  t.strictSame(readable(ability, 'Post', { title: 'a', salary: 1 }), { title: 'a', salary: 1 })
  t.strictSame(readable(ability, 'Post', { title: 'a', salary: 9 }), { title: 'a' })
  t.strictSame(readable(abilityOf([{ action: 'read', subject: 'Post', fields: 'title', conditions: { a: 1 } }]), 'Post', { title: 'a', a: 2 }), {}, 'of a record that may not be read nothing is')
})

t.test('authz T11: a pattern is matched, not listed: an inverted one takes away what it covers', async (t) => {
  const ability = abilityOf([{ action: 'read', subject: 'User' }, { action: 'read', subject: 'User', fields: 'r*', inverted: true }])
  t.strictSame(readable(ability, 'User', { id: 1, role: 'admin', rank: 2, name: 'Ada' }), { id: 1, name: 'Ada' })
  const address = abilityOf([{ action: 'read', subject: 'Post', fields: ['title', 'address.*'] }])
  t.strictSame(readable(address, 'Post', post), { title: 'Sums', address: post.address })
})

t.test('authz T11: an inverted rule about a nested field takes it away', async (t) => {
  const ability = abilityOf([{ action: 'read', subject: 'Post' }, { action: 'read', subject: 'Post', fields: 'address.street', inverted: true }])
  const { address } = readable(ability, 'Post', post) as Partial<typeof post>
  t.notMatch(address, { street: 'Main' })
})

t.test('authz T10: an inverted rule about a nested field forbids to write it', async (t) => {
  const ability = abilityOf([{ action: 'update', subject: 'Post' }, { action: 'update', subject: 'Post', fields: 'address.street', inverted: true }])
  const written = writtenFields({ address: { street: 'Elsewhere' } }) as readonly string[]
  t.notOk(written.every((field) => ability.allows('update', 'Post', post, field)))
})

t.test('authz T10: a field without a name is a field, and not all of them', async (t) => {
  const ability = abilityOf([{ action: ['read', 'update'], subject: 'Post', fields: 'title' }])
  t.equal(ability.allows('update', 'Post', {}, ''), false)
  t.strictSame(readable(ability, 'Post', { '': 1, title: 2 }), { title: 2 })
})

t.test('a body writes its members; one that names none writes nothing', async (t) => {
  t.same(writtenFields({ title: 1, body: undefined }), ['title', 'body'])
  t.same(writtenFields(Object.assign(Object.create(null), { title: 1 })), ['title'])
  t.same(writtenFields([{ title: 1 }, { body: 2 }, { title: 3 }]), ['title', 'body'])
  for (const body of [undefined, null, [], {}]) t.same(writtenFields(body), [])
})

t.test('authz T10: what a body of another kind writes cannot be told', async (t) => {
  for (const body of ['title=x', 7, true, Buffer.from('x'), new Map([['title', 1]]), new (class Post { title = 1 })(), [{ title: 1 }, 'x'], [[{ title: 1 }]], [null]]) t.equal(writtenFields(body), null)
})

t.test('authz T10: no key of a JSON body escapes, whatever it is called', async (t) => {
  fc.assert(fc.property(fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', '')), fc.jsonValue()))), (value) => {
    const body = JSON.parse(JSON.stringify(value))
    const keys = [body].flat().flatMap((item) => Object.keys(item))
    assert.deepEqual(new Set(writtenFields(body)), new Set(keys))
  }))
  t.pass()
})

t.test('what may be read is a part of the record, and never another value', async (t) => {
  const ability = abilityOf([{ action: 'read', subject: 'Post', fields: ['a*', 'b'] }])
  fc.assert(fc.property(fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('a', 'b', 'ab', 'ba', 'a.b', '__proto__')), fc.anything()), (record) => {
    const seen = readable(ability, 'Post', record)
    for (const [key, value] of Object.entries(record)) {
      assert.equal(Object.hasOwn(seen, key), ability.allows('read', 'Post', record, key), key)
      if (Object.hasOwn(seen, key)) assert.equal(seen[key], value)
    }
    assert.equal(Object.getPrototypeOf(seen) === Object.getPrototypeOf(record) || Object.getPrototypeOf(seen) === Object.prototype, true)
  }))
  t.pass()
})
