import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import { bySpecificity, covers, urlPattern } from '../../lib/routes/url-pattern.ts'

function coversText (pattern: string, route: string): boolean {
  const [method, url] = route.split(' ') as [string, string]
  return covers(urlPattern(pattern), method, url)
}

t.test('a pattern covers the routes whose URL it is in the words of', async (t) => {
  for (const [pattern, route] of [
    ['/docs/*', 'GET /docs/json'], ['/docs/*', 'GET /docs/a/b'], ['/docs/*', 'GET /docs'], ['/docs/*', 'POST /docs/'], ['/docs/*', 'GET /docs/*'],
    ['*', 'GET /'], ['/*', 'DELETE /a/b'], ['/', 'GET /'], ['/', 'GET '], ['/a/:id', 'GET /a/:key'], ['/a/:id', 'GET /a/me'],
    ['GET /a', 'GET /a'], ['GET /a', 'HEAD /a'], ['HEAD /a', 'HEAD /a'], ['M-SEARCH /a', 'M-SEARCH /a'], ['/a', 'GET /a/'],
  ] as const) t.equal(coversText(pattern, route), true, `${pattern} covers ${route}`)
})

t.test('a pattern covers nothing else', async (t) => {
  for (const [pattern, route] of [
    ['/docs/*', 'GET /doc'], ['/docs/*', 'GET /docsy/x'], ['/docs', 'GET /docs/json'], ['/a/b', 'GET /a'], ['/a/:id', 'GET /a/*'], ['/a/:id', 'GET /a'],
    ['/a/b', 'GET /a/:id'], ['/a/b', 'GET /a/*'], ['/A', 'GET /a'], ['GET /a', 'POST /a'], ['HEAD /a', 'GET /a'], ['/', 'GET /a'],
  ] as const) t.equal(coversText(pattern, route), false, `${pattern} does not cover ${route}`)
})

t.test('what is no pattern stops the start', async (t) => {
  for (const text of ['', 'docs', 'get /a', '/a b', '/a?x', '/a#x', 'GET  /a', 'GET', ' /a', '**']) {
    t.throws(() => urlPattern(text), { code: 'FST_GATEHOUSE_OPTION', message: /is no URL pattern/ }, JSON.stringify(text))
  }
  t.throws(() => urlPattern('/*/a'), { message: /can only be the last part/ })
})

t.test('the most specific pattern comes first', async (t) => {
  const sorted = ['*', '/a', '/a/:id', 'GET /a/*', '/a/*', '/a/b', 'GET /a/b', '/:x/b', '/a/b/c', '/'].map(urlPattern).sort(bySpecificity).map(({ text }) => text)
  t.same(sorted, ['/a/b/c', 'GET /a/b', '/a/b', '/a/:id', '/a', 'GET /a/*', '/a/*', '/:x/b', '/', '*'])
})

const segment = fc.oneof(fc.constantFrom('a', 'b', ':id', ':x'), fc.stringMatching(/^[a-z0-9._~-]{1,4}$/))
const path = fc.array(segment, { maxLength: 4 }).map((parts) => `/${parts.join('/')}`)
const method = fc.constantFrom('', 'GET ', 'POST ', 'HEAD ')
const pattern = fc.tuple(method, path, fc.boolean()).map(([verb, url, open]) => urlPattern(`${verb}${url}${open ? `${url === '/' ? '' : '/'}*` : ''}`))
const route = fc.tuple(fc.constantFrom('GET', 'POST', 'HEAD'), path)

t.test('any text is a pattern or an option error, and never anything else', async (t) => {
  fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.webPath(), fc.stringMatching(/^[A-Z]{0,4} ?[/*:a]{0,6}$/)), (text) => {
    try {
      const { segments } = urlPattern(text)
      assert.ok(!segments.slice(0, -1).includes('*'))
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'FST_GATEHOUSE_OPTION')
    }
  }))
  t.pass()
})

t.test('a route is covered by its own URL, and by that URL with a star after it', async (t) => {
  fc.assert(fc.property(route, ([verb, url]) => {
    assert.ok(covers(urlPattern(url), verb, url))
    assert.ok(covers(urlPattern(`${verb} ${url}`), verb, url))
    assert.ok(covers(urlPattern(`${url === '/' ? '' : url}/*`), verb, url))
  }))
  t.pass()
})

t.test('specificity is an order: it has two directions, and no circles', async (t) => {
  fc.assert(fc.property(pattern, pattern, pattern, (a, b, c) => {
    assert.equal(Math.sign(bySpecificity(a, b)) + Math.sign(bySpecificity(b, a)), 0)
    assert.equal(bySpecificity(a, a), 0)
    if (bySpecificity(a, b) <= 0 && bySpecificity(b, c) <= 0) assert.ok(bySpecificity(a, c) <= 0)
  }))
  t.pass()
})

t.test('who names one more part literally is more specific than who leaves it open', async (t) => {
  fc.assert(fc.property(path, fc.constantFrom('a', 'b'), (url, part) => {
    const base = url === '/' ? '' : url
    const texts = [`${base}/*`, `${base}/:id`, `${base}/${part}`]
    assert.deepEqual(texts.map(urlPattern).sort(bySpecificity).map(({ text }) => text), texts.toReversed())
  }))
  t.pass()
})
