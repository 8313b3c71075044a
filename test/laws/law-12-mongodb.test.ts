/** Law 12 in MongoDB's query language: a check on one record and the filter for a list always agree. It was `mingo` that understood it, not a server. */
import t from 'tap'
import { Context } from 'mingo/core'
import * as operators from 'mingo/operators/query'
import { Query } from 'mingo/query'
import { resolve } from 'mingo/util'
import { mongodb } from '../../lib/authorization/filters/mongodb.ts'
import { agrees, documentsOf, LISTED, rowsOf } from './law-12-cases.ts'

const ATTRIBUTES = ['txt', 'num', 'int', 'yes', 'at', 'tags', 'ints', 'org', 'org.name', 'org.locked', 'doc', 'doc.a'] as const

/** mingo orders texts by UTF-16 and not by bytes, and knows no longs. */
const EXCEPT = ['\u{1f600}', '\ue000', '\uffff', 2n ** 53n + 1n]

/** mingo's own `$type` does not look into lists, and has no type for NaN. The manual: "For documents where field is an array, $type returns documents in which at least one array element matches". */
const { default: _all, ...query } = operators as typeof operators & { readonly default?: unknown }
const context = Context.init({
  query: {
    ...query,
    $type: (selector: string, wanted: string | readonly string[]) => (document: object) => {
      const value: unknown = resolve(document as never, selector, { unwrapArray: false } as never)
      const types = [...typesOf(value), ...(Array.isArray(value) ? value.flatMap(typesOf) : [])]
      return [wanted].flat().some((type) => types.includes(type as string))
    },
  } as never,
})

/** As a driver stores values: a whole number of 32 bits is an int, every other number a double. */
function typesOf (value: unknown): string[] {
  switch (typeof value) {
    case 'string': return ['string']
    case 'boolean': return ['bool']
    case 'number': return Object.is(value, value | 0) ? ['int'] : ['double']
    case 'undefined': return []
    default: return [value === null ? 'null' : Array.isArray(value) ? 'array' : value instanceof Date ? 'date' : 'object']
  }
}

const found = (records: readonly object[]) => (filter: object) => {
  const query = new Query(filter as never, { context } as never)
  return new Set([...records.keys()].filter((index) => query.test(records[index] as never)))
}

t.test('mingo finds what the manual of MongoDB says, where a filter must beware of it', async (t) => {
  const finds = (query: object, value: unknown): boolean => found([{ a: value }])(query).size === 1
  t.equal(finds({ a: 'x' }, ['x']), true, 'a value is looked for in a list too')
  t.equal(finds({ a: { $type: 'string' } }, ['x']), true)
  t.equal(finds({ a: { $type: 'array' } }, ['x']), true)
  t.equal(finds({ a: { $ne: null } }, [null]), false)
  t.equal(finds({ a: { $type: 'double' } }, NaN), true)
  t.equal(finds({ a: { $nin: [1] } }, NaN), true)
  t.equal(finds({ a: { $ne: 1 } }, undefined), true, 'what is missing is different')
  t.equal(finds({ 'a.b': 1 }, [{ b: 1 }]), true)
  t.equal(finds({ a: { $lt: 5 } }, 'x'), false, 'only values of one type are ordered')
})

const seed = Date.now() % 1e9

for (const [name, records] of [['rows', rowsOf(60, seed)], ['documents', documentsOf(80, seed)]] as const) {
  t.test(`law 12: in MongoDB's query language, over ${name}`, async (t) => {
    await agrees(t, { backend: mongodb(), records, found: found(records), attributes: ATTRIBUTES, seed, except: EXCEPT, also: LISTED }, 400)
  })
}
