import { fastify, type FastifyRequest } from 'fastify'
import t from 'tap'
import fc from 'fast-check'
import { expectedUri, isRequested, normalUri, publicAddress, type PublicAddress } from '../../lib/authentication/request-uri.ts'
import { requestTo } from './raw-request.ts'

const HOST = 'api.example'
const CHARACTERS = "ABZabz059-._~!$&'()*+,;=:@".split('')

/** A path in normal form, by its segments; none of them is a dot segment. */
const segment = fc.array(fc.oneof(fc.constantFrom(...CHARACTERS), fc.constantFrom('%2F', '%20', '%C3', '%A9', '%25', '%5C', '%00')), { maxLength: 6 }).map((parts) => parts.join(''))
const path = fc.array(segment.filter((text) => text !== '.' && text !== '..'), { minLength: 1, maxLength: 4 }).map((segments) => `/${segments.join('/')}`)

function request (target: string, host = HOST, protocol = 'https'): FastifyRequest {
  return { originalUrl: target, host, protocol } as FastifyRequest
}

t.test('authn P5: what RFC 3986 section 6.2 calls equal has one form', async (t) => {
  const uri = 'https://api.example/articles/7'
  const same = [
    uri, 'HTTPS://api.example/articles/7', 'https://API.Example/articles/7', 'https://api.example:443/articles/7', 'https://api.example:/articles/7', 'https://api.example/%61rticles/%37',
    'https://api.example/articles/./7', 'https://api.example/x/../articles/7', 'https://api.example/../articles/7', 'https://api.example/x/%2E%2e/articles/7', 'https://api.example/articles/%2e/7',
    `${uri}?page=2`, `${uri}#top`, `${uri}?a#b`, `${uri}#b?a`, `${uri}?q=100%&x=\\é"`,
  ]
  for (const text of same) t.equal(normalUri(text), uri, text)
  t.equal(normalUri('http://api.example:80'), 'http://api.example/')
  t.equal(normalUri('http://api.example?x'), 'http://api.example/')
  t.equal(normalUri('http://api.example:8080/'), 'http://api.example:8080/')
  t.equal(normalUri('https://api.example/%7euser/%e2%82%ac%3f'), 'https://api.example/~user/%E2%82%AC%3F')
})

t.test('authn P5: what differs stays different: a slash at the end, an escaped slash, case, port, an escape of an escape', async (t) => {
  const forms = [
    'https://api.example/a/b', 'https://api.example/a/b/', 'https://api.example/a%2Fb', 'https://api.example/a%252Fb', 'https://api.example/A/b', 'https://api.example/a//b', 'https://api.example//a/b',
    'https://api.example:8443/a/b', 'http://api.example/a/b', 'https://api.example.org/a/b', 'https://api.example/a%20b', 'https://api.example/a+b', 'https://api.example/a%5Cb', 'https://api.example/a;x/b',
  ]
  t.equal(new Set(forms.map(normalUri)).size, forms.length)
  t.strictSame(forms.map(normalUri), forms)
})

t.test('authn P5: an IPv6 address has one form too', async (t) => {
  for (const text of ['http://[::1]:3000/a', 'http://[0:0:0:0:0:0:0:1]:3000/a', 'http://[::0001]:3000/%61']) t.equal(normalUri(text), 'http://[::1]:3000/a', text)
  t.equal(normalUri('https://[2001:DB8::A]:443/'), 'https://[2001:db8::a]/')
})

t.test('authn P5: what is no http or https URI has no form', async (t) => {
  const wrong = [
    '', '/', 'x', '/articles', '//api.example/', 'api.example/articles', 'ftp://api.example/', 'httpx://api.example/', 'urn:x', 'https:', 'https:/', 'https://', 'https:///articles', 'https:api.example/a',
    'https:\\\\api.example\\a', 'https://api.example\\a', 'https://api.example/a\\b', ' https://api.example/', 'https://api.example/a b', 'https://api.example/a\tb', 'https://api.example/a\n', 'https://api.example/é',
    'https://user@api.example/', 'https://:secret@api.example/', 'https://api.example/%', 'https://api.example/%2', 'https://api.example/%zz', 'https://api.example/%2%35', 'https://api.example:x/', 'https://api.example:99999/',
    'https://?x', 'https://#x', 'https://[::1/', 'https://[x]/', 'https://a b/',
  ]
  for (const text of wrong) t.equal(normalUri(text), null, text)
})

t.test('authn P5: every spelling of a URI has its form, and the form has itself', async () => {
  const spelling = fc.record({
    scheme: fc.constantFrom('https', 'HTTPS', 'Https'),
    host: fc.constantFrom('api.example', 'API.EXAMPLE', 'Api.Example'),
    port: fc.constantFrom('', ':', ':443', ':0443'),
    rest: fc.oneof(fc.constant(''), fc.stringMatching(/^[?#][^\n]{0,10}$/)),
    escaped: fc.array(fc.boolean(), { minLength: 64, maxLength: 64 }),
    lower: fc.boolean(),
    detour: fc.constantFrom('', '/.', '/%2e', '/x/..', '/x/y/%2E./..', '/..'),
  })
  fc.assert(fc.property(path, spelling, (path, { scheme, host, port, rest, escaped, lower, detour }) => {
    const units = path.match(/%..|./g) ?? []
    const spelled = units.map((unit, index) => {
      if (unit.startsWith('%')) return lower ? unit.toLowerCase() : unit
      if (escaped[index % escaped.length] !== true || !/[\w.~-]/.test(unit)) return unit
      return `%${unit.charCodeAt(0).toString(16)}`
    }).join('')
    const expected = `https://api.example${path}`
    if (normalUri(`${scheme}://${host}${port}${detour}${spelled}${rest}`) !== expected) return false
    return normalUri(expected) === expected
  }), { numRuns: 2000 })
})

t.test('authn P5: paths that differ beyond their spelling are different URIs', async () => {
  fc.assert(fc.property(path, path, (one, other) => (one === other) === (normalUri(`https://h${one}`) === normalUri(`https://h${other}`))), { numRuns: 2000 })
})

t.test('authn P5: no text makes an error', async () => {
  fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string().map((text) => `https://${text}`), fc.webUrl()), fc.string(), (text, other) => {
    const form = normalUri(text)
    const asked = isRequested(form ?? text, request(text, other, other), [])
    return (form === null || normalUri(form) === form) && typeof asked === 'boolean'
  }), { numRuns: 5000 })
})

t.test('authn P5: a request is for the URI of its own protocol, host and path', async (t) => {
  t.ok(isRequested('https://api.example/a', request('/a'), []))
  t.ok(isRequested('https://api.example/a', request('/%61?x=100%', 'API.example:443'), []))
  t.ok(isRequested('http://[::1]:3000/a', request('/a', '[::1]:3000', 'http'), []))
  t.ok(isRequested('https://api.example//other.example/a', request('//other.example/a'), []))
  for (const target of ['/a/', '/A', '/b', '/a%2F', '/', '', '*', '/a\\', '/%61%', 'a', 'ftp://api.example/a']) t.notOk(isRequested('https://api.example/a', request(target), []), target)
  t.notOk(isRequested('https://api.example/a', request('/a', 'other.example'), []))
  t.notOk(isRequested('https://api.example/a', request('/a', HOST, 'http'), []))
})

t.test('authn P5: a host that is none is no part of a URI, whatever it moves into the path', async (t) => {
  for (const host of ['', 'api.example/articles', 'api.example?', 'api.example#', 'user@api.example', 'api.example:443/articles', 'api.example\\articles', '[::1]/articles', '[::1', ':443']) {
    t.notOk(isRequested('https://api.example/articles/7', request('/7', host), []), host)
    t.notOk(isRequested(`https://${host}/7`, request('/7', host), []), host)
  }
  for (const protocol of ['https://api.example/articles?x', 'ftp', '', undefined]) {
    t.notOk(isRequested('https://api.example/articles', { originalUrl: '/', host: 'x', protocol } as FastifyRequest, []), String(protocol))
  }
})

t.test('authn P5: the absolute form of a target has the path that the router sees', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  app.get('/*', (request) => isRequested(`https://api.example/${(request.params as { '*': string })['*']}`, request, [publicAddress('here', 'https://api.example')]))
  for (const target of ['http://elsewhere.example/a/b', 'HTTP://elsewhere.example/a', 'http://elsewhere.example', 'http://elsewhere.example?x=/y', '/a?x', '/a#b', '//a/b']) {
    t.match(await requestTo(app, target, 'anything'), { status: 200, body: 'true' }, target)
  }
})

t.test('authn P5: public URLs are where a request is, with the prefix that a proxy takes off', async (t) => {
  const at = (...urls: string[]): PublicAddress[] => urls.map((url) => publicAddress('here', url))
  const inside = request('/articles/7?x', 'inside:3000', 'http')
  t.ok(isRequested('https://api.example/v1/articles/7', inside, at('https://API.example:443/v1')))
  t.ok(isRequested('https://api.example/v1/articles/7', inside, at('https://api.example/v1///')))
  t.ok(isRequested('https://api.example/articles/7', inside, at('https://other.example', 'https://api.example/')))
  t.ok(isRequested('http://[::1]:3000/articles/7', inside, at('http://[::1]:3000')))
  for (const uri of ['https://api.example/articles/7', 'https://api.example/v1articles/7', 'https://api.example/v1/v1/articles/7', 'http://inside:3000/articles/7', 'https://other.example/v1/articles/7']) {
    t.notOk(isRequested(uri, inside, at('https://api.example/v1')), uri)
  }
})

t.test('authn P5: a target with dot segments, which a router does not resolve, has no proof', async (t) => {
  const addresses = [publicAddress('here', 'https://api.example/v1')]
  for (const target of ['/../admin', '/%2e%2E/admin', '/x/../../admin', 'http://x/../admin', '/./admin', '/admin/.', '/admin/%2e']) {
    for (const uri of ['https://api.example/admin', 'https://api.example/v1/admin', 'https://api.example/v1/admin/']) t.notOk(isRequested(uri, request(target), addresses), target)
  }
  for (const target of ['/.well-known/a', '/a..b', '/...', '/%2ea']) t.ok(isRequested(normalUri(`https://api.example/v1${target}`) as string, request(target), addresses), target)
})

t.test('the log is told which URI was expected, without the query, and not more of it than is useful', async (t) => {
  t.equal(expectedUri(request('/a?token=x'), []), 'https://api.example/a')
  t.equal(expectedUri(request('/a'), [publicAddress('here', 'https://one.example/v1'), publicAddress('here', 'https://two.example')]), 'https://one.example/v1/a or https://two.example/a')
  t.equal(expectedUri(request(`/${'a'.repeat(1000)}`), []).length, 300)
  t.equal(expectedUri(request('/a/../b'), []), 'for a target without a URI, as that of the request is')
})

t.test('a public URL that is none stops the start, and one with credentials is not shown', async (t) => {
  for (const wrong of ['', '/v1', 'api.example', 'ftp://api.example', 'https://api.example/?x', 'https://api.example/#x', 'https://api.example/?', 'https://api.example/%', null, 7, new URL('https://api.example')]) {
    t.throws(() => publicAddress('here', wrong), { code: 'FST_GATEHOUSE_OPTION', message: /^here: .+ was given; allowed is an absolute URL without a query, 'https:\/\/api\.example\.com'\.$/ }, String(wrong))
  }
  t.throws(() => publicAddress('here', 'https://user:secret@api.example'), { code: 'FST_GATEHOUSE_OPTION', message: 'here: the URL holds credentials, which do not belong there.' })
  t.strictSame(publicAddress('here', 'https://api.example/@me'), { origin: 'https://api.example', prefix: '/@me' })
})
