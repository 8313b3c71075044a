import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import { refusal } from '../../lib/refusal.ts'
import { refusalPage } from '../../lib/requests/refusal-page.ts'

t.test('the page says what happened, in words and by its code, and is not for search engines', async (t) => {
  const page = refusalPage(refusal('not_found', { reason: 'secret' }))
  for (const part of ['<!doctype html>', '<html lang="en">', '<title>404 Not Found</title>', '<h1>404 Not Found</h1>', '<p>There is nothing here.</p>', '<code>not_found</code>', '<meta name="robots" content="noindex">']) t.match(page, part)
  t.notMatch(page, /secret|<script|Fields|<a |try again in/)
})

t.test('it says when to come back, what was forbidden and where to read on', async (t) => {
  t.match(refusalPage(refusal('too_many_attempts', { reason: 'r', retryAfter: 1 })), 'You can try again in 1 second.')
  t.match(refusalPage(refusal('too_many_attempts', { reason: 'r', retryAfter: 90 })), 'You can try again in 90 seconds.')
  const page = refusalPage(refusal('forbidden_fields', { reason: 'r', fields: ['a<b', 'c'], help: 'https://h.example/?a=1&b="' }))
  t.match(page, '<p>Fields: a&lt;b, c</p>')
  t.match(page, '<a href="https://h.example/?a=1&amp;b=&quot;">What this means</a>')
})

t.test('no text opens a tag, ends an attribute or begins an entity of its own', async (t) => {
  const skeleton = (page: string) => page.replace(/<style>[^]*?<\/style>/, '').match(/<[^>]*>/g)?.map((tag) => tag.replace(/href="[^"]*"/, 'href=""'))
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('<script>', '"><img src=x onerror=alert(1)>', '\'', '&lt;', '</p>', '<!--', ']]>'))
  const plain = skeleton(refusalPage(refusal('forbidden_fields', { reason: 'r', code: 'c', detail: 'd', fields: ['f', 'g'], help: 'h' })))
  fc.assert(fc.property(text, text, text, text, text, (code, detail, one, other, help) => {
    const page = refusalPage(refusal('forbidden_fields', { reason: 'r', code, detail, fields: [one, other], help }))
    assert.deepEqual(skeleton(page), plain)
    assert.ok(!/&(?!(?:amp|lt|gt|quot|#39);)/.test(page.replace(/<style>[^]*?<\/style>/, '')))
  }))
  t.pass()
})
