import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { bodyOf, makePrivate, mergeHeader, wellFormed } from '../../lib/requests/answer.ts'
import { settingsOf } from '../../lib/options.ts'
import { refusal } from '../../lib/refusal.ts'
import { bare } from '../core/porch.ts'

/** The headers of a real reply after `change`. */
async function headersAfter (t: { teardown: (end: () => unknown) => void }, given: Record<string, string>, change: (reply: FastifyReply) => void): Promise<Record<string, unknown>> {
  const app = bare(t)
  app.get('/', (_request, reply) => {
    reply.headers(given)
    change(reply)
    return ''
  })
  return (await app.inject('/')).headers
}

/** The part of a reply that the functions use. */
function replyWith (headers: Record<string, unknown>): { reply: FastifyReply, headers: Record<string, unknown> } {
  const reply = { getHeader: (name: string) => headers[name], header: (name: string, value: unknown) => { headers[name] = value } }
  return { reply: reply as unknown as FastifyReply, headers }
}

function bodyFor (accept: string | undefined, options: object = {}, url = '/a') {
  const headers = accept === undefined ? {} : { accept }
  const request = { headers, raw: { headers }, originalUrl: url } as unknown as FastifyRequest
  return bodyOf(refusal('not_found', { reason: 'r' }), request, settingsOf({ refusals: options }))
}

t.test('who prefers HTML gets a page, anyone else a problem', async (t) => {
  for (const accept of ['text/html', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'application/json;q=0.5, text/html']) t.match(bodyFor(accept).type, /^text\/html/)
  for (const accept of [undefined, '', '*/*', 'application/json', 'text/html;q=0', 'application/json, text/html;q=0.9', 'application/problem+json, text/html', 'nonsense', 'text/plain', `text/html,${'a/b;q=0.1,'.repeat(120)}`]) t.match(bodyFor(accept).type, /^application\/problem\+json/, String(accept))
  t.match(bodyFor('text/html', { html: false }).type, /^application\/problem\+json/)
  t.match(bodyFor('text/html', { format: 'fastify' }).type, /^text\/html/)
})

t.test('Fastify\'s own shape of an error is JSON', async (t) => {
  const { type, text } = bodyFor('application/json', { format: 'fastify' })
  t.equal(type, 'application/json; charset=utf-8')
  t.same(JSON.parse(text), { statusCode: 404, code: 'not_found', error: 'Not Found', message: 'There is nothing here.' })
})

t.test('law 7: instance is the path alone: no query, no fragment, no host', async (t) => {
  const instance = (url: string) => JSON.parse(bodyFor(undefined, {}, url).text).instance
  t.equal(instance('/a/b?token=x'), '/a/b')
  t.equal(instance('/a#token'), '/a')
  t.equal(instance('/'), '/')
  t.equal(instance('http://ada:secret@a.example/a?b'), '/a')
  fc.assert(fc.property(fc.webPath(), fc.webQueryParameters(), fc.webFragments(), (path, query, fragment) => {
    const given = instance(`${path || '/'}?${query}#${fragment}`)
    assert.ok(!/[?#]/.test(given))
    assert.ok((path || '/').startsWith(given))
  }))
})

t.test('only a well-formed challenge of the application\'s own can stay', async (t) => {
  for (const header of ['Basic realm="a"', ['Basic realm="a"', 'Bearer'], 'Bearer, Basic realm="x"']) t.equal(wellFormed(header), true)
  for (const header of [undefined, '', [], 7, ['Basic realm="a"', ''], 'Basic realm="a', '=']) t.equal(wellFormed(header), false, String(header))
})

t.test('names are added to a header, whatever is there already', async (t) => {
  const merged = async (vary: string | null, ...names: string[]) => (await headersAfter(t, vary === null ? {} : { vary }, (reply) => mergeHeader(reply, 'vary', names)))['vary']
  t.equal(await merged(null, 'Authorization', 'Accept'), 'Authorization, Accept')
  t.equal(await merged('origin,  accept', 'Authorization', 'Accept'), 'origin, accept, Authorization')
  t.equal(await merged('*', 'Authorization'), '*')
  t.equal(await merged('authorization', 'Authorization'), 'authorization')
  t.equal(await merged(null), undefined)
})

t.test('law 8: merging keeps every name that was there, loses none that is added, and doing it twice changes nothing', async (t) => {
  const name = fc.oneof(fc.constantFrom('Accept', 'accept', 'Origin', 'Authorization'), fc.stringMatching(/^[A-Za-z0-9-]{1,8}$/))
  fc.assert(fc.property(fc.array(name), fc.array(name), fc.constantFrom(',', ', ', ' ,  ', ',,'), fc.boolean(), (present, added, comma, lines) => {
    const { reply, headers } = replyWith({ vary: lines ? present : present.join(comma) })
    mergeHeader(reply, 'vary', added)
    const once = String(headers['vary'])
    const lower = new Set(once.toLowerCase().split(/[ ,]+/))
    for (const one of [...present, ...added]) assert.ok(lower.has(one.toLowerCase()))
    mergeHeader(reply, 'vary', added)
    assert.equal(String(headers['vary']), once)
  }))
  t.pass()
})

t.test('law 8: an answer that is private stays out of shared caches, whatever else is said of caching', async (t) => {
  const control = async (given: string | null) => (await headersAfter(t, given === null ? {} : { 'cache-control': given }, makePrivate))['cache-control']
  t.equal(await control(null), 'private')
  t.equal(await control('public, max-age=60'), 'private, max-age=60')
  t.equal(await control('Public, S-Maxage=60, max-age=5'), 'private, max-age=5')
  t.equal(await control('max-age=5'), 'private, max-age=5')
  for (const given of ['private', 'no-store', 'max-age=1, PRIVATE']) t.equal(await control(given), given)
  t.match(await control('private="set-cookie", max-age=5'), /(^|, )private(,|$)/, 'RFC 9111 section 5.2.2.7: the qualified form leaves the rest to shared caches')
})
