/** Staying signed in at newsroom, and signing out: refresh tokens, their families, and tokens that end before their time. */
import { Writable } from 'node:stream'
import fc from 'fast-check'
import t from 'tap'
import { passwordOf } from '../../examples/newsroom/people.ts'
import { by, running, signIn, tokensOf, type Answer } from './running.ts'

let log = ''
const stream = new Writable({ write (chunk, _encoding, done) { log += String(chunk); done() } })
const { app, ask, database, reset } = await running({ logger: { level: 'trace', stream } })
t.teardown(() => app.close())

const refresh = async (token: string): Promise<Answer> => await ask('POST /token', { body: { refresh_token: token } })
const statusOf = async (request: string, access: string): Promise<number> => (await ask(request, by(access))).status
const sidOf = (access: string): string => app.jwt.decode<{ sid: string }>(access)?.sid ?? ''

/** What a client can see of an answer, but for when and how long. */
function seen ({ status, text, headers }: Answer): object {
  return { status, text, headers: [...headers].filter(([name]) => name !== 'date' && name !== 'ratelimit') }
}

t.test('a refresh token brings new tokens of both kinds, and a new one each time', async (t) => {
  let { access, refresh: token } = await signIn(ask, 'rex')
  const all = new Set([access, token])
  for (let times = 1; times <= 3; times++) {
    const answer = await refresh(token)
    t.equal(answer.status, 200)
    t.equal(answer.headers.get('cache-control'), 'no-store')
    t.same(Object.keys(answer.json), ['access_token', 'token_type', 'expires_in', 'refresh_token'])
    t.match(answer.json, { token_type: 'Bearer', expires_in: 900, refresh_token: /^newsroom_refresh_[\w-]{43}$/ })
    t.same((await ask('GET /me', by(answer.json['access_token']))).json, { id: 'rex', tenantId: 'aurora', roles: ['reader'], plan: 'free' })
    t.equal(await statusOf('GET /me', access), 200, 'requests on their way with the token before still pass')
    ;({ access, refresh: token } = tokensOf(answer))
    all.add(access).add(token)
  }
  t.equal(all.size, 8)
})

t.test('what is new about the person is in the new token: roles, plan, and that the account is suspended', async (t) => {
  t.teardown(() => database.query("UPDATE users SET roles = '{reader}', plan = 'free', suspended = false WHERE name = 'rex'"))
  const first = await signIn(ask, 'rex')
  await database.query("UPDATE users SET roles = '{editor}', plan = 'pro' WHERE name = 'rex'")
  const second = tokensOf(await refresh(first.refresh))
  t.match((await ask('GET /me', by(second.access))).json, { roles: ['editor'], plan: 'pro' })
  await database.query("UPDATE users SET suspended = true WHERE name = 'rex'")
  const third = await refresh(second.refresh)
  t.equal(third.status, 200, 'a suspended person stays signed in')
  t.equal((await ask('GET /articles', by(tokensOf(third).access))).code, 'account_suspended')
  t.equal(await statusOf('GET /me', tokensOf(third).access), 200)
})

t.test('a refreshed token is no newer sign-in: to delete still takes one', async (t) => {
  await reset()
  const { access, refresh: token } = await signIn(ask, 'ada')
  t.equal(await statusOf('DELETE /articles/2', access), 204)
  await database.query("UPDATE families SET auth_time = auth_time - interval '301 seconds' WHERE id = $1", [sidOf(access)])
  const next = tokensOf(await refresh(token))
  const answer = await ask('DELETE /articles/1', by(next.access))
  t.match(answer, { status: 401, code: 'insufficient_user_authentication' })
  t.match(answer.headers.get('www-authenticate'), /max_age="300"/)
  t.equal(await statusOf('GET /articles/1', next.access), 200)
  t.equal(await statusOf('DELETE /articles/1', (await signIn(ask, 'ada')).access), 204)
})

t.test('a refresh token that is used twice ends its family: every refresh token, and every access token that still lives', async (t) => {
  const other = await signIn(ask, 'abe')
  const first = await signIn(ask, 'abe')
  const second = tokensOf(await refresh(first.refresh))
  const third = tokensOf(await refresh(second.refresh))
  t.match(await refresh(first.refresh), { status: 401, code: 'invalid_credentials' })

  t.equal((await refresh(third.refresh)).status, 401)
  const invalid = seen(await ask('GET /me', by('nonsense')))
  for (const { access } of [first, second, third]) t.same(seen(await ask('GET /me', by(access))), invalid, 'as any token that is not valid')
  t.equal(await statusOf('GET /articles', third.access), 401, 'on optional routes too')
  t.equal(await statusOf('GET /', third.access), 200, 'on public ones nobody looks')

  t.equal(await statusOf('GET /me', other.access), 200, 'another sign-in of the same person goes on')
  t.equal((await refresh(other.refresh)).status, 200)
})

t.test('of fifty uses at once one wins, and the others end the family', async (t) => {
  const { access, refresh: token } = await signIn(ask, 'bea')
  const answers = await Promise.all(Array.from({ length: 50 }, () => refresh(token)))
  const won = answers.filter(({ status }) => status === 200)
  t.equal(won.length, 1)
  t.equal(answers.filter(({ status, code }) => status === 401 && code === 'invalid_credentials').length, 49)
  const next = tokensOf(won[0] as Answer)
  for (const token of [access, next.access]) t.equal(await statusOf('GET /me', token), 401)
  t.equal((await refresh(next.refresh)).status, 401)
})

t.test('one that is unknown, expired, ended, used, or whose person is gone is the same challenged 401', async (t) => {
  await database.query("INSERT INTO users SELECT 'eve', tenant_id, roles, plan, false, password_hash FROM users WHERE name = 'rex'")
  const gone = tokensOf(await ask('POST /login', { body: { username: 'eve', password: passwordOf('rex') } }))
  await database.query("DELETE FROM users WHERE name = 'eve'")

  const expired = await signIn(ask, 'ida')
  await database.query('UPDATE families SET expires_at = now() WHERE id = $1', [sidOf(expired.access)])

  const ended = await signIn(ask, 'ida')
  await ask('POST /logout', by(ended.access))

  const used = await signIn(ask, 'ida')
  await refresh(used.refresh)

  const [unknown, ...others] = await Promise.all(['nonsense', gone.refresh, expired.refresh, ended.refresh, used.refresh].map(refresh))
  t.match(unknown, { status: 401, code: 'invalid_credentials' })
  t.equal(unknown?.headers.get('www-authenticate'), 'Bearer realm="newsroom"')
  for (const other of others) t.same(seen(other), seen(unknown as Answer))
  for (const { refresh: token } of [gone, expired]) t.equal((await refresh(token)).status, 401, 'and it is no use, but stays what it is')
})

t.test('law 2: a body that is no refresh token is a 400', async (t) => {
  const bodies = [{}, [], null, 'text', { refresh_token: '' }, { refresh_token: null }, { refresh_token: 5 }, { refresh_token: ['a'] }, { refresh_token: 'x'.repeat(257) }]
  for (const body of bodies) t.equal((await ask('POST /token', { body })).status, 400, JSON.stringify(body).slice(0, 40))
  t.equal((await ask('POST /token')).status, 400, 'without a body')
  t.equal((await ask('POST /token', { headers: { 'content-type': 'application/json' } })).status, 400, 'with an empty one')
  const form = await ask('POST /token', { body: { refresh_token: 'x' }, headers: { 'content-type': 'application/x-www-form-urlencoded' } })
  t.equal(form.status, 415, 'JSON only')
  t.equal((await ask('POST /token', { body: { refresh_token: 'x' }, headers: { 'content-type': 'text/plain' } })).status, 400)

  await fc.assert(fc.asyncProperty(fc.string({ minLength: 1, maxLength: 256, unit: 'binary' }), async (text) => {
    const { status } = await refresh(text)
    return status === 401
  }), { numRuns: 50 })
})

t.test('who signs out is signed out: the token, and all that came of the same sign-in', async (t) => {
  for (const name of ['rex', 'sam']) {
    const other = await signIn(ask, name)
    const first = await signIn(ask, name)
    const second = tokensOf(await refresh(first.refresh))
    const { status, headers, text } = await ask('POST /logout', by(second.access))
    t.same([status, headers.get('cache-control'), text], [204, 'no-store', ''], name)

    const invalid = seen(await ask('GET /me', by('nonsense')))
    for (const { access } of [first, second]) t.same(seen(await ask('GET /me', by(access))), invalid)
    t.equal((await refresh(second.refresh)).status, 401)
    t.equal((await ask('POST /logout', by(second.access))).status, 401)
    t.equal(await statusOf('GET /me', other.access), 200, 'another sign-in goes on')
  }
})

t.test('a token that came of no sign-in here can be ended too', async (t) => {
  const exp = Math.floor(Date.now() / 1000) + 60
  const own = app.jwt.sign({ sub: 'rex', roles: ['reader'], plan: 'free', suspended: false, exp })
  const other = app.jwt.sign({ sub: 'rex', roles: ['reader'], plan: 'free', suspended: false, exp: exp + 1 })
  t.equal(await statusOf('POST /logout', own), 204)
  t.equal(await statusOf('GET /me', own), 401)
  t.equal(await statusOf('GET /me', other), 200)
})

t.test('only hashes are stored, and what has long expired is removed', async (t) => {
  const { access, refresh: token } = await signIn(ask, 'abe')
  const stored = JSON.stringify([await database.query('SELECT * FROM families'), await database.query('SELECT * FROM refresh_tokens')])
  t.ok(stored.includes(sidOf(access)))
  t.notOk(stored.includes(token.replace('newsroom_refresh_', '')))

  await refresh(token)
  await database.query("UPDATE families SET expires_at = now() - interval '6 minutes' WHERE person = 'abe'")
  await signIn(ask, 'abe')
  t.match(await database.query("SELECT count(*)::integer AS n FROM families WHERE person = 'abe'"), [{ n: 1 }])
  t.match(await database.query("SELECT count(*)::integer AS n FROM refresh_tokens JOIN families ON id = family WHERE person = 'abe'"), [{ n: 1 }])
  t.match(await database.query('SELECT count(*)::integer AS n FROM refresh_tokens WHERE family = $1', [sidOf(access)]), [{ n: 0 }])
})

t.test('law 10: without its database newsroom renews and ends nothing, and says that it cannot', async (t) => {
  const { access, refresh: token } = await signIn(ask, 'ida')
  await database.close()
  for (const answer of [await refresh(token), await refresh('nonsense'), await ask('POST /logout', by(access))]) {
    t.match(answer, { status: 503, code: 'temporarily_unavailable' })
    t.equal(answer.headers.get('retry-after'), '5')
  }
  t.equal(await statusOf('GET /me', access), 200, 'who could not sign out can try again')
})

t.test('law 7: why is in the log, and no secret is', async (t) => {
  for (const reason of ['the refresh token was used before, so its family has ended', 'the refresh token is unknown, has expired, or was ended', 'the token was revoked', 'the database gave no answer']) {
    t.ok(log.includes(reason), reason)
  }
  t.notMatch(log, /newsroom_refresh_[\w-]/)
  t.notMatch(log, /eyJ[\w-]+\.[\w-]+\.[\w-]+/, 'no access token')
  t.notOk(log.includes('correct horse'))
})
