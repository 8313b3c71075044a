/** Registers a passkey, signs in with it, and asks for it again where a 401 says so. */
const { PublicKeyCredential, btoa, document, fetch, navigator } = globalThis

/** One request; the page lists it together with its answer. */
async function ask (method, url, { body, authorization } = {}) {
  const headers = { ...(body && { 'content-type': 'application/json' }), ...(authorization && { authorization }) }
  const response = await fetch(url, { method, headers, ...(body && { body: JSON.stringify(body) }) })
  const challenge = response.headers.get('www-authenticate') ?? ''
  const line = document.createElement('li')
  line.textContent = `${method} /${url}${authorization ? ' with Authorization: Passkey …' : ''} → ${response.status} ${challenge}`
  element('exchange').append(line)
  return response
}

/** A request; where its 401 has a challenge for passkeys, the same request once more, with the answer to that. */
async function askWithPasskey (method, url) {
  const first = await ask(method, url)
  const found = /\bPasskey .*\bchallenge="([\w-]+)", rp-id="([^"]+)"/.exec(first.headers.get('www-authenticate') ?? '')
  if (first.status !== 401 || found === null) return first
  const [, challenge, rpId] = found
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON({ challenge, rpId, userVerification: 'required' })
  const { id, rawId, type, response } = (await navigator.credentials.get({ publicKey })).toJSON()
  return ask(method, url, { authorization: `Passkey ${base64url(JSON.stringify({ id, rawId, type, response }))}` })
}

/** Of ASCII, which is all that `toJSON` makes. */
function base64url (text) {
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}

async function register () {
  const name = element('name').value
  const options = await (await granted(ask('POST', 'register/options', { body: { name } }))).json()
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options)
  const response = (await navigator.credentials.create({ publicKey })).toJSON()
  const { id } = options.user
  await granted(ask('POST', 'register', { body: { user: { id, name }, response } }))
  return `The passkey of ${name} is registered. Sign in with it.`
}

async function signIn () {
  await granted(askWithPasskey('POST', 'sign-in'))
  return 'You are signed in.'
}

async function signOut () {
  await granted(ask('POST', 'sign-out'))
  return 'You are signed out.'
}

async function deleteAccount () {
  await granted(askWithPasskey('DELETE', 'account'))
  return 'The account is gone. You can remove the passkey from your device.'
}

/** Refusals are problem details (RFC 9457), for whoever reads them. */
async function granted (asked) {
  const response = await asked
  if (!response.ok) throw new Error((await response.json()).detail ?? response.statusText)
  return response
}

/** Shows the part of the page that fits whoever is signed in; `move` takes the focus along when the part changes. */
async function show ({ move }) {
  const response = await ask('GET', 'me')
  const part = response.ok ? 'signed-in' : 'signed-out'
  const changed = element(part).hidden
  if (response.ok) element('signed-in-title').textContent = `Hello, ${(await response.json()).name}`
  for (const each of ['signed-in', 'signed-out']) element(each).hidden = each !== part
  if (move && changed) element(`${part}-title`).focus()
}

/** Runs what a button asks for, and tells how it went. */
async function run (action) {
  const buttons = [...document.querySelectorAll('button')]
  const focused = document.activeElement
  for (const button of buttons) button.disabled = true
  element('status').textContent = ''
  let told
  try {
    told = await action()
  } catch (error) {
    told = error.name === 'NotAllowedError' ? 'No passkey was used: it was cancelled, or there is none for this page.' : `That did not work: ${error.message}`
  }
  for (const button of buttons) button.disabled = false
  focused.focus()
  await show({ move: true })
  element('status').textContent = told
}

function element (id) {
  return document.getElementById(id)
}

element('sign-in').addEventListener('click', () => run(signIn))
element('sign-out').addEventListener('click', () => run(signOut))
element('delete').addEventListener('click', () => run(deleteAccount))
element('register').addEventListener('submit', (event) => {
  event.preventDefault()
  run(register)
})

await show({ move: false })
if (PublicKeyCredential?.parseRequestOptionsFromJSON === undefined) element('status').textContent = 'This browser is too old for passkeys on this page.'
