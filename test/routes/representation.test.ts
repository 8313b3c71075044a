import t from 'tap'
import { representationOf, representationProblem } from '../../lib/routes/representation.ts'

const JSON_TYPE = 'application/json'
const title = { properties: { title: { type: 'string' } } }

function names (body: unknown, mediaType = JSON_TYPE): readonly string[] | 'all' | null {
  const { kind, ...told } = representationOf(body, mediaType)
  return kind === 'these' ? [...(told as { names: Set<string> }).names] : kind === 'all' ? 'all' : null
}

t.test('the members of a body are the properties of its schema, and of what holds along with it', async (t) => {
  t.same(names(title), ['title'])
  t.same(names({ properties: {} }), [])
  t.same(names({ ...title, allOf: [{ properties: { body: {} } }, { allOf: [{ properties: { tags: {} } }] }, { required: ['x'] }, true] }), ['title', 'body', 'tags'])
  t.same(names({ content: { 'application/json': { schema: title }, 'text/csv': { schema: true } } }), ['title'])
})

t.test('a schema that names no property says nothing', async (t) => {
  for (const body of [undefined, null, true, {}, { type: 'object' }, { allOf: [{ type: 'object' }] }, { not: { required: ['x'] } }, { properties: 7 }, { properties: null }]) t.equal(names(body), 'all')
  t.equal(names({ content: { 'text/csv': { schema: {} } } }, 'text/csv'), 'all')
})

t.test('law 11: what may name properties elsewhere is told', async (t) => {
  const elsewhere: ReadonlyArray<readonly [word: string, body: unknown]> = [
    ['$ref', { $ref: 'x#' }],
    ['$ref', { ...title, $ref: 'x#' }],
    ['$dynamicRef', { $dynamicRef: '#x' }],
    ['$recursiveRef', { $recursiveRef: '#' }],
    ['$merge', { $merge: {} }],
    ['$patch', { $patch: {} }],
    ['patternProperties', { ...title, patternProperties: { '^x': {} } }],
    ['propertyNames', { propertyNames: { enum: ['a'] } }],
    ['$ref', { allOf: [title, { $ref: 'x#' }] }],
    ['oneOf', { oneOf: [title] }],
    ['oneOf', { ...title, oneOf: [{ properties: { body: {} } }] }],
    ['anyOf', { ...title, anyOf: [title, { $ref: 'x#' }] }],
    ['anyOf', { ...title, anyOf: [{ allOf: [{ properties: { body: {} } }] }] }],
    ['anyOf', { allOf: [{ ...title, anyOf: [{ anyOf: [{ properties: { body: {} } }] }] }] }],
    ['if', { ...title, if: { properties: { kind: {} } } }],
    ['then', { ...title, if: title, then: { properties: { body: {} } } }],
    ['else', { ...title, if: title, else: { $ref: 'x#' } }],
    ['not', { ...title, not: { properties: { body: {} } } }],
    ['dependentSchemas', { ...title, dependentSchemas: { title: { properties: { body: {} } } } }],
    ['dependentSchemas', { ...title, dependentSchemas: 7 }],
    ['dependencies', { ...title, dependencies: { title: { properties: { body: {} } } } }],
    ['selectCases', { ...title, selectCases: { a: { properties: { body: {} } } } }],
    ['something other than JSON Schema', new (class Schema { properties = {} })()],
    ['something other than JSON Schema', () => true],
    ['something other than JSON Schema', { kind: 'schema', type: 'object', entries: {}, '~standard': {} }],
    ['something other than JSON Schema', { allOf: ['x'] }],
    ['something other than JSON Schema', { content: 'x' }],
    ['something other than JSON Schema', { content: { [JSON_TYPE]: 7 } }],
    ['$ref', { content: { 'text/csv': { schema: title }, [JSON_TYPE]: { schema: { $ref: 'x#' } } } }],
  ]
  for (const [word, body] of elsewhere) {
    t.equal(representationProblem(body), word, JSON.stringify(body))
    t.equal(names(body), null)
  }
})

t.test('alternatives that name nothing new are no riddle', async (t) => {
  for (const body of [
    { ...title, oneOf: [{ required: ['title'] }, title, true], anyOf: [{ type: 'object' }] },
    { allOf: [title, { oneOf: [{ properties: { title: { const: 'a' } } }] }] },
    { ...title, dependencies: { title: ['body'] }, dependentSchemas: { title: { required: ['x'] } }, not: { required: ['y'] } },
  ]) {
    t.equal(representationProblem(body), null)
    t.same(names(body), ['title'])
  }
  t.equal(representationProblem(undefined), null)
})

t.test('a schema by content type says nothing of another type', async (t) => {
  for (const type of ['text/csv', '', '__proto__', 'constructor']) t.equal(names({ content: { [JSON_TYPE]: { schema: title } } }, type), null)
})
