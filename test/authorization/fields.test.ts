import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import t from 'tap'
import fc from 'fast-check'
import { readable, whole, writtenFields, type FieldAbility } from '../../lib/authorization/fields.ts'
import { abilityOf } from './abilities.ts'
import { anyFieldRules, anyRecord, leavesOf, mayBy } from './leaves.ts'

const post = { title: 'Sums', body: 'One and one', salary: 1, address: { city: 'London', street: 'Main' } }

/** May read these fields of every record. */
function reader (...fields: readonly string[]): FieldAbility {
  return abilityOf([{ action: 'read', subject: 'Post', fields }])
}

/** May read all but these fields. */
function readerExcept (...fields: readonly string[]): FieldAbility {
  return abilityOf([{ action: 'read', subject: 'Post' }, { action: 'read', subject: 'Post', fields, inverted: true }])
}

t.test('where no rule is about fields, the record itself is readable', async (t) => {
  t.equal(readable(abilityOf([{ action: 'read', subject: 'Post' }]), 'Post', post), post)
  t.equal(readable(reader('*'), 'Post', post), post, 'also where all of them are allowed')
  const list = [post, post]
  t.equal(readable(abilityOf([{ action: 'read', subject: 'Post' }]), 'Post', list), list)
  t.equal(readable(reader('*'), 'Post', list), list)
})

t.test('a copy leaves out what may not be read, and stands for the whole record in later checks', async (t) => {
  const seen = readable(reader('title', 'body'), 'Post', post)
  t.strictSame(seen, { title: 'Sums', body: 'One and one' })
  t.equal(whole(seen), post)
  t.equal(whole(post), post)
  t.equal(post.salary, 1, 'the record is left as it was')
  t.strictSame(readable(reader('salary'), 'Post', seen), { salary: 1 }, 'who may read more is shown more of the same record')
})

t.test('which fields are readable depends on the record', async (t) => {
  const ability = abilityOf([{ action: 'read', subject: 'Post', fields: 'title' }, { action: 'read', subject: 'Post', fields: 'salary', conditions: { salary: { $lt: 5 } } }])
  t.strictSame(readable(ability, 'Post', { title: 'a', salary: 1 }), { title: 'a', salary: 1 })
  t.strictSame(readable(ability, 'Post', { title: 'a', salary: 9 }), { title: 'a' })
  t.strictSame(readable(abilityOf([{ action: 'read', subject: 'Post', fields: 'title', conditions: { a: 1 } }]), 'Post', { title: 'a', a: 2 }), {}, 'of a record that may not be read nothing is')
})

t.test('authz R10: what lies in a field is shown or left out by its own path, also in lists', async (t) => {
  const record = {
    title: 'Sums',
    address: { street: 'Main', city: { name: 'London', code: 'N1' } },
    comments: [{ text: 'a', author: { name: 'Ada', email: 'ada@example.org' } }, { text: 'b' }, { email: 'c' }],
    grid: [[{ x: 1, y: 2 }], [{ x: 3, y: 4 }]],
  }
  t.strictSame(readable(reader('title', 'address.city.name', 'comments.text', 'comments.author.name', 'grid.x'), 'Post', record), {
    title: 'Sums',
    address: { city: { name: 'London' } },
    comments: [{ text: 'a', author: { name: 'Ada' } }, { text: 'b' }],
    grid: [[{ x: 1 }], [{ x: 3 }]],
  }, 'what has nothing left is left out')
  const seen = readable(readerExcept('address.street', 'comments.author.email'), 'Post', record)
  t.strictSame(seen, {
    title: 'Sums',
    address: { city: { name: 'London', code: 'N1' } },
    comments: [{ text: 'a', author: { name: 'Ada' } }, { text: 'b' }, { email: 'c' }],
    grid: [[{ x: 1, y: 2 }], [{ x: 3, y: 4 }]],
  })
  t.equal(seen.grid, record.grid, 'what is shown as it is is not copied')
  t.equal(record.comments[0]?.author?.email, 'ada@example.org')
})

t.test('authz T11: a pattern is matched, not listed: an inverted one takes away what it covers', async (t) => {
  t.strictSame(readable(readerExcept('r*'), 'Post', { id: 1, role: 'admin', rank: 2, name: 'Ada' }), { id: 1, name: 'Ada' })
  t.strictSame(readable(reader('title', 'address.*'), 'Post', post), { title: 'Sums', address: post.address })
})

t.test('law 11: what could hold a forbidden part and cannot be looked into is left out', async (t) => {
  class Address { street = 'Main' }
  for (const address of [new Address(), new Map([['street', 'Main']]), 'Main, London', null, [], {}, { toJSON: () => ({ street: 'Main' }), city: 'London' }, Object.assign([{ city: 'London' }], { toJSON: () => ({ street: 'Main' }) })]) {
    t.strictSame(readable(readerExcept('address.street'), 'Post', { title: 'a', address }), { title: 'a' })
    t.strictSame(readable(reader('title', 'address.street'), 'Post', { title: 'a', address }), { title: 'a' })
  }
})

t.test('values that are no plain objects or lists are shown as they are or not at all', async (t) => {
  class Money { amount = 1 }
  const record = { at: new Date(0), bytes: Buffer.from('x'), money: new Money(), map: new Map(), file: Readable.from([]), big: 1n, none: undefined, secret: 1 }
  const seen = readable(readerExcept('secret'), 'Post', record)
  for (const [key, value] of Object.entries(seen)) t.equal(value, record[key as keyof typeof record], key)
  t.same(Object.keys(seen), ['at', 'bytes', 'money', 'map', 'file', 'big', 'none'])
})

t.test('authz R10: of a list each record is shown by what the rules say of it, and stands for its whole', async (t) => {
  const ability = abilityOf([{ action: 'read', subject: 'Post', fields: 'title' }, { action: 'read', subject: 'Post', fields: 'salary', conditions: { own: true } }])
  const posts = [{ title: 'a', salary: 1, own: true }, { title: 'b', salary: 2, own: false }]
  const seen = readable(ability, 'Post', posts)
  t.strictSame(seen, [{ title: 'a', salary: 1 }, { title: 'b' }] as unknown)
  t.equal(whole(seen), posts)
  t.same(seen.map(whole), posts)
  t.strictSame(readable(ability, 'Post', [...seen]), seen, 'a list of copies is read as the list of their wholes')
  t.strictSame(readable(ability, 'Post', [[posts[0]], 'text', null, 7] as unknown as object), [[{ title: 'a', salary: 1 }], 'text', null, 7] as unknown)
})

t.test('text, bytes, streams and responses stay as they are', async (t) => {
  for (const payload of ['text', 7, null, undefined, Readable.from(['x']), new ReadableStream(), new Response('x'), new Blob(['x']), Buffer.from('x'), new Uint8Array(2), new ArrayBuffer(2), new Date(0)]) {
    t.equal(readable(reader('title'), 'Post', payload as object), payload)
  }
})

t.test('a record of a class comes back plain, and as it would be serialized', async (t) => {
  class Row {
    title = 'a'
    get salary () { return 9 }
  }
  const seen = readable(readerExcept('salary'), 'Post', new Row())
  t.equal((seen as { salary?: number }).salary, undefined, 'a serializer with a schema would have read the getter')
  t.strictSame(seen, { title: 'a' } as unknown)
  t.equal(whole(seen) instanceof Row, true)

  class Model {
    _doc = { title: 'a', salary: 9 }
    get salary () { return this._doc.salary }
    toJSON () { return { ...this._doc } }
  }
  t.strictSame(readable(readerExcept('salary'), 'Post', new Model()), { title: 'a' } as unknown)
  t.strictSame(readable(readerExcept('nothing'), 'Post', new Model()), { title: 'a', salary: 9 } as unknown)
  const onModels = abilityOf([{ action: 'read', subject: 'Post', fields: 'title', conditions: { salary: 9 } }])
  t.strictSame(readable(onModels, 'Post', new Model()), { title: 'a' } as unknown, 'the rules are asked about the record, not about its form')
})

t.test('nothing that a record brings along shows what the rules leave out', async (t) => {
  const form = readable(readerExcept('salary'), 'Post', { title: 'a', toJSON () { return { title: 'a', salary: 1, toJSON: () => ({ salary: 1 }) } } })
  t.equal(JSON.stringify(form), '{"title":"a"}')
  t.equal(JSON.stringify(readable(readerExcept('salary'), 'Post', Object.assign([post], { toJSON: () => [post] }))), JSON.stringify([{ title: post.title, body: post.body, address: post.address }]))
  let reads = 0
  const shifting = readable(readerExcept('a.b'), 'Post', { get a () { return reads++ === 0 ? { c: 1 } : { b: 2 } } })
  t.equal(JSON.stringify(shifting), '{"a":{"c":1}}', 'a getter is asked once')
  const proto = readable(readerExcept('a'), 'Post', JSON.parse('{"a":1,"__proto__":{"b":2}}') as object)
  t.equal(Object.getPrototypeOf(proto), Object.prototype)
  t.equal(JSON.stringify(proto), '{"__proto__":{"b":2}}')
  t.strictSame(readable(readerExcept('address.street'), 'Post', { 'address.street': 'Main', 'address.city': 'London' }), { 'address.city': 'London' }, 'a name with a dot is the path that it looks like')
  const bare = Object.assign(Object.create(null) as object, { a: 1, b: 2 })
  t.equal(Object.getPrototypeOf(readable(reader('a'), 'Post', bare)), null)
  t.equal(Object.hasOwn(readable(readerExcept('a'), 'Post', { a: 1, [Symbol('a')]: 1, act () {} }), 'act'), false, 'a function is no data')
})

t.test('what contains itself is shown once, and what is nested without end not to its end', async (t) => {
  const node: Record<string, unknown> = { name: 'a', secret: 1 }
  node.self = node
  node.list = [node, { name: 'b', node }]
  t.strictSame(readable(readerExcept('secret'), 'Post', node), { name: 'a', list: [{ name: 'b' }] } as unknown)
  const list: unknown[] = [post]
  list.push(list, list)
  t.strictSame(readable(reader('title'), 'Post', list), [{ title: 'Sums' }, [], []])
  const endless = { get deeper () { return endless } }
  const fresh = { get deeper () { return Object.defineProperty({}, 'deeper', { enumerable: true, get: () => fresh.deeper }) } }
  t.strictSame(readable(readerExcept('secret'), 'Post', endless), {} as unknown)
  t.strictSame(readable(readerExcept('secret'), 'Post', fresh), {} as unknown)
})

t.test('authz R10: where a field is masked, the mask is shown in its place', async (t) => {
  const record = { title: 'a', card: { number: '4111111111111111', holder: 'Ada' }, people: [{ email: 'ada@example.org', id: 1 }, { email: 'bob@example.org', id: 2 }], tags: ['x', 'y'] }
  const masks = {
    'card.number': (number: string) => `…${number.slice(-4)}`,
    'people.email': () => '***',
    tags: (tags: readonly string[]) => tags.length,
    title: () => 'never asked, since it may be read',
  }
  const seen = readable(reader('title', 'people.id'), 'Post', record, masks)
  t.strictSame(seen, { title: 'a', card: { number: '…1111' }, people: [{ email: '***', id: 1 }, { email: '***', id: 2 }], tags: 2 } as unknown)
  t.equal(whole(seen), record)
  t.strictSame(readable(reader('title', 'card.holder'), 'Post', record, { card: () => 'a card' }), { title: 'a', card: { holder: 'Ada' } } as unknown, 'a mask of what may be read in part is not needed')
  t.strictSame(readable(reader('title'), 'Post', record, { card: () => 'a card' }), { title: 'a', card: 'a card' } as unknown)
})

t.test('a mask that fails leaves the field out, and of a record that may not be read no mask is shown', async (t) => {
  const fail = () => { throw new Error('4111') }
  const reject = () => Promise.reject(new Error('4111'))
  t.strictSame(readable(reader('title'), 'Post', post, { salary: fail, body: reject }), { title: 'Sums' } as unknown)
  const own = abilityOf([{ action: 'read', subject: 'Post', fields: 'title', conditions: { own: true } }])
  t.strictSame(readable(own, 'Post', { title: 'a', own: false }, { title: () => '***', toString: () => '***' }), {} as unknown)
  t.strictSame(readable(reader('title'), 'Post', { title: 'a', toString: 1, constructor: 2 }), { title: 'a' } as unknown, 'the members of Object are no masks')
})

t.test('authz R10, law 7: whatever a record and the rules are, exactly the values that may be read are shown, and the record stays', async (t) => {
  let shown = 0
  let hidden = 0
  fc.assert(fc.property(anyRecord, anyFieldRules, (record, rules) => {
    const may = mayBy(rules)
    const before = structuredClone(record)
    const seen = readable({ limitsFields: () => true, allows: (_action, _type, _record, field) => field === undefined || may(field) }, 'Post', record)
    const expected = leavesOf(record).filter(([path]) => may(path))
    assert.deepEqual(Object.keys(seen).length === 0 ? [] : leavesOf(seen), Object.keys(record).length === 0 ? [] : expected)
    assert.deepEqual(record, before)
    assert.equal(Object.getPrototypeOf(seen), Object.prototype)
    shown += expected.length
    hidden += leavesOf(record).length - expected.length
  }), { numRuns: 2_000 })
  t.ok(shown > 300 && hidden > 300, `${shown} shown and ${hidden} hidden`)
})

t.test('what is shown of any value whatever is a part of it', async (t) => {
  const ability = reader('a*', 'b')
  fc.assert(fc.property(fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('a', 'b', 'ab', 'ba', 'a.b', '__proto__', '')), fc.anything()), (record) => {
    const seen = readable(ability, 'Post', record)
    for (const [key, value] of Object.entries(record)) {
      const may = ability.allows('read', 'Post', record, key)
      if (!may) assert.equal(Object.hasOwn(seen, key), false, key)
      else if (typeof value !== 'object' || value === null) assert.equal(seen[key], value)
    }
    assert.ok(Object.keys(seen).every((key) => Object.hasOwn(record, key)))
  }))
  t.pass()
})

t.test('authz T10: an inverted rule about a nested field forbids to write it, and what it lies in', async (t) => {
  const ability = abilityOf([{ action: 'update', subject: 'Post' }, { action: 'update', subject: 'Post', fields: 'address.street', inverted: true }])
  for (const body of [{ address: { street: 'Elsewhere' } }, { address: { street: { name: 'Elsewhere' } } }, { address: null }, { address: {} }, { address: 'Elsewhere' }, { address: [{ street: 1 }] }, { 'address.street': 1 }]) {
    const written = writtenFields(body) as readonly string[]
    t.notOk(written.every((field) => ability.allows('update', 'Post', post, field)), JSON.stringify(body))
  }
  t.ok(writtenFields({ title: 'b', address: { city: 'Rome' } })?.every((field) => ability.allows('update', 'Post', post, field)))
})

t.test('authz T10: a field without a name is a field, and not all of them', async (t) => {
  const ability = abilityOf([{ action: ['read', 'update'], subject: 'Post', fields: 'title' }])
  t.equal(ability.allows('update', 'Post', {}, ''), false)
  t.strictSame(readable(ability, 'Post', { '': 1, title: 2 }), { title: 2 })
  t.same(writtenFields({ '': 1 }), [''])
})

t.test('a body writes its values at their paths; one that names none writes nothing', async (t) => {
  t.same(writtenFields({ title: 1, body: undefined }), ['title', 'body'])
  t.same(writtenFields({ address: { street: 'x', geo: { lat: 1 } }, comments: [{ text: 'a' }, { text: 'b', tags: ['x', 'y'] }], grid: [[1], [{ x: 2 }]] }),
    ['address.street', 'address.geo.lat', 'comments.text', 'comments.tags', 'grid', 'grid.x'])
  t.same(writtenFields({ a: null, b: {}, c: [], d: new Date(0), e: [{}], f: new Map([['x', 1]]) }), ['a', 'b', 'c', 'd', 'e', 'f'])
  t.same(writtenFields(Object.assign(Object.create(null), { title: 1 })), ['title'])
  t.same(writtenFields([{ title: 1 }, { body: { a: 2 } }, { title: 3 }]), ['title', 'body.a'])
  for (const body of [undefined, null, [], {}, [{}]]) t.same(writtenFields(body), [])
})

t.test('authz T10: what a body of another kind writes cannot be told', async (t) => {
  for (const body of ['title=x', 7, true, Buffer.from('x'), new Map([['title', 1]]), new (class Post { title = 1 })(), [{ title: 1 }, 'x'], [[{ title: 1 }]], [null], { toJSON: () => 1 }]) t.equal(writtenFields(body), null)
})

t.test('authz T10: names that mean something in JavaScript are fields like any other', async (t) => {
  t.same(writtenFields(JSON.parse('{"__proto__":{"admin":true},"constructor":{"prototype":{"x":1}},"toString":1}')), ['__proto__.admin', 'constructor.prototype.x', 'toString'])
  t.equal(({} as { admin?: boolean }).admin, undefined)
})

t.test('authz T10: of a body without measure nobody tells what it writes', async (t) => {
  const deep = JSON.parse(`${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`)
  const lists = JSON.parse(`{"a":${'['.repeat(5_000)}${']'.repeat(5_000)}}`)
  const wide = Object.fromEntries(Array.from({ length: 1_001 }, (_, index) => [`field${index}`, 1]))
  const long = { ['x'.repeat(600)]: { ['y'.repeat(600)]: 1 } }
  const around: Record<string, unknown> = {}
  around.a = around.b = around
  // As a parser of YAML makes it from a few lines: each list holds the one before twice.
  let laughs: unknown = [1]
  for (let level = 0; level < 40; level++) laughs = [laughs, laughs]
  for (const body of [deep, lists, wide, long, around, { laughs }]) t.equal(writtenFields(body), null)
  t.equal(writtenFields(Object.fromEntries(Object.entries(wide).slice(1)))?.length, 1_000)
  t.equal(writtenFields(Array.from({ length: 5_000 }, () => ({ a: 1, b: { c: 2 } })))?.length, 2, 'many records have few fields')
})

t.test('authz T10: no value of a JSON body escapes, whatever it is called', async (t) => {
  fc.assert(fc.property(fc.oneof(anyRecord, fc.array(anyRecord, { maxLength: 3 })), (body) => {
    const expected = [body].flat().flatMap((record) => Object.keys(record).length === 0 ? [] : leavesOf(record)).map(([path]) => path)
    assert.deepEqual(new Set(writtenFields(body)), new Set(expected))
  }), { numRuns: 1_000 })
  t.pass()
})
