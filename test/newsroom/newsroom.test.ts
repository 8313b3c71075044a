/** newsroom end to end: every route, for every person, over a real socket. */
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { Query } from '../../examples/newsroom/database.ts'
import { ARTICLES } from '../../examples/newsroom/seed.ts'
import { passwordOf } from '../../examples/newsroom/people.ts'
import { running, type Answer } from './running.ts'

/** Runs right after a query of the application; for what somebody else does in between. */
let afterwards: (text: string) => Promise<unknown> = async () => {}

const room = await running({
  meddle: (query): Query => async (text, values) => {
    const rows = await query(text, values)
    await afterwards(text)
    return rows as never
  },
})
t.teardown(() => room.app.close())
const { app, ask, raw, reset, database } = room

const MEMBERS = ['type', 'title', 'status', 'code', 'detail', 'instance']
const PROBLEM = 'application/problem+json; charset=utf-8'

/** Who asks, in the order of the columns below. `undefined` is nobody. */
const WHO = [undefined, 'rex', 'abe', 'ada', 'sam', 'bea', 'ida'] as const

/** What the short words in the columns stand for: a status, and the code of a refusal. */
const WORDS: Readonly<Record<string, { readonly status: number, readonly code: string | null }>> = {
  200: { status: 200, code: null },
  201: { status: 201, code: null },
  204: { status: 204, code: null },
  400: { status: 400, code: 'FST_ERR_VALIDATION' },
  401: { status: 401, code: 'unauthenticated' },
  inv: { status: 401, code: 'invalid_credentials' },
  403: { status: 403, code: 'insufficient_permissions' },
  404: { status: 404, code: 'not_found' },
  url: { status: 404, code: 'route_not_found' },
  sus: { status: 403, code: 'account_suspended' },
  pro: { status: 403, code: 'plan_required' },
  arc: { status: 403, code: 'article_archived' },
  fld: { status: 403, code: 'forbidden_fields' },
}

const TITLE = { title: 'A better title' }

/* eslint-disable @stylistic/no-multi-spaces */
const ROWS: ReadonlyArray<readonly [request: string, expected: string, body?: unknown]> = [
  //                                  -   rex abe ada sam bea ida
  ['GET /',                          '200 200 200 200 200 200 200'],
  ['GET /me',                        '401 200 200 200 200 200 200'],
  ['GET /articles',                  '200 200 200 200 sus 200 200'],
  ['GET /articles?limit=0',          '400 400 400 400 sus 400 400'],
  ['GET /articles?limit=101',        '400 400 400 400 sus 400 400'],
  ['GET /articles?limit=1&limit=2',  '400 400 400 400 sus 400 400'],
  ['GET /articles?after=x',          '400 400 400 400 sus 400 400'],
  ['GET /articles/1',                '200 200 200 200 sus 200 200'],
  ['HEAD /articles/1',               '200 200 200 200 sus 200 200'],
  ['GET /articles/2',                '404 404 200 200 sus 404 200'],
  ['HEAD /articles/2',               '404 404 200 200 sus 404 200'],
  ['GET /articles/3',                '404 404 404 200 sus 404 200'],
  ['GET /articles/4',                '200 200 200 200 sus 200 200'],
  ['GET /articles/5',                '404 404 404 404 sus 200 200'],
  ['GET /articles/6',                '404 404 404 200 sus 404 200'],
  ['GET /articles/9',                '404 404 404 404 sus 404 404'],
  ['GET /articles/0',                '404 404 404 404 sus 404 404'],
  ['GET /articles/-1',               '404 404 404 404 sus 404 404'],
  ['GET /articles/2147483647',       '404 404 404 404 sus 404 404'],
  ['GET /articles/2147483648',       '400 400 400 400 sus 400 400'],
  ['GET /articles/1.5',              '400 400 400 400 sus 400 400'],
  ['GET /articles/one',              '400 400 400 400 sus 400 400'],
  ['GET /articles/',                 '400 400 400 400 sus 400 400'],
  ['GET /articles/1%00',             '400 400 400 400 sus 400 400'],
  ['POST /articles',                 '401 403 201 201 sus 201 403', { title: 'News', body: 'Nothing happened.' }],
  ['POST /articles',                 '401 403 400 400 sus 400 403', { title: 'Without a body' }],
  ['POST /articles',                 '401 403 400 400 sus 400 403', { title: '', body: 'Without a title' }],
  ['POST /articles',                 '401 403 400 400 sus 400 403', { title: 5, body: 'A number is no title' }],
  ['POST /articles',                 '401 403 400 400 sus 400 403', { title: 'A character that cannot be stored', body: '\0' }],
  ['POST /articles',                 '401 403 fld fld sus fld 403', { title: 'News', body: '…', authorId: 'rex' }],
  ['PATCH /articles/1',              '401 403 403 200 sus 403 403', TITLE],
  ['PATCH /articles/2',              '401 404 200 200 sus 404 403', TITLE],
  ['PATCH /articles/3',              '401 404 404 200 sus 404 403', TITLE],
  ['PATCH /articles/4',              '401 403 403 403 sus 200 403', TITLE],
  ['PATCH /articles/5',              '401 404 404 404 sus 200 403', TITLE],
  ['PATCH /articles/6',              '401 404 404 arc sus 404 arc', TITLE],
  ['PATCH /articles/9',              '401 404 404 404 sus 404 404', TITLE],
  ['PATCH /articles/one',            '401 400 400 400 sus 400 400', TITLE],
  ['PATCH /articles/2',              '401 400 400 400 sus 400 400', {}],
  ['PATCH /articles/9',              '401 400 400 400 sus 400 400', {}],
  ['PATCH /articles/2',              '401 400 400 400 sus 400 400', { status: 'burnt' }],
  ['PATCH /articles/2',              '401 404 fld 200 sus 404 403', { status: 'published' }],
  ['PATCH /articles/2',              '401 404 fld 200 sus 404 403', { notes: null }],
  ['PATCH /articles/2',              '401 404 fld fld sus 404 403', { tenantId: 'borealis' }],
  ['PATCH /articles/2',              '401 404 fld fld sus 404 403', { nonsense: 1 }],
  ['DELETE /articles/1',             '401 403 403 204 sus 403 204'],
  ['DELETE /articles/2',             '401 404 403 204 sus 404 204'],
  ['DELETE /articles/5',             '401 404 404 404 sus 204 204'],
  ['DELETE /articles/6',             '401 404 404 204 sus 404 204'],
  ['DELETE /articles/9',             '401 404 404 404 sus 404 404'],
  ['GET /tenants/aurora/settings',   '401 403 403 200 sus 403 200'],
  ['GET /tenants/borealis/settings', '401 403 403 403 sus 200 200'],
  ['GET /tenants/atlantis/settings', '401 403 403 404 sus 404 404'],
  ['GET /tenants/%00/settings',      '401 403 403 400 sus 400 400'],
  ['GET /analytics',                 '401 pro 200 200 sus pro 200'],
  ['GET /admin/reports',             '401 403 403 403 sus 403 200'],
  ['GET /staging',                   '401 401 401 401 401 401 401'],
  ['POST /token',                    'inv inv inv inv inv inv inv', { refresh_token: 'nonsense' }],
  ['POST /token',                    '400 400 400 400 400 400 400', {}],
  ['POST /logout',                   '401 204 204 204 204 204 204'],
  ['POST /logout',                   '401 204 204 204 204 204 204', { nonsense: 1 }],
  ['GET /nowhere',                   'url url url url url url url'],
  ['POST /articles/1',               'url url url url url url url'],
]
/* eslint-enable @stylistic/no-multi-spaces */

for (const [request, expected, body] of ROWS) {
  const columns = expected.split(' ')
  t.test(`${request} ${body === undefined ? '' : JSON.stringify(body).slice(0, 60)} for everybody`, async (t) => {
    for (const [column, as] of WHO.entries()) {
      // A change made by one person is not there for the next.
      if (!request.startsWith('GET') && !request.startsWith('HEAD')) await reset()
      const answer = await ask(request, { as, body })
      const { status, code } = WORDS[columns[column] as string] as { status: number, code: string | null }
      const seen = { status: answer.status, code: request.startsWith('HEAD') ? code : answer.code }
      t.same(seen, { status, code }, `${as ?? 'nobody'}: ${columns[column]}`)
      lawful(t, answer, request)
    }
  })
}

/** What holds of every answer. */
function lawful (t: Test, answer: Answer, request: string): void {
  const { status, headers, json } = answer
  t.equal(headers.has('www-authenticate'), status === 401, 'law 1: a 401 is challenged, and nothing else is')
  t.not(status, 500)
  if (![401, 403, 404, 429, 503].includes(status)) return
  t.equal(headers.get('content-type'), PROBLEM)
  if (answer.code !== 'route_not_found') t.equal(headers.get('cache-control'), 'no-store', 'law 8: a refusal is never cached')
  if (request.startsWith('HEAD')) return
  t.same(Object.keys(json).slice(0, MEMBERS.length), MEMBERS)
  t.equal(json['status'], status)
  t.equal(json['instance'], (request.split(' ')[1] as string).split('?')[0])
}

t.test('everybody signs in with a password of their own, and learns who they are', async (t) => {
  const people = {
    rex: { id: 'rex', tenantId: 'aurora', roles: ['reader'], plan: 'free' },
    abe: { id: 'abe', tenantId: 'aurora', roles: ['author'], plan: 'pro' },
    ada: { id: 'ada', tenantId: 'aurora', roles: ['editor'], plan: 'pro' },
    sam: { id: 'sam', tenantId: 'aurora', roles: ['author'], plan: 'pro' },
    bea: { id: 'bea', tenantId: 'borealis', roles: ['editor'], plan: 'free' },
    ida: { id: 'ida', tenantId: null, roles: ['admin'], plan: 'pro' },
  }
  for (const [name, person] of Object.entries(people)) {
    const { status, json, headers } = await ask('POST /login', { body: { username: name, password: `correct horse ${name}` } })
    t.equal(status, 200)
    t.match(json, { access_token: /^[\w-]+\.[\w-]+\.[\w-]+$/, token_type: 'Bearer', expires_in: 900, refresh_token: /^newsroom_refresh_[\w-]{43}$/ })
    t.equal(headers.get('cache-control'), 'no-store')
    const me = await ask('GET /me', { headers: { authorization: `Bearer ${json['access_token']}` } })
    t.same(me.json, person)
  }
})

t.test('a login that is wrong is challenged, and does not tell a wrong name from a wrong password', async (t) => {
  const name = await ask('POST /login', { body: { username: 'nobody', password: 'correct horse rex' } })
  const password = await ask('POST /login', { body: { username: 'bea', password: 'correct horse rex' } })
  for (const { status, code, headers } of [name, password]) {
    t.same({ status, code }, { status: 401, code: 'invalid_credentials' })
    t.equal(headers.get('www-authenticate'), 'Bearer realm="newsroom"')
  }
  t.equal(name.text, password.text)
})

t.test('a login that is malformed is a 400, and no attempt', async (t) => {
  for (const body of [{}, [], 'rex', { username: 'rex' }, { username: 5, password: 'x' }, { username: 'rex\0', password: 'x' }, { username: '', password: '' }, { username: 'r'.repeat(65), password: 'x' }]) {
    t.equal((await ask('POST /login', { body })).status, 400, JSON.stringify(body))
  }
  t.equal((await ask('POST /login')).status, 400, 'without a body')
  t.same(await app.gatehouse.throttle.status({ account: 'rex' }), { address: null, account: null })
})

t.test('the list holds what each may read, and nothing else', async (t) => {
  await reset()
  const ids = async (as?: string): Promise<number[]> => (await ask('GET /articles', { as })).json['items'].map(({ id }: { id: number }) => id)
  t.same(await ids(), [1, 4], 'nobody: the published ones')
  t.same(await ids('rex'), [1, 4])
  t.same(await ids('abe'), [1, 2, 4], 'an author: his drafts too')
  t.same(await ids('ada'), [1, 2, 3, 4, 6], 'an editor: all of the tenant')
  t.same(await ids('bea'), [1, 4, 5])
  t.same(await ids('ida'), [1, 2, 3, 4, 5, 6], 'admin: everything')
})

t.test('law 12: whatever is in the list can be read, as the same thing, and whatever is not cannot', async (t) => {
  await reset()
  for (const as of WHO) {
    if (as === 'sam') continue
    const listed = new Map((await ask('GET /articles', { as })).json['items'].map((one: { id: number }) => [one.id, one]))
    for (const { id } of ARTICLES) {
      const { status, json } = await ask(`GET /articles/${id}`, { as })
      t.equal(status, listed.has(id) ? 200 : 404, `${as ?? 'nobody'}: ${id}`)
      if (status === 200) t.same(listed.get(id), json)
    }
  }
})

t.test('the notes are for the editors of the tenant and for admin; for everybody else they are left out', async (t) => {
  await reset()
  const article = ARTICLES[0]
  const { notes, ...open } = article as NonNullable<typeof article>
  for (const as of [undefined, 'rex', 'abe', 'bea']) t.same((await ask('GET /articles/1', { as })).json, open, as ?? 'nobody')
  for (const as of ['ada', 'ida']) t.same((await ask('GET /articles/1', { as })).json, { ...open, notes }, as)
  t.notOk('notes' in (await ask('GET /articles/4', { as: 'ada' })).json, 'an editor of another tenant')
})

t.test('the list is read page by page', async (t) => {
  await reset()
  const page = async (query: string): Promise<unknown> => {
    const { json } = await ask(`GET /articles?${query}`, { as: 'ida' })
    return { ids: json['items'].map(({ id }: { id: number }) => id), next: json['next'] }
  }
  t.same(await page('limit=2'), { ids: [1, 2], next: 2 })
  t.same(await page('limit=2&after=2'), { ids: [3, 4], next: 4 })
  t.same(await page('limit=2&after=4'), { ids: [5, 6], next: null })
  t.same(await page('limit=2&after=6'), { ids: [], next: null })
  t.same(await page(''), { ids: [1, 2, 3, 4, 5, 6], next: null })
})

t.test('a new article is a draft of its author, and found where its Location says', async (t) => {
  await reset()
  const { status, json, headers } = await ask('POST /articles', { as: 'abe', body: { title: 'Tram', body: 'It runs again.' } })
  t.equal(status, 201)
  t.same(json, { id: json['id'], tenantId: 'aurora', authorId: 'abe', status: 'draft', title: 'Tram', body: 'It runs again.' })
  t.ok(json['id'] > 6)
  t.equal(headers.get('location'), `/articles/${json['id']}`)
  t.same((await ask(`GET ${headers.get('location')}`, { as: 'abe' })).json, json)
  t.equal((await ask(`GET ${headers.get('location')}`, { as: 'rex' })).status, 404)
})

t.test('no body makes an article somebody else\'s, published, or numbered', async (t) => {
  await reset()
  const smuggled = { id: 1, tenantId: 'borealis', authorId: 'bea', status: 'published', notes: 'x' }
  const { json } = await ask('POST /articles', { as: 'abe', body: { title: 'Tram', body: '…', ...smuggled } })
  t.match(json, { status: 403, code: 'forbidden_fields', fields: ['id', 'tenantId', 'authorId', 'status', 'notes'] })
  t.equal((await ask('GET /articles', { as: 'ida' })).json['items'].length, ARTICLES.length, 'nothing was written')
})

t.test('a forbidden field is named, and nothing is written', async (t) => {
  await reset()
  const author = await ask('PATCH /articles/2', { as: 'abe', body: { title: 'New', status: 'published', notes: 'x', authorId: 'rex' } })
  t.match(author.json, { code: 'forbidden_fields', fields: ['status', 'notes', 'authorId'] })
  const editor = await ask('PATCH /articles/2', { as: 'ada', body: { title: 'New', id: 9, tenantId: 'borealis' } })
  t.match(editor.json, { code: 'forbidden_fields', fields: ['id', 'tenantId'] })
  t.equal((await ask('GET /articles/2', { as: 'abe' })).json['title'], 'Draft by Abe')
})

t.test('what is allowed is written, and what was left out stays', async (t) => {
  await reset()
  const changes = { title: 'Final', status: 'published', notes: 'Checked.' }
  const { status, json } = await ask('PATCH /articles/2', { as: 'ada', body: changes })
  t.equal(status, 200)
  t.same(json, { id: 2, tenantId: 'aurora', authorId: 'abe', body: 'To be continued.', ...changes })
  t.equal((await ask('PATCH /articles/2', { as: 'abe', body: TITLE })).status, 403, 'it is no draft any more')
  t.equal((await ask('PATCH /articles/2', { as: 'ada', body: { notes: null } })).json['notes'], null)
})

t.test('an article that is archived stays as it is, also for who archived it, until it is deleted', async (t) => {
  await reset()
  t.equal((await ask('PATCH /articles/1', { as: 'ada', body: { status: 'archived' } })).status, 200)
  t.equal((await ask('PATCH /articles/1', { as: 'ada', body: { status: 'published' } })).code, 'article_archived')
  t.equal((await ask('GET /articles/1', { as: 'abe' })).status, 404)
  t.equal((await ask('DELETE /articles/1', { as: 'ada' })).status, 204)
  t.equal((await ask('GET /articles/1', { as: 'ada' })).status, 404)
})

t.test('to delete takes a sign-in of the last five minutes, which is asked for last', async (t) => {
  await reset()
  const now = Math.floor(Date.now() / 1000)
  const tokenFrom = (name: string, roles: string[], age: number | null): string => app.jwt.sign({
    sub: name, tenantId: 'aurora', roles, plan: 'pro', suspended: false, exp: now + 60, ...(age !== null && { auth_time: now - age }),
  })
  const stale = async (token: string, request: string): Promise<Answer> => await ask(request, { headers: { authorization: `Bearer ${token}` } })

  for (const age of [301, 86_400, null]) {
    const { status, code, headers } = await stale(tokenFrom('ada', ['editor'], age), 'DELETE /articles/1')
    t.same({ status, code }, { status: 401, code: 'insufficient_user_authentication' }, String(age))
    t.match(headers.get('www-authenticate'), /^Bearer realm="newsroom", error="insufficient_user_authentication", .*max_age="300"$/)
  }
  t.equal((await stale(tokenFrom('abe', ['author'], 301), 'DELETE /articles/2')).status, 403, 'whom the policy forbids it, no new sign-in helps')
  t.equal((await stale(tokenFrom('rex', ['reader'], 301), 'DELETE /articles/2')).status, 404)
  t.equal((await stale(tokenFrom('ada', ['editor'], 301), 'GET /articles/2')).status, 200)
  t.equal((await stale(tokenFrom('ada', ['editor'], 200), 'DELETE /articles/1')).status, 204)
})

t.test('law 2: a token that is not valid is a 401 with an error, on optional routes too, and nothing on public ones', async (t) => {
  const now = Math.floor(Date.now() / 1000)
  const claims = { sub: 'ada', tenantId: 'aurora', roles: ['editor'], plan: 'pro', suspended: false }
  const tokens = [
    'nonsense',
    app.jwt.sign({ ...claims, exp: now - 60 }),
    app.jwt.sign({ ...claims, exp: now + 60 }, { iss: 'somebody else' }),
    app.jwt.sign({ ...claims, exp: now + 60 }, { aud: 'somebody else' }),
    `${app.jwt.sign({ ...claims, exp: now + 60 }).slice(0, -4)}AAAA`,
  ]
  for (const token of tokens) {
    const headers = { authorization: `Bearer ${token}` }
    for (const request of ['GET /me', 'GET /articles', 'GET /articles/1', 'DELETE /articles/1']) {
      const answer = await ask(request, { headers })
      t.same({ status: answer.status, code: answer.code }, { status: 401, code: 'invalid_credentials' })
      t.match(answer.headers.get('www-authenticate'), /^Bearer realm="newsroom", error="invalid_token"/)
    }
    for (const request of ['GET /', 'GET /nowhere']) t.notOk((await ask(request, { headers })).headers.has('www-authenticate'))
  }
})

t.test('the staging site takes its own password, and its challenge makes a browser ask', async (t) => {
  const basic = (pair: string): { headers: Record<string, string> } => ({ headers: { authorization: `Basic ${btoa(pair)}` } })
  t.equal((await ask('GET /staging', basic('stage:correct horse stage'))).status, 200)
  for (const pair of ['stage:wrong', 'rex:correct horse rex', 'rex:correct horse stage']) {
    const { status, code } = await ask('GET /staging', basic(pair))
    t.same({ status, code }, { status: 401, code: 'invalid_credentials' }, pair)
  }
  const challenged = await raw('GET /staging HTTP/1.1\r\nHost: newsroom\r\nConnection: close\r\n\r\n')
  t.match(challenged, '\r\nwww-authenticate: Basic realm="Access to the staging site", charset="UTF-8"\r\n')
})

t.test('law 1: each challenge stands on a header line of its own', async (t) => {
  for (const request of ['GET /me', 'DELETE /articles/1', 'GET /analytics']) {
    const answer = await raw(`${request} HTTP/1.1\r\nHost: newsroom\r\nConnection: close\r\n\r\n`)
    t.same(answer.match(/^www-authenticate:.*$/gim), ['www-authenticate: Bearer realm="newsroom"'])
  }
})

t.test('law 4: a hidden article answers, byte for byte, as one that does not exist', async (t) => {
  await reset()
  const answer = async (method: string, id: number, as: string | undefined, accept: string): Promise<string> => {
    const token = as === undefined ? '' : `Authorization: Bearer ${(await ask('POST /login', { body: { username: as, password: passwordOf(as) } })).json['access_token']}\r\n`
    const body = method === 'PATCH' ? 'Content-Type: application/json\r\nContent-Length: 13\r\n\r\n{"title":"x"}' : '\r\n'
    const bytes = await raw(`${method} /articles/${id} HTTP/1.1\r\nHost: newsroom\r\nConnection: close\r\nAccept: ${accept}\r\n${token}${body}`)
    return bytes.replace(/^date: .*$/im, 'date: …').replaceAll(`/articles/${id}`, '/articles/…')
  }
  for (const accept of ['*/*', 'text/html']) {
    for (const as of [undefined, 'rex', 'abe']) {
      for (const method of as === undefined ? ['GET', 'HEAD'] : ['GET', 'HEAD', 'PATCH', 'DELETE']) {
        const hidden = await answer(method, 5, as, accept)
        t.match(hidden, /^HTTP\/1\.1 404 Not Found\r\n/)
        t.equal(hidden, await answer(method, 9, as, accept), `${method} by ${as ?? 'nobody'}, ${accept}`)
      }
    }
  }
})

t.test('who prefers HTML gets a page, with the same status', async (t) => {
  const accept = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'
  const pages: ReadonlyArray<readonly [string, number, string?]> = [
    ['GET /', 200], ['GET /me', 401], ['GET /staging', 401], ['GET /articles/5', 404], ['GET /nowhere', 404], ['GET /admin/reports', 403, 'rex'], ['GET /articles', 403, 'sam'],
  ]
  for (const [request, expected, as] of pages) {
    const { status, headers, text } = await ask(request, { as, headers: { accept } })
    t.equal(status, expected, request)
    t.equal(headers.get('content-type'), 'text/html; charset=utf-8')
    t.match(headers.get('vary'), /\bAccept\b/)
    t.ok(text.startsWith('<!doctype html>'))
    t.match(text, /<html lang="en">[^]*<title>.+<\/title>[^]*<h1>/)
  }
  t.equal((await ask('GET /')).json['name'], 'newsroom', 'who does not, gets JSON')
})

t.test('a URL that is not known tells its path without the query', async (t) => {
  const { json } = await ask('GET /no/where?token=secret')
  t.same(json, { type: 'about:blank', title: 'Not Found', status: 404, code: 'route_not_found', detail: 'There is no such URL.', instance: '/no/where' })
})

t.test('the refusals of the policy speak plainly', async (t) => {
  t.equal((await ask('GET /analytics', { as: 'rex' })).json['detail'], 'This takes the plan "pro".')
  t.equal((await ask('GET /articles', { as: 'sam' })).json['detail'], 'This account is suspended.')
  t.equal((await ask('PATCH /articles/6', { as: 'ada', body: TITLE })).json['detail'], 'Archived articles stay as they are.')
})

t.test('the records behind the plan, the role and the tenant are the right ones', async (t) => {
  await reset()
  t.same((await ask('GET /tenants/aurora/settings', { as: 'ada' })).json, { id: 'aurora', name: 'Aurora Daily', locale: 'en-GB' })
  t.same((await ask('GET /analytics', { as: 'abe' })).json, { published: [{ tenantId: 'aurora', articles: 1 }, { tenantId: 'borealis', articles: 1 }] })
  t.match((await ask('GET /admin/reports', { as: 'ida' })).json['reports'], [{ tenantId: 'aurora', status: 'archived', articles: 1 }])
})

t.test('law 9: after five wrong passwords the account is locked, also for the right one, for thirty seconds and no less', async (t) => {
  const guess = async (password: string): Promise<Answer> => await ask('POST /login', { body: { username: 'rex', password } })
  for (let attempt = 1; attempt <= 5; attempt++) t.equal((await guess(`guess ${attempt}`)).status, 401, `wrong password ${attempt}`)
  for (const password of ['guess 6', passwordOf('rex')]) {
    const { status, code, headers } = await guess(password)
    t.same({ status, code }, { status: 429, code: 'too_many_attempts' })
    t.match(headers.get('retry-after'), /^(?:30|2\d)$/)
  }
  t.equal((await ask('POST /login', { body: { username: 'abe', password: passwordOf('abe') } })).status, 200, 'nobody else is')
  t.equal((await ask('GET /me', { as: 'rex' })).status, 200, 'a token that is already there still counts')
  await app.gatehouse.throttle.unlock({ account: 'rex' })
  t.equal((await guess(passwordOf('rex'))).status, 200)
})

t.test('law 4: an article that somebody else changes between the decision and the deed is not touched, and is not there', async (t) => {
  const meanwhile = (change: string): void => {
    afterwards = async (text) => {
      if (text.startsWith('SELECT') && text.includes('FROM articles WHERE id = $1')) await database.query(change)
    }
  }
  t.teardown(() => { afterwards = async () => {} })

  await reset()
  meanwhile("UPDATE articles SET status = 'archived' WHERE id = 2")
  for (const [as, title] of [['ada', 'Too late'], ['abe', 'Too late']]) {
    t.equal((await ask('PATCH /articles/2', { as: as as string, body: { title } })).code, 'not_found')
    t.same(await database.query('SELECT title, status FROM articles WHERE id = 2'), [{ title: 'Draft by Abe', status: 'archived' }])
    await database.query("UPDATE articles SET status = 'draft' WHERE id = 2")
  }
  meanwhile("UPDATE articles SET tenant_id = 'borealis' WHERE id = 3")
  t.equal((await ask('DELETE /articles/3', { as: 'ada' })).code, 'not_found')
  t.equal((await database.query('SELECT id FROM articles WHERE id = 3')).length, 1)
})

t.test('law 2: whatever is sent, the answer is not a 500', async () => {
  await reset()
  const anything = fc.oneof(fc.jsonValue({ noUnicodeString: false }), fc.record({
    username: fc.jsonValue(), password: fc.jsonValue(), title: fc.jsonValue(), body: fc.jsonValue(), status: fc.jsonValue(), notes: fc.jsonValue(), refresh_token: fc.jsonValue(),
  }, { requiredKeys: [] }))
  const requests = fc.constantFrom('POST /login', 'POST /token', 'POST /logout', 'POST /articles', 'PATCH /articles/3', 'PATCH /articles/6')
  await fc.assert(fc.asyncProperty(requests, anything, fc.constantFrom(...WHO), async (request, body, as) => {
    const { status } = await ask(request, { as, body })
    return status < 500
  }), { numRuns: 150 })

  const texts = fc.string({ unit: fc.oneof(fc.constantFrom('/', '?', '#', ';', '%', '%00', '..', 'articles', '=', '&'), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 })) })
  await fc.assert(fc.asyncProperty(fc.constantFrom('/articles/', '/articles?', '/tenants/', '/'), texts, fc.constantFrom(...WHO), async (start, rest, as) => {
    const { status } = await ask(`GET ${encodeURI(`${start}${rest}`).replaceAll('%25', '%')}`, { as })
    return status < 500
  }), { numRuns: 150 })

  // What a header may hold (RFC 9110 section 5.5); the client refuses to send anything else.
  const bytes = fc.string({ unit: fc.integer({ min: 32, max: 255 }).filter((code) => code !== 127).map((code) => String.fromCharCode(code)) })
  await fc.assert(fc.asyncProperty(fc.constantFrom('GET /me', 'GET /articles/2', 'GET /staging', 'DELETE /articles/2'), fc.constantFrom('', 'Bearer ', 'Basic '), bytes, async (request, scheme, rest) => {
    const { status } = await ask(request, { headers: { authorization: `${scheme}${rest}` } })
    return status < 500 && status !== 200
  }), { numRuns: 150 })

  await app.gatehouse.throttle.unlock({ ip: '127.0.0.1' })
})

t.test('law 10: without its database newsroom says that it cannot know, and nothing of why', async (t) => {
  await ask('GET /me', { as: 'ida' })
  await database.close()
  for (const request of ['GET /articles', 'GET /articles/1', 'DELETE /articles/1', 'GET /tenants/aurora/settings', 'GET /analytics', 'GET /admin/reports']) {
    const { status, code, json, headers } = await ask(request, { as: 'ida' })
    t.same({ status, code }, { status: 503, code: 'temporarily_unavailable' }, request)
    t.equal(json['detail'], 'This cannot be decided right now. Try again later.')
    t.equal(headers.get('retry-after'), '5')
  }
  for (let attempt = 1; attempt <= 7; attempt++) {
    t.equal((await ask('POST /login', { body: { username: 'ada', password: 'wrong' } })).status, 503, 'and a login is no attempt')
  }
  t.equal((await ask('GET /articles/1', { headers: { authorization: 'Bearer nonsense' } })).status, 401)
  t.equal((await ask('GET /me', { as: 'ida' })).status, 200, 'what needs no record, works')
})
