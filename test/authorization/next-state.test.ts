import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import { changed, overwrittenFields, replaced } from '../../lib/authorization/next-state.ts'
import { writtenFields } from '../../lib/authorization/fields.ts'
import { anyFieldRules, anyRecord, leavesOf, mayBy } from './leaves.ts'

const post = Object.freeze({
  title: 'Sums',
  status: 'draft',
  address: Object.freeze({ street: 'Main', city: 'London' }),
  comments: Object.freeze([{ text: 'a', author: 'ada' }]),
})

const everything = () => true

t.test('a PATCH merges the body into the record, and a list takes the place of a list', async (t) => {
  t.strictSame(changed(post, { status: 'published', address: { street: 'Elm', geo: { lat: 1 } }, comments: [{ text: 'b' }] }), {
    title: 'Sums',
    status: 'published',
    address: { street: 'Elm', city: 'London', geo: { lat: 1 } },
    comments: [{ text: 'b' }],
  })
  t.strictSame(changed(post, {}), { ...post })
  t.strictSame(changed(post, { address: {} }), { ...post }, 'RFC 7396: an object without members changes nothing')
  t.strictSame(changed(post, { address: 'Main' }), { ...post, address: 'Main' })
  t.strictSame(changed(post, { title: { long: 'x' } }), { ...post, title: { long: 'x' } })
})

t.test('a PATCH with null sets null', async (t) => {
  t.strictSame(changed(post, { status: null, address: { street: null } }), { ...post, status: null, address: { street: null, city: 'London' } })
})

t.test('a PUT leaves only what the body says, where all may be written', async (t) => {
  t.strictSame(replaced(post, { title: 'b', address: { city: 'Rome' } }, everything), { title: 'b', address: { city: 'Rome' } })
  t.strictSame(replaced(post, {}, everything), {})
})

t.test('a PUT that leaves out a field that the user may not write keeps its value, at any depth', async (t) => {
  const may = (...inverted: string[]) => mayBy({ allowing: ['**'], inverted })
  t.strictSame(replaced(post, { title: 'b' }, may('status', 'address.street')), { title: 'b', status: 'draft', address: { street: 'Main' } })
  t.strictSame(replaced(post, { address: { city: 'Rome' } }, may('address.street')), { address: { city: 'Rome', street: 'Main' } })
  t.strictSame(replaced(post, {}, may('comments.author')), { comments: post.comments }, 'a list goes as a whole or not at all')
  t.strictSame(replaced(post, {}, mayBy({ allowing: ['comments.*', 'address.*'], inverted: [] })), { title: 'Sums', status: 'draft' })
  const deep = { comments: [{ a: { b: 1 } }], title: 'a' }
  t.strictSame(replaced(deep, {}, mayBy({ allowing: ['comments.*', 'title'], inverted: [] })), { comments: deep.comments }, 'what its members hold counts')
  t.equal((replaced(post, {}, () => false) as typeof post).address, post.address)
})

t.test('a PUT keeps what clients are never shown, though they may write it', async (t) => {
  const represented = new Set(['title', 'address.city', 'comments.text'])
  t.strictSame(replaced(post, { title: 'b' }, everything, represented), { title: 'b', status: 'draft', address: { street: 'Main' }, comments: post.comments })
  t.strictSame(replaced(post, { title: 'b' }, everything, new Set(['address', 'comments'])), { title: 'b', status: 'draft' })
  t.strictSame(replaced(post, { status: 'open' }, everything, new Set()), { ...post, status: 'open' })
})

t.test('without a body nothing changes', async (t) => {
  for (const body of [undefined, null]) {
    t.equal(changed(post, body), post)
    t.equal(replaced(post, body, everything), post)
  }
})

t.test('law 11: of a body of another kind the next state cannot be told', async (t) => {
  const patch = [{ op: 'replace', path: '/status', value: 'published' }]
  for (const body of ['x', 7, patch, Buffer.from('x'), new Date(0), new (class Post { title = 1 })(), { 'address.street': 'Elm' }, { address: { 'geo.lat': 1 } }]) {
    t.equal(changed(post, body), null)
    t.equal(replaced(post, body, everything), null)
  }
  t.strictSame(changed({ 'a.b': 1 }, { 'a.b': 2 }), { 'a.b': 2 }, 'a column may be called so')
  const deep = () => JSON.parse(`${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`) as object
  t.equal(changed(deep(), deep()), null)
  for (const record of [{}, { a: null }, { a: 'x' }, { a: [1] }, { a: {} }, { a: { x: { y: 2 } } }]) {
    for (const body of [{ a: { 'x.y': 1 } }, { a: { b: { 'x.y': 1 } } }]) {
      t.equal(changed(record, body), null, 'whether the record has the object or not')
      t.equal(replaced(record, body, everything), null)
    }
  }
  t.strictSame(changed({}, { a: [{ 'x.y': 1 }] }), { a: [{ 'x.y': 1 }] }, 'a list is replaced as a whole')
  t.strictSame(changed({ a: { 'x.y': 1 } }, { a: { 'x.y': 2 } }), { a: { 'x.y': 2 } })
})

t.test('names that mean something in JavaScript are fields like any other', async (t) => {
  const body = JSON.parse('{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}},"toString":1}') as object
  for (const next of [changed({ title: 'a' }, body), replaced({ title: 'a' }, body, everything)] as ReadonlyArray<Record<string, unknown>>) {
    t.equal(Object.getPrototypeOf(next), Object.prototype)
    t.equal(next.admin, undefined)
    t.strictSame(Object.getOwnPropertyDescriptor(next, '__proto__')?.value, { admin: true })
    t.same(Object.keys(next).filter((key) => key !== 'title'), ['__proto__', 'constructor', 'toString'])
  }
  t.equal(({} as { admin?: boolean }).admin, undefined)
  t.same(overwrittenFields({}, body), [])
})

t.test('an instance of a class stays one, in the record and as the record', async (t) => {
  class Article {
    status = 'draft'
    at = new Date(0)
    words = new Map([['a', 1]])
    get open () { return this.status === 'published' }
  }
  const article = Object.freeze(new Article())
  for (const next of [changed(article, { status: 'published' }), replaced(article, { status: 'published' }, (field) => field === 'status')] as readonly Article[]) {
    t.equal(next instanceof Article, true)
    t.equal(next.open, true)
    t.equal(next.at, article.at)
    t.equal(next.words, article.words)
  }
  t.equal((changed(article, { at: { year: 1 } }) as { at: unknown }).at instanceof Date, false, 'what the body names is replaced')
  const counting = Object.freeze({ get now () { return 'now' }, title: 'a' })
  t.strictSame(changed(counting, { now: 'then' }), { now: 'then', title: 'a' })
  t.equal((changed(counting, { title: 'b' }) as typeof counting).now, 'now')
})

t.test('what contains itself, or has no end, stays', async (t) => {
  const node: Record<string, unknown> = { name: 'a' }
  node.self = node
  node.list = [node]
  t.equal((replaced(node, {}, everything) as typeof node).self, node)
  t.equal((replaced(node, {}, everything) as typeof node).list, node.list)
  t.strictSame(replaced(node, { self: { name: 'b' }, list: [] }, everything), { self: { name: 'b' }, list: [] })
  const deep = JSON.parse(`${'{"a":'.repeat(1_000)}1${'}'.repeat(1_000)}`) as object
  t.equal(JSON.stringify(replaced(deep, {}, everything)), JSON.stringify(deep))
})

t.test('authz T10: what a body replaces as a whole is told, though the body names only parts of it', async (t) => {
  class Address { street = 'Main' }
  t.same(overwrittenFields(post, { comments: [{ text: 'b' }], address: { street: 'Elm' }, title: 'x' }), ['comments'], "one's own text would remove everybody's authors")
  t.same(overwrittenFields(post, { comments: { text: 'b' }, title: { long: 'x' }, address: [{ street: 'Elm' }] }), ['comments', 'title', 'address'])
  t.same(overwrittenFields({ a: { b: new Address(), c: [1], d: { e: 1 } } }, { a: { b: { street: 'Elm' }, c: [{ x: 1 }], d: { e: 2 } } }), ['a.b', 'a.c'])
  t.same(overwrittenFields({ a: null, c: [], d: {}, e: undefined }, { a: { x: 1 }, b: [{ x: 1 }], c: [{ x: 1 }], d: [1], e: { x: 1 } }), [], 'where nothing was, nothing is replaced')
  t.same(overwrittenFields(post, { comments: [], address: {}, title: null }), [], 'an empty one is written at its own path anyway')
  for (const body of [undefined, null, [{ comments: [{ text: 1 }] }], 'x']) t.same(overwrittenFields(post, body), [])
})

type Paths = ReadonlyMap<string, string>

/** The values at each path, lists of them as they come. */
function valuesOf (record: object): Paths {
  const values = new Map<string, string>()
  for (const [path, value] of Object.keys(record).length === 0 ? [] : leavesOf(record)) values.set(path, `${values.get(path) ?? ''}${JSON.stringify(value)};`)
  return values
}

function differing (before: Paths, after: Paths): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter((path) => before.get(path) !== after.get(path))
}

/** Whether the path, what it lies in, or what lies in it is among them. */
function touches (written: readonly string[], path: string): boolean {
  return written.some((field) => field === path || path.startsWith(`${field}.`) || field.startsWith(`${path}.`))
}

t.test('law 11: whatever a PATCH changes is among the fields that it writes or replaces', async (t) => {
  let changes = 0
  fc.assert(fc.property(anyRecord, anyRecord, (record, body) => {
    const before = structuredClone(record)
    const given = structuredClone(body)
    const next = changed(record, body) as object
    const written = [...writtenFields(body) as readonly string[], ...overwrittenFields(record, body)]
    for (const path of differing(valuesOf(record), valuesOf(next))) {
      changes++
      assert.ok(written.some((field) => field === path || path.startsWith(`${field}.`)) || isEmptyAt(record, path), `${path} is not among ${written.join(', ')}`)
    }
    assert.deepEqual([record, body], [before, given], 'neither is touched')
    assert.equal(Object.getPrototypeOf(next), Object.prototype)
  }), { numRuns: 2_000 })
  t.ok(changes > 500, `${changes} changes`)
})

/** A field whose value was none, and now has members. */
function isEmptyAt (record: object, path: string): boolean {
  return leavesOf(record).some(([leaf, value]) => leaf === path && (value === null || (typeof value === 'object' && Object.keys(value).length === 0)))
}

t.test('law 11: whatever a PUT changes is among the fields that it writes or replaces, or was left out and may be written', async (t) => {
  let removed = 0
  let kept = 0
  fc.assert(fc.property(anyRecord, anyRecord, anyFieldRules, (record, body, rules) => {
    const may = mayBy(rules)
    const before = structuredClone(record)
    const next = replaced(record, body, may) as object
    const written = [...writtenFields(body) as readonly string[], ...overwrittenFields(record, body)]
    const values = valuesOf(record)
    const after = valuesOf(next)
    for (const path of differing(values, after)) {
      if (touches(written, path)) continue
      assert.equal(after.get(path), undefined, `${path} was not named`)
      assert.ok(may(path), `${path} may not be written`)
      removed++
    }
    for (const path of values.keys()) {
      if (may(path) || touches(written, path)) continue
      assert.equal(after.get(path), values.get(path), `${path} may not be written`)
      kept++
    }
    for (const [path, value] of valuesOf(body)) assert.ok(after.has(path) || value === '{};', path)
    assert.deepEqual(record, before)
    assert.equal(Object.getPrototypeOf(next), Object.prototype)
  }), { numRuns: 2_000 })
  t.ok(removed > 300, `${removed} removed`)
  t.ok(kept > 300, `${kept} kept`)
})

t.test('a PUT of the whole representation by someone who may write nothing else is a PUT of that', async (t) => {
  fc.assert(fc.property(anyRecord, (record) => {
    assert.deepEqual(changed(record, structuredClone(record)), record)
    assert.deepEqual(replaced(record, structuredClone(record), () => false), record)
    assert.deepEqual(replaced(record, {}, () => false), record)
    assert.deepEqual(replaced(record, {}, () => true), {})
  }))
  t.pass()
})
