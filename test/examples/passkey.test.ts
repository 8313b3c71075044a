/** The passkey example: a scheme of one's own, with a real browser and its virtual authenticator. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { chromium, type Browser, type CDPSession, type Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { program } from '../support/programs.ts'

process.env['LOG_LEVEL'] = 'silent'
const { build } = await import('../../examples/passkey/app.ts')

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const CHALLENGE = /^Passkey realm="passkeys", challenge="([\w-]{72})", rp-id="localhost"$/

interface Example {
  readonly app: FastifyInstance
  readonly origin: string
  readonly ask: (method: 'DELETE' | 'GET' | 'POST', url: string, sent?: { readonly authorization?: string, readonly cookie?: string, readonly body?: object, readonly site?: string }) => Promise<LightMyRequestResponse>
  /** A new challenge, from the 401 of `POST /sign-in`. */
  readonly challenge: () => Promise<string>
  /** What a sign-in with this assertion is answered. */
  readonly signIn: (assertion: Assertion) => Promise<LightMyRequestResponse>
}

/** As `PublicKeyCredential.toJSON()` makes it. */
interface Assertion {
  readonly id: string
  readonly rawId: string
  readonly type: string
  readonly response: { readonly clientDataJSON: string, readonly authenticatorData: string, readonly signature: string, readonly userHandle?: string }
}

async function example (t: Test, now: () => number = Date.now): Promise<Example> {
  const app = await build({ now })
  t.teardown(() => app.close())
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const ask: Example['ask'] = async (method, url, { authorization, cookie, body, site = 'same-origin' } = {}) => await app.inject({
    method,
    url,
    headers: { 'sec-fetch-site': site, ...(authorization !== undefined && { authorization }), ...(cookie !== undefined && { cookie }) },
    ...(body !== undefined && { payload: body }),
  })
  return {
    app,
    origin: `http://localhost:${port}`,
    ask,
    challenge: async () => CHALLENGE.exec(String((await ask('POST', '/sign-in')).headers['www-authenticate']))?.[1] ?? '',
    signIn: (assertion) => ask('POST', '/sign-in', { authorization: authorization(assertion) }),
  }
}

function authorization (assertion: unknown): string {
  return `Passkey ${Buffer.from(JSON.stringify(assertion)).toString('base64url')}`
}

/** Without its attributes, as a browser sends it back. */
function cookieOf (response: LightMyRequestResponse): string {
  return String([response.headers['set-cookie']].flat()[0]).split(';')[0] as string
}

/** A 401 with a challenge of its own, and none of the reasons. */
function refused (t: Test, response: LightMyRequestResponse, what: string): void {
  t.equal(response.statusCode, 401, what)
  t.match(response.headers['www-authenticate'], CHALLENGE, `${what}: the challenge`)
  t.equal(response.headers['set-cookie'], undefined, `${what}: no session`)
  const { code, detail } = response.json()
  t.same({ code, detail }, { code: 'invalid_credentials', detail: 'The credentials are not valid.' }, `${what}: nothing of why`)
}

t.test('signed out: a 401 with the challenge of each scheme that the route takes', async (t) => {
  const { ask } = await example(t)
  const me = await ask('GET', '/me')
  t.equal(me.statusCode, 401)
  t.same(me.headers['www-authenticate'], ['Session realm="passkeys"'], 'this route takes the session only')

  const signIn = await ask('POST', '/sign-in')
  t.equal(signIn.statusCode, 401)
  t.match(signIn.headers['www-authenticate'], CHALLENGE)
  t.match(signIn.headers, { 'cache-control': 'no-store', vary: /\bAuthorization\b/ })
  t.not((await ask('POST', '/sign-in')).headers['www-authenticate'], signIn.headers['www-authenticate'], 'a challenge of its own each time')

  const account = await ask('DELETE', '/account')
  t.equal(account.statusCode, 401)
  t.match(account.headers['www-authenticate'], ['Session realm="passkeys"', CHALLENGE])
  t.equal(me.headers['set-cookie'] ?? signIn.headers['set-cookie'], undefined, 'nobody gets a session for asking')
})

t.test('law 2: whatever stands behind Passkey, it is a 401', async (t) => {
  const { ask, challenge } = await example(t)
  const clientData = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const odd = fc.oneof(
    fc.string().map((text) => `Passkey ${text.replace(/[^\x20-\x7e]/g, '?')}`),
    fc.json().map((json) => `Passkey ${Buffer.from(json).toString('base64url')}`),
    fc.record({ id: fc.anything(), rawId: fc.anything(), type: fc.constantFrom('public-key', null), response: fc.oneof(fc.anything(), fc.record({ userHandle: fc.anything(), clientDataJSON: fc.anything() })) })
      .map((value) => { try { return authorization(value) } catch { return 'Passkey' } }),
    fc.constantFrom('Passkey', 'passkey  x', authorization(null), authorization({ response: { userHandle: '__proto__' } }))
  )
  await fc.assert(fc.asyncProperty(odd, async (authorization) => {
    const response = await ask('POST', '/sign-in', { authorization })
    return response.statusCode === 401 && CHALLENGE.test(String(response.headers['www-authenticate']))
  }), { numRuns: 90 }) // the hundredth wrong one of a network is a 429

  const guess = { id: 'AAAA', rawId: 'AAAA', type: 'public-key', response: { userHandle: 'AAAA', clientDataJSON: clientData({ type: 'webauthn.get', challenge: await challenge() }) } }
  refused(t, await ask('POST', '/sign-in', { authorization: authorization(guess) }), 'a passkey that nobody has')
  t.equal((await ask('GET', '/me', { authorization: authorization(guess) })).json().code, 'unauthenticated', 'elsewhere it counts as nothing sent')
})

t.test('nobody registers with nonsense', async (t) => {
  const { ask } = await example(t)
  t.equal((await ask('POST', '/register/options', { body: { name: '' } })).statusCode, 400)
  await fc.assert(fc.asyncProperty(fc.dictionary(fc.constantFrom('id', 'rawId', 'type', 'response'), fc.jsonValue()), async (response) => {
    const answer = await ask('POST', '/register', { body: { user: { id: 'AAAA', name: 'Ada' }, response } })
    // Fastify itself refuses a body with that key.
    return answer.statusCode === 400 && (answer.json().code === 'invalid_request' || JSON.stringify(response).includes('"__proto__"'))
  }))
})

t.test('docs/schemes.md shows the scheme as it is', async (t) => {
  const scheme = readFileSync(`${ROOT}examples/passkey/scheme.ts`, 'utf8')
  const shown = scheme.slice(scheme.indexOf('export function'))
  t.ok(readFileSync(`${ROOT}docs/schemes.md`, 'utf8').includes(shown))
})

t.test('as a process it says in one line where it listens', async (t) => {
  const { PATH = '', HOME = '' } = process.env
  // Another loader makes other code of the same files: its coverage would be added to the wrong lines.
  const env = { PATH, HOME, PORT: '0', _TAPJS_PROCESSINFO_COVERAGE_: '0' }
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/passkey/app.ts'], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill('SIGKILL') })
  const ended = once(child, 'close').then(([code]) => { throw new Error(`it ended: ${code}`) })
  const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), ended]) as [string]
  ended.catch(() => {})
  t.match(line, /^passkey listens on http:\/\/localhost:[1-9]\d*$/)
  const origin = line.slice(line.indexOf('http'))
  t.equal((await fetch(`${origin}/me`)).status, 401)
  const home = await fetch(origin)
  t.match(await home.text(), '<title>Passkeys</title>')
  t.match(home.headers.get('content-security-policy'), "default-src 'none'")
})

t.test('in a browser', async (t) => {
  const path = program(t, 'chromium')
  if (path === null) return
  const browser = await chromium.launch({ executablePath: path })
  t.teardown(() => browser.close())

  t.test('register, sign in, sign out, and ask again before the account is deleted', async (t) => {
    let behind = 0
    const { app, origin } = await example(t, () => Date.now() - behind)
    const { page, problems, requests } = await person(t, browser, origin)
    const status = (text: string) => page.getByRole('status').filter({ hasText: text }).waitFor()
    const button = (name: string) => page.getByRole('button', { name }).click()

    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    t.equal(await page.getByRole('button', { name: 'Sign out' }).count(), 0, 'what is for the signed-in is not there')
    await page.getByLabel('Your name').fill('Ada')
    await button('Create a passkey')
    await status('The passkey of Ada is registered.')

    behind = 120_000
    await button('Sign in with a passkey')
    await status('You are signed in.')
    await page.getByRole('heading', { name: 'Hello, Ada' }).waitFor()
    t.equal(await page.evaluate('document.activeElement.textContent'), 'Hello, Ada', 'the focus goes along')
    const [cookie] = await page.context().cookies()
    t.match(cookie, { name: 'sessionId', httpOnly: true, sameSite: 'Lax' })
    await page.reload()
    await page.getByRole('heading', { name: 'Hello, Ada' }).waitFor()

    await button('Sign out')
    await status('You are signed out.')
    const ended = { cookie: `sessionId=${cookie?.value}`, 'sec-fetch-site': 'same-origin' }
    t.equal((await app.inject({ url: '/me', headers: ended })).statusCode, 401, 'the session has ended on the server too')

    await button('Sign in with a passkey')
    await status('You are signed in.')
    behind = 0
    await page.getByText('What was sent and answered').click()
    await button('Delete my account')
    await status('The account is gone.')
    const lines = await page.locator('#exchange li').allTextContents()
    t.match(lines.slice(-3), [/^DELETE \/account → 401 Session realm="passkeys", Passkey realm="passkeys", challenge="/, 'DELETE /account with Authorization: Passkey … → 204', 'GET /me → 401'])

    await button('Sign in with a passkey')
    await status('That did not work: The credentials are not valid.')
    t.same(requests.filter((url) => !url.startsWith(`${origin}/`) && !url.startsWith('data:')), [], 'nothing from elsewhere')
    t.same(problems, [], 'no errors on the page')
  })

  t.test('a person who cancels is told so, and can try again', async (t) => {
    const { origin } = await example(t)
    const { page, authenticator } = await person(t, browser, origin)
    await register(page, 'Ada')
    await authenticator('setUserVerified', { isUserVerified: false })
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
    await page.getByRole('status').filter({ hasText: 'No passkey was used' }).waitFor()
    await authenticator('setUserVerified', { isUserVerified: true })
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
    await page.getByRole('heading', { name: 'Hello, Ada' }).waitFor()
  })

  t.test('an assertion passes once', async (t) => {
    const { origin, ask, challenge, signIn } = await example(t)
    const { page } = await person(t, browser, origin)
    await register(page, 'Ada')
    const assertion = await assert(page, await challenge())
    const both = await Promise.all([signIn(assertion), signIn(assertion)])
    t.same(both.map(({ statusCode }) => statusCode).sort(), [204, 401], 'of two at the same time too')
    refused(t, await signIn(assertion), 'replayed')
    // Node.js 24 and newer verify ML-DSA, whose signatures are of 2,420 bytes and more.
    t.ok(authorization(assertion).length < 8_192, 'it is far from the limit of header lines')

    const cookie = cookieOf(both.find(({ statusCode }) => statusCode === 204) as LightMyRequestResponse)
    t.match((await ask('GET', '/me', { cookie })).json(), { name: 'Ada' })
    t.equal((await ask('POST', '/sign-out', { cookie, site: 'cross-site' })).statusCode, 403, 'not by a page of another site')
    t.equal((await ask('GET', '/me', { authorization: authorization(await assert(page, await challenge())) })).statusCode, 401, 'on this route a passkey is nothing')

    const planted = await ask('POST', '/sign-in', { cookie, authorization: authorization(await assert(page, await challenge())) })
    t.not(cookieOf(planted), cookie, 'a sign-in begins a new session')
    t.equal((await ask('GET', '/me', { cookie })).statusCode, 401, 'and ends the one before')
    t.equal((await ask('POST', '/sign-in', { authorization: authorization(await assert(page, await challenge())), cookie })).statusCode, 204)
  })

  t.test('a page of another origin gets assertions that are worth nothing here', async (t) => {
    const { origin, challenge, signIn } = await example(t)
    const { page } = await person(t, browser, origin)
    await register(page, 'Ada')
    const other = createServer((_request, response) => response.setHeader('content-type', 'text/html').end('<title>Passkeys</title>'))
    t.teardown(() => other.close())
    other.listen(0, '127.0.0.1')
    await once(other, 'listening')
    await page.goto(`http://localhost:${(other.address() as AddressInfo).port}/`)
    const phished = await assert(page, await challenge())
    t.match(Buffer.from(phished.response.clientDataJSON, 'base64url').toString(), `"origin":"${new URL(page.url()).origin}"`, 'the browser signs where it was')
    refused(t, await signIn(phished), 'phished')
    await page.goto(origin)
    t.equal((await signIn(await assert(page, await challenge()))).statusCode, 204)
  })

  t.test('every part of an assertion counts', async (t) => {
    let time = Date.now()
    const { origin, ask, challenge, signIn } = await example(t, () => time)
    const { page, authenticator } = await person(t, browser, origin)
    await register(page, 'Ada')
    const good = await assert(page, await challenge())
    const changed = (response: Partial<Assertion['response']>) => ({ ...good, response: { ...good.response, ...response } })
    const flipped = (text: string) => {
      const bytes = Buffer.from(text, 'base64url')
      bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1)
      return bytes.toString('base64url')
    }
    refused(t, await signIn(changed({ signature: flipped(good.response.signature) })), 'another signature')
    refused(t, await signIn(changed({ authenticatorData: flipped(good.response.authenticatorData) })), 'other authenticator data')
    refused(t, await signIn(changed({ userHandle: 'AAAA' })), 'the handle of nobody')
    refused(t, await signIn({ ...good, id: 'AAAA', rawId: 'AAAA' }), 'the identifier of another passkey')
    refused(t, await signIn(await assert(page, 'A'.repeat(72))), 'a challenge that nobody made')
    const genuine = await challenge()
    refused(t, await signIn(await assert(page, flipped(genuine))), 'a challenge that was changed')
    const { challenge: toRegister } = (await ask('POST', '/register/options', { body: { name: 'Ada' } })).json()
    refused(t, await signIn(await assert(page, toRegister)), 'the challenge of a registration')
    refused(t, await signIn(await assert(page, await (await example(t)).challenge())), 'the challenge of another server')

    await authenticator('setUserVerified', { isUserVerified: false })
    refused(t, await signIn(await assert(page, await challenge(), 'discouraged')), 'a person who was not verified')
    await authenticator('setUserVerified', { isUserVerified: true })

    const late = await assert(page, await challenge())
    time += 5 * 60_000
    refused(t, await signIn(late), 'five minutes later')
    refused(t, await signIn(good), 'the good one, five minutes later')
    t.equal((await signIn(await assert(page, await challenge()))).statusCode, 204, 'a new one is right')
  })

  t.test('a registration passes once, and for whom it was asked', async (t) => {
    const { origin, ask } = await example(t)
    const { page } = await person(t, browser, origin)
    const options = (await ask('POST', '/register/options', { body: { name: 'Ada' } })).json()
    const response = await page.evaluate(async (options) => {
      const { navigator, PublicKeyCredential } = globalThis as any
      return (await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })).toJSON()
    }, options)
    const { id } = options.user
    const register = async (user: object) => (await ask('POST', '/register', { body: { user, response } })).statusCode
    t.equal(await register({ id, name: 'Bob' }), 400, 'another name')
    t.equal(await register({ id: 'AAAA', name: 'Ada' }), 400, 'another handle')
    t.equal(await register({ id, name: 'Ada' }), 201)
    t.equal(await register({ id, name: 'Ada' }), 400, 'a second time')
  })

  t.test('step-up: a fresh session is enough, an old one is not, and the passkey must be of the same account', async (t) => {
    let time = Date.now()
    const { origin, ask, challenge, signIn } = await example(t, () => time)
    const ada = await person(t, browser, origin)
    const bob = await person(t, browser, origin)
    await register(ada.page, 'Ada')
    await register(bob.page, 'Bob')
    time = Date.now() - 120_000
    const old = cookieOf(await signIn(await assert(ada.page, await challenge())))
    time = Date.now()

    const remove = async (cookie: string, assertion?: Assertion) => await ask('DELETE', '/account', { cookie, ...(assertion !== undefined && { authorization: authorization(assertion) }) })
    const no = await remove(old)
    t.equal(no.statusCode, 401)
    t.equal(no.json().code, 'insufficient_user_authentication')
    const [, asked = ''] = CHALLENGE.exec(String([no.headers['www-authenticate']].flat()[1])) ?? []
    t.equal((await remove(old, await assert(bob.page, await challenge()))).statusCode, 403, 'the passkey of somebody else')
    t.equal((await ask('GET', '/me', { cookie: old })).statusCode, 200, 'nothing was deleted')

    const elsewhere = cookieOf(await signIn(await assert(ada.page, await challenge())))
    t.equal((await remove(old, await assert(ada.page, asked))).statusCode, 204, 'the same request with the answer to its challenge')
    t.equal((await ask('GET', '/me', { cookie: elsewhere })).statusCode, 401, 'no session of a deleted account is left')
    refused(t, await signIn(await assert(ada.page, await challenge())), 'nor its passkey')

    const fresh = cookieOf(await signIn(await assert(bob.page, await challenge())))
    t.equal((await remove(fresh)).statusCode, 204, 'a fresh sign-in is asked for nothing')
  })
})

interface Person {
  readonly page: Page
  /** Errors of the page, but for the 401s that it expects. */
  readonly problems: string[]
  readonly requests: string[]
  readonly authenticator: (command: 'setUserVerified', parameters: { readonly isUserVerified: boolean }) => Promise<void>
}

/** A browser profile of its own, on the page, with an authenticator that says yes to everything. */
async function person (t: Test, browser: Browser, origin: string): Promise<Person> {
  const context = await browser.newContext()
  t.teardown(() => context.close())
  const page = await context.newPage()
  const problems: string[] = []
  const requests: string[] = []
  page.on('pageerror', (error) => problems.push(error.message))
  page.on('console', (message) => { if (message.type() === 'error' && !message.text().includes('status of 401')) problems.push(message.text()) })
  page.on('request', (request) => requests.push(request.url()))
  const session: CDPSession = await context.newCDPSession(page)
  await session.send('WebAuthn.enable')
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  })
  await page.goto(origin)
  return { page, problems, requests, authenticator: async (command, parameters) => { await session.send(`WebAuthn.${command}`, { authenticatorId, ...parameters }) } }
}

async function register (page: Page, name: string): Promise<void> {
  await page.getByLabel('Your name').fill(name)
  await page.getByRole('button', { name: 'Create a passkey' }).click()
  await page.getByRole('status').filter({ hasText: 'is registered' }).waitFor()
}

/** What the browser signs on the page where it is. */
async function assert (page: Page, challenge: string, userVerification = 'required'): Promise<Assertion> {
  return await page.evaluate(async (options) => {
    const { navigator, PublicKeyCredential } = globalThis as any
    const credential = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) })
    const { id, rawId, type, response } = credential.toJSON()
    return { id, rawId, type, response }
  }, { challenge, rpId: 'localhost', userVerification })
}
