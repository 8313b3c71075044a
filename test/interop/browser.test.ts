/** A browser as it is: its password dialog, the scripts of pages, its cookies, and what can send no header. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import fastifyCookie from '@fastify/cookie'
import cors from '@fastify/cors'
import fastifySession from '@fastify/session'
import fastifyWebSocket from '@fastify/websocket'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { chromium, type Browser, type Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { WebSocket, type ClientOptions } from 'ws'
import gatehouse, { authenticated, signedIn, type GatehouseOptions } from '../../lib/index.ts'
import { basic, bearer, digest, digestHash, session } from '../../lib/authentication/schemes/index.ts'
import { AUDIENCE, goodClaims, ISSUER, now, SECRET, token } from '../authentication/tokens.ts'
import { handClock } from '../stores/hand-clock.ts'
import { program } from '../support/programs.ts'
import { onLoopback } from './loopback.ts'

interface Site {
  readonly app: FastifyInstance
  readonly origin: string
  /** How the requests for a path were answered since the last time: `GET 401`, and `GET Basic 200` with credentials of that scheme. */
  readonly seen: (path: string) => string[]
}

interface Dialog {
  readonly scheme: string
  readonly realm: string
}

/** What somebody types into a password dialog; `null` cancels it. */
type Typed = readonly [username: string, password: string] | null

const REALM = 'newsroom'
const PAGE = '<!doctype html><title>A page</title><link rel="icon" href="data:,">'
const HOUR = 3600
const local = { issuer: ISSUER, audience: AUDIENCE, secret: SECRET }
const good = token(goodClaims())
const expired = token({ ...goodClaims(), exp: now() - HOUR })

/** An application with a public page at `/`, before its gatehouse. */
async function site (t: Test): Promise<Site> {
  const { app, origin } = await onLoopback(t)
  const answers: Array<readonly [path: string, what: string]> = []
  app.addHook('onResponse', async ({ method, url, headers }, { statusCode }) => {
    const scheme = headers.authorization?.split(' ', 1) ?? []
    answers.push([url.split('?', 1)[0] as string, [method, ...scheme, statusCode].join(' ')])
  })
  return {
    app,
    origin,
    seen: (path) => answers.splice(0).filter((answer) => answer[0] === path).map(([, what]) => what),
  }
}

async function guarded (app: FastifyInstance, options: GatehouseOptions): Promise<void> {
  await app.register(gatehouse, { realm: REALM, ...options })
  app.get('/', { config: { access: 'public' } }, (_request, reply) => reply.type('text/html').send(PAGE))
}

/** Forms without any field. */
function takeForms (app: FastifyInstance): void {
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, _body, done) => done(null, null))
}

/** The origin of a page that somebody else has written: of another site with `localhost`, of the same site but another origin with `127.0.0.1`. */
async function elsewhere (t: Test, host: 'localhost' | '127.0.0.1' = 'localhost'): Promise<string> {
  const server = createServer((_request, response) => response.setHeader('content-type', 'text/html').end(PAGE))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://${host}:${(server.address() as AddressInfo).port}`
}

/** A page in a browser profile of its own. */
async function pageAt (t: Test, browser: Browser, url: string): Promise<Page> {
  const context = await browser.newContext()
  t.teardown(() => context.close())
  const page = await context.newPage()
  await page.goto(url)
  return page
}

/** Somebody sits at the password dialogs of the page: types what is in the list, from the first to the last, and cancels from then on. */
async function seated (page: Page, typed: Typed[]): Promise<{ dialogs: () => Dialog[] }> {
  const dialogs: Dialog[] = []
  const session = await page.context().newCDPSession(page)
  session.on('Fetch.requestPaused', ({ requestId }) => { session.send('Fetch.continueRequest', { requestId }).catch(() => {}) })
  session.on('Fetch.authRequired', ({ requestId, authChallenge: { scheme, realm } }) => {
    dialogs.push({ scheme, realm })
    const [username, password] = typed.shift() ?? []
    const authChallengeResponse = username === undefined || password === undefined
      ? { response: 'CancelAuth' as const }
      : { response: 'ProvideCredentials' as const, username, password }
    session.send('Fetch.continueWithAuth', { requestId, authChallengeResponse }).catch(() => {})
  })
  await session.send('Fetch.enable', { handleAuthRequests: true })
  return { dialogs: () => dialogs.splice(0) }
}

/** What a script of the page gets for this `fetch`; `null` where the browser keeps it from the script. */
async function fetchIn (page: Page, url: string, init: RequestInit = {}) {
  return page.evaluate(async ([url, init]) => {
    try {
      const response = await fetch(url, init)
      const text = await response.text()
      return { status: response.status, challenge: response.headers.get('www-authenticate'), text, code: text.startsWith('{') ? JSON.parse(text).code : undefined }
    } catch {
      return null
    }
  }, [url, init] as [string, RequestInit])
}

/** A form of the page that is sent, and what the browser then shows. */
async function postForm (page: Page, url: string): Promise<string | null> {
  await Promise.all([
    page.waitForURL(url),
    page.setContent(`${PAGE}<form method="post" action="${url}"><button>Win</button></form>`).then(() => page.getByRole('button').click()),
  ])
  return page.locator('body').textContent()
}

t.test('in a browser', async (t) => {
  const path = program(t, 'chromium')
  if (path === null) return
  const browser = await chromium.launch({ executablePath: path })
  t.teardown(() => browser.close())

  t.test('authn A1, A2: the dialog names the realm; who cancels it reads the page of the 401, who mistypes is asked again', async (t) => {
    const { app, origin, seen } = await site(t)
    const realm = 'The "press" room \\ 2'
    const passwords = new Map([['Jäsøn', 'pässword: 見出し']])
    await guarded(app, { schemes: [basic({ realm, verify: (username, password) => passwords.get(username) === password })] })
    app.get('/me', { config: { access: authenticated() } }, (request) => signedIn(request).id)
    await app.ready()
    const page = await pageAt(t, browser, origin)
    const typed: Typed[] = [null]
    const { dialogs } = await seated(page, typed)

    const cancelled = await page.goto(`${origin}/me`)
    t.equal(cancelled?.status(), 401)
    t.equal(await page.getByRole('heading', { level: 1 }).textContent(), '401 Unauthorized')
    t.match(await page.locator('body').textContent(), 'Code: unauthenticated')
    t.strictSame(dialogs(), [{ scheme: 'basic', realm }])
    t.strictSame(seen('/me'), ['GET 401'])

    typed.push(['Jäsøn', 'password'], ['Jäsøn', 'pässword: 見出し'])
    t.equal((await page.goto(`${origin}/me`))?.status(), 200)
    t.equal(await page.locator('body').textContent(), 'Jäsøn')
    t.equal(dialogs().length, 2)
    t.strictSame(seen('/me'), ['GET 401', 'GET Basic 401', 'GET Basic 200'])

    t.equal((await page.reload())?.status(), 200)
    t.strictSame([dialogs(), seen('/me')], [[], ['GET Basic 200']], 'from now on the browser knows')

    passwords.set('Jäsøn', 'changed')
    typed.push(['Jäsøn', 'changed'])
    t.equal((await page.reload())?.status(), 200)
    t.strictSame([dialogs().length, seen('/me')], [1, ['GET Basic 401', 'GET Basic 200']])
  })

  t.test('authn D4: Digest with SHA-256 goes before Basic; a nonce that expires is replaced, and nobody is asked', async (t) => {
    const { app, origin, seen } = await site(t)
    const clock = handClock(1_800_000_000_000)
    const record = { user: { id: 'ada' }, ha1: { 'SHA-256': digestHash('SHA-256', 'ada', REALM, 'correct:horse') } }
    const schemes = [basic({ verify: () => false }), digest({ lookup: (name) => name === 'ada' ? record : null, now: clock.now })]
    await guarded(app, { schemes })
    app.get('/me', { config: { access: authenticated() } }, (request) => signedIn(request).id)
    await app.ready()
    const page = await pageAt(t, browser, origin)
    const { dialogs } = await seated(page, [['ada', 'wrong'], ['ada', 'correct:horse']])

    t.equal((await page.goto(`${origin}/me?page=2`))?.status(), 200)
    t.equal(await page.locator('body').textContent(), 'ada')
    t.strictSame(dialogs(), [{ scheme: 'digest', realm: REALM }, { scheme: 'digest', realm: REALM }])
    t.strictSame(seen('/me'), ['GET 401', 'GET Digest 401', 'GET Digest 200'])

    t.equal((await page.reload())?.status(), 200)
    t.strictSame(seen('/me'), ['GET Digest 200'], 'the same nonce, counted on')
    for (let round = 0; round < 3; round++) {
      clock.advance(300_000)
      t.equal((await page.reload())?.status(), 200)
      t.strictSame(seen('/me'), ['GET Digest 401', 'GET Digest 200'])
    }
    clock.advance(300_000)
    t.equal((await page.goto(`${origin}/me?page=3`))?.status(), 200, 'also at another address')
    t.strictSame(dialogs(), [])
  })

  t.test('authn A5: a script gets its 401 and the page no dialog, whatever kind of request it makes', async (t) => {
    const { app, origin, seen } = await site(t)
    const verify = (username: string, password: string) => username === 'ada' && password === 'correct'
    await guarded(app, { schemes: [basic({ verify })] })
    app.get('/me', { config: { access: authenticated() } }, (request) => signedIn(request).id)
    app.get('/asks', { config: { access: authenticated({ schemes: [basic({ verify, spareFetch: false })] }) } }, (request) => signedIn(request).id)
    await app.ready()
    const page = await pageAt(t, browser, origin)
    const { dialogs } = await seated(page, [null])

    const challenge = 'xBasic realm="newsroom", charset="UTF-8"'
    t.match(await fetchIn(page, '/me'), { status: 401, code: 'unauthenticated', challenge })
    const { status, challenge: again } = await page.evaluate(async () => {
      const request = new (globalThis as any).XMLHttpRequest()
      request.open('GET', '/me')
      await new Promise((resolve) => {
        request.onloadend = resolve
        request.send()
      })
      return { status: request.status, challenge: request.getResponseHeader('www-authenticate') }
    })
    t.strictSame([status, again], [401, challenge])
    t.equal(await imageIn(page, '/me'), 0, 'an image')
    t.match(await fetchIn(page, '/me', { headers: { authorization: 'Basic YWRhOndyb25n' } }), { status: 401, code: 'invalid_credentials', challenge })
    t.match(await fetchIn(page, '/me', { headers: { authorization: `Basic ${btoa('ada:correct')}` } }), { status: 200, text: 'ada' })
    t.strictSame(dialogs(), [])
    t.strictSame(seen('/me'), ['GET 401', 'GET 401', 'GET 401', 'GET Basic 401', 'GET Basic 200'])

    t.match(await fetchIn(page, '/asks'), { status: 401, challenge: 'Basic realm="newsroom", charset="UTF-8"' })
    t.strictSame(dialogs(), [{ scheme: 'basic', realm: REALM }], 'where scripts are not spared, a dialog is in their way')
  })

  t.test('authn H1: with @fastify/cors a page of another origin can read the 401 and its challenge, and come again', async (t) => {
    const { app, origin, seen } = await site(t)
    const front = await elsewhere(t)
    await app.register(cors, { origin: front, methods: ['GET', 'DELETE'] })
    await guarded(app, { schemes: [bearer(local), basic({ verify: () => false })] })
    app.get('/me', { config: { access: authenticated() } }, (request) => signedIn(request).id)
    app.delete('/articles/7', { config: { access: authenticated() } }, (request) => signedIn(request).id)
    await app.ready()
    const page = await pageAt(t, browser, front)
    const { dialogs } = await seated(page, [])
    const authorization = `Bearer ${good}`

    const nothing = await fetchIn(page, `${origin}/me`)
    t.match(nothing, { status: 401, code: 'unauthenticated', challenge: 'Bearer realm="newsroom", xBasic realm="newsroom", charset="UTF-8"' })
    t.match(await fetchIn(page, `${origin}/me`, { headers: { authorization: `Bearer ${expired}` } }), { status: 401, code: 'invalid_credentials', challenge: /^Bearer realm="newsroom", error="invalid_token"/ })
    t.match(await fetchIn(page, `${origin}/me`, { headers: { authorization } }), { status: 200, text: 'ada' })
    t.strictSame(seen('/me').filter((what) => !what.startsWith('OPTIONS')), ['GET 401', 'GET Bearer 401', 'GET Bearer 200'])

    t.match(await fetchIn(page, `${origin}/articles/7`, { method: 'DELETE', headers: { authorization } }), { status: 200, text: 'ada' })
    t.strictSame(seen('/articles/7'), ['OPTIONS 204', 'DELETE Bearer 200'])
    t.match(await fetchIn(page, `${origin}/articles/7`, { method: 'DELETE' }), { status: 401, challenge: /^Bearer realm="newsroom"/ })
    t.strictSame(dialogs(), [])

    const stranger = await pageAt(t, browser, await elsewhere(t))
    t.equal(await fetchIn(stranger, `${origin}/me`, { headers: { authorization } }), null, 'a page that @fastify/cors does not know reads nothing')
  })

  t.test('authn C2: a session serves its own pages, and no form or script of others', async (t) => {
    const { app, origin, seen } = await site(t)
    await app.register(fastifyCookie)
    await app.register(fastifySession, { secret: 'the secret of the sessions, 32 characters or more', cookie: { secure: false } })
    let published = 0
    const bySession = session({ key: 'userId', user: (kept: any) => ({ id: kept.userId }) })
    await guarded(app, { schemes: [bySession] })
    takeForms(app)
    app.post('/sign-in', { config: { access: 'public' } }, (request, reply) => {
      Object.assign((request as unknown as { session: object }).session, { userId: 'ada' })
      return reply.code(204).send()
    })
    app.route({
      method: ['GET', 'POST'],
      url: '/articles',
      config: { access: authenticated() },
      handler (request) {
        if (request.method === 'POST') published++
        return signedIn(request).id
      },
    })
    await app.ready()
    const page = await pageAt(t, browser, origin)

    t.match(await fetchIn(page, '/articles', { method: 'POST' }), { status: 401, challenge: 'Session realm="newsroom"' })
    t.equal((await fetchIn(page, '/sign-in', { method: 'POST' }))?.status, 204)
    t.match(await fetchIn(page, '/articles', { method: 'POST' }), { status: 200, text: 'ada' })
    t.equal(await postForm(page, `${origin}/articles`), 'ada')
    t.equal(published, 2)
    seen('/articles')

    const foreign = await elsewhere(t)
    await page.goto(foreign)
    t.match(await postForm(page, `${origin}/articles`), 'Code: cross_site')
    t.strictSame(seen('/articles'), ['POST 403'], 'a form of another site, with the cookie')

    await page.goto(await elsewhere(t, '127.0.0.1'))
    await fetchIn(page, `${origin}/articles`, { method: 'POST', credentials: 'include', mode: 'no-cors' })
    t.strictSame(seen('/articles'), ['POST 403'], 'a script of another origin of the same site')

    t.equal(published, 2, 'nothing of it was done')

    await page.goto(foreign)
    await page.setContent(`<a href="${origin}/articles">news</a>`)
    await Promise.all([page.waitForURL(`${origin}/articles`), page.getByRole('link').click()])
    t.equal(await page.locator('body').textContent(), 'ada', 'a link of another site may be followed')
  })

  t.test('authn C2: a token in a cookie serves its own pages, those of trusted origins, and no others', async (t) => {
    const { app, origin, seen } = await site(t)
    const front = await elsewhere(t, '127.0.0.1')
    await app.register(cors, { origin: front, credentials: true })
    await app.register(fastifyWebSocket)
    const byCookie = bearer({ ...local, cookie: 'token' })
    const alsoFromFront = bearer({ ...local, cookie: { name: 'token', origins: [front] } })
    await guarded(app, { schemes: [byCookie] })
    takeForms(app)
    app.post('/token', { config: { access: 'public' } }, (request, reply) => {
      return reply.code(204).header('set-cookie', `token=${String(request.body)}; HttpOnly; Secure; SameSite=None`).send()
    })
    app.post('/articles', { config: { access: authenticated() } }, (request) => signedIn(request).id)
    app.post('/from-front', { config: { access: authenticated({ schemes: [alsoFromFront] }) } }, (request) => signedIn(request).id)
    app.get('/socket', { websocket: true, config: { access: authenticated() } }, echo)
    await app.ready()
    const socket = `${origin.replace('http', 'ws')}/socket`

    const page = await pageAt(t, browser, origin)
    t.equal((await fetchIn(page, '/token', { method: 'POST', body: expired }))?.status, 204)
    t.match(await fetchIn(page, '/articles', { method: 'POST' }), { status: 401, challenge: /^Bearer realm="newsroom", error="invalid_token"/ })
    t.equal((await fetchIn(page, '/token', { method: 'POST', body: good }))?.status, 204)
    t.match(await fetchIn(page, '/articles', { method: 'POST' }), { status: 200, text: 'ada' })
    t.strictSame(await socketIn(page, socket, ['chat']), { protocol: 'chat', said: 'ada says hello' })
    seen('')

    await page.goto(await elsewhere(t))
    t.match(await postForm(page, `${origin}/articles`), 'Code: cross_site')
    t.strictSame(seen('/articles'), ['POST 403'], 'a form of another site, with the cookie')

    await page.goto(await elsewhere(t, '127.0.0.1'))
    await fetchIn(page, `${origin}/articles`, { method: 'POST', credentials: 'include', mode: 'no-cors' })
    t.strictSame(seen('/articles'), ['POST 403'], 'a script of another origin of the same site')
    t.strictSame(await socketIn(page, socket, ['chat']), { closed: 1006 })
    t.strictSame(seen('/socket'), ['GET 403'], 'its WebSocket, which it could read')

    await page.goto(front)
    t.match(await fetchIn(page, `${origin}/articles`, { method: 'POST', credentials: 'include' }), { status: 403, code: 'cross_site', challenge: null })
    t.match(await fetchIn(page, `${origin}/from-front`, { method: 'POST', credentials: 'include' }), { status: 200, text: 'ada' })
  })

  t.test('a WebSocket opens with its token as a subprotocol, which does not come back, and not without', async (t) => {
    const { app, origin, seen } = await site(t)
    await app.register(fastifyWebSocket)
    await guarded(app, { schemes: [bearer({ ...local, subprotocol: true }), basic({ verify: () => false })] })
    app.get('/socket', { websocket: true, config: { access: authenticated() } }, echo)
    const url = `${origin.replace('http', 'ws')}/socket`
    await app.ready()
    const page = await pageAt(t, browser, origin)
    const { dialogs } = await seated(page, [])
    const handshakes: Array<{ status: number, headers: Record<string, string>, text: string }> = []
    const network = await page.context().newCDPSession(page)
    network.on('Network.webSocketHandshakeResponseReceived', ({ response: { status, headers, headersText = '' } }) => handshakes.push({ status, headers, text: headersText }))
    await network.send('Network.enable')

    t.strictSame(await socketIn(page, url, ['chat', `bearer.${good}`]), { protocol: 'chat', said: 'ada says hello' })
    const [opened] = handshakes
    t.equal(opened?.status, 101)
    t.equal(opened?.headers['Sec-WebSocket-Protocol'], 'chat')
    t.notMatch(JSON.stringify(opened), good)
    t.strictSame(seen('/socket'), [])

    for (const protocols of [[], ['chat'], ['chat', `bearer.${expired}`], [`bearer.${good}`, 'chat'], [`bearer.${good}`]]) {
      t.strictSame(await socketIn(page, url, protocols), { closed: 1006 })
      t.strictSame(seen('/socket'), ['GET 401'], String(protocols).slice(0, 20))
    }
    t.strictSame(dialogs(), [], 'and no dialog')
    t.strictSame(await socketIn(page, url, ['chat', `bearer.${good}`]), { protocol: 'chat', said: 'ada says hello' }, 'the page can try again')
    await page.goto(await elsewhere(t))
    t.match(await socketIn(page, url, ['chat', `bearer.${good}`]), { said: 'ada says hello' }, 'a page that has the token may be anywhere')
  })

  t.test('authn B7: an image and an EventSource, which send no header, have their token in the address, and are not kept', async (t) => {
    const { app, origin, seen } = await site(t)
    await guarded(app, { schemes: [bearer({ ...local, query: true })] })
    const photo = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"/>')
    const cached = { 'cache-control': 'max-age=3600', 'content-type': 'image/svg+xml' }
    app.get('/photo', { config: { access: authenticated() } }, (_request, reply) => reply.headers(cached).send(photo))
    app.get('/logo', { config: { access: 'public' } }, (_request, reply) => reply.headers(cached).send(photo))
    app.get('/events', { config: { access: authenticated() } }, (request, reply) => reply.type('text/event-stream').send(Readable.from([`data: for ${signedIn(request).id}\n\n`])))
    await app.ready()
    const page = await pageAt(t, browser, origin)
    const answer = page.waitForResponse(/\/photo/)
    for (let visit = 0; visit < 2; visit++) {
      t.equal(await imageIn(page, `/photo?access_token=${good}`), 7)
      t.strictSame(seen('/photo'), ['GET 200'], 'asked for again on the next page')
      t.equal(await imageIn(page, '/logo'), 7)
      t.strictSame(seen('/logo'), visit === 0 ? ['GET 200'] : [], 'what is public is kept')
      await page.goto(origin)
    }
    t.equal((await answer).headers()['cache-control'], 'no-store')
    t.equal(await imageIn(page, '/photo'), 0)
    t.equal(await imageIn(page, `/photo?access_token=${expired}`), 0)
    t.strictSame(seen('/photo'), ['GET 401', 'GET 401'])

    t.strictSame(await eventsIn(page, `/events?access_token=${expired}`), { state: 2 }, 'closed for good, so it does not come again and again')
    t.strictSame(seen('/events'), ['GET 401'])
    t.strictSame(await eventsIn(page, `/events?access_token=${good}`), { said: 'for ada' })
  })
})

t.test('a WebSocket of ws is refused with a 401, its challenge and its reason, and opens with a token', async (t) => {
  const { app, origin, seen } = await site(t)
  await app.register(fastifyWebSocket)
  await guarded(app, { schemes: [bearer({ ...local, subprotocol: true })] })
  app.get('/socket', { websocket: true, config: { access: authenticated() } }, echo)
  await app.ready()
  const url = `${origin.replace('http', 'ws')}/socket`

  const refused = async (protocols: string[], options: ClientOptions = {}) => {
    const socket = new WebSocket(url, protocols, options)
    const [, response] = await once(socket, 'unexpected-response')
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk)
    return { status: response.statusCode, challenge: response.headers['www-authenticate'], code: JSON.parse(Buffer.concat(chunks).toString()).code }
  }
  const error = 'Bearer realm="newsroom", error="invalid_token", error_description='
  t.strictSame(await refused(['chat']), { status: 401, challenge: 'Bearer realm="newsroom"', code: 'unauthenticated' })
  for (const wrong of [await refused(['chat', `bearer.${expired}`]), await refused([`bearer.${good}`, 'chat']), await refused([], { headers: { authorization: `Bearer ${expired}` } })]) {
    t.match(wrong, { status: 401, code: 'invalid_credentials' })
    t.ok(String(wrong.challenge).startsWith(error), wrong.challenge)
  }
  t.strictSame(seen('/socket'), ['GET 401', 'GET 401', 'GET 401', 'GET Bearer 401'])

  for (const [protocols, options] of [[['chat', `bearer.${good}`], {}], [['chat'], { headers: { authorization: `Bearer ${good}` } }]] as const) {
    const socket = new WebSocket(url, [...protocols], options)
    const [[upgrade]] = await Promise.all([once(socket, 'upgrade'), once(socket, 'open')])
    socket.send('hello')
    const [[said]] = await Promise.all([once(socket, 'message'), once(socket, 'close')])
    t.equal(String(said), 'ada says hello')
    t.notMatch(upgrade.rawHeaders.join('\n'), good)
  }
})

/** Says who says what, once. */
function echo (socket: WebSocket, request: FastifyRequest): void {
  socket.once('message', (said) => {
    socket.send(`${signedIn(request).id} says ${String(said)}`)
    socket.close()
  })
}

/** A WebSocket of the page: what it was answered, or with which code it was closed. */
async function socketIn (page: Page, url: string, protocols: readonly string[]): Promise<{ protocol: string, said: string } | { closed: number }> {
  return page.evaluate(([url, protocols]) => new Promise((resolve) => {
    const socket = new (globalThis as any).WebSocket(url, protocols)
    socket.onopen = () => socket.send('hello')
    socket.onmessage = ({ data }: { data: string }) => resolve({ protocol: socket.protocol, said: data })
    socket.onclose = ({ code }: { code: number }) => resolve({ closed: code })
  }), [url, protocols] as const)
}

/** The width of an image on the page; 0 where it could not be loaded. */
async function imageIn (page: Page, url: string): Promise<number> {
  return page.evaluate((url) => new Promise<number>((resolve) => {
    const image = new (globalThis as any).Image()
    image.onload = () => resolve(image.naturalWidth)
    image.onerror = () => resolve(0)
    image.src = url
  }), url)
}

/** The first event that the page is sent, or the state after an error: 2 is closed for good. */
async function eventsIn (page: Page, url: string): Promise<{ said: string } | { state: number }> {
  return page.evaluate((url) => new Promise((resolve) => {
    const events = new (globalThis as any).EventSource(url)
    events.onmessage = ({ data }: { data: string }) => {
      resolve({ said: data })
      events.close()
    }
    events.onerror = () => resolve({ state: events.readyState })
  }), url)
}
