/** The cookie of a known device: what it is worth, and to whom. */
import fc from 'fast-check'
import t from 'tap'
import { DeviceCookies } from '../../lib/throttling/device.ts'

const SECRET = 'a secret of the tests, long enough'
const DAY = 86_400_000
const cookies = new DeviceCookies({ name: 'device', secret: SECRET, lifetime: 180 * DAY })
const NOW = Date.UTC(2026, 0, 1)

/** As a browser sends it back. */
function sent (setCookie: string): string {
  return setCookie.split(';', 1)[0] as string
}

t.test('throttling 35: a cookie is known for its account, until it ends', async (t) => {
  const issued = cookies.issued('ada', NOW, true)
  t.match(issued, /^device-[\w-]{11}=[\w-]{22}\.\d+\.[\w-]{43}; Max-Age=15552000; Path=\/; HttpOnly; SameSite=Lax; Secure$/)
  t.match(cookies.known(sent(issued), 'ada', NOW), /^[\w-]{22}$/)
  t.equal(cookies.known(`a=b; ${sent(issued)}; c`, 'ada', NOW + 180 * DAY - 1), sent(issued).split(/[=.]/)[1], 'among others')
  t.equal(cookies.known(sent(issued), 'ada', NOW + 180 * DAY), null, 'it has ended')
  t.notMatch(cookies.issued('ada', NOW, false), /Secure/)
})

t.test('throttling 35: two devices are two, and a cookie says nothing of its account', async (t) => {
  const [one, other] = [cookies.issued('ada', NOW, true), cookies.issued('ada', NOW, true)]
  t.not(cookies.known(sent(one), 'ada', NOW), cookies.known(sent(other), 'ada', NOW))
  t.notMatch(Buffer.from(one).toString(), /ada/)
})

t.test('throttling 35: another account\'s, another secret\'s, a forged and a moved cookie are worth nothing', async (t) => {
  const issued = sent(cookies.issued('ada', NOW, true))
  const [name, value = ''] = issued.split('=')
  const bobs = sent(cookies.issued('bob', NOW, true)).split('=')[0]
  const others = new DeviceCookies({ name: 'device', secret: `${SECRET}!`, lifetime: DAY })
  const [nonce, expiry = '', signature] = value.split('.')
  const forged = [
    issued.replace('device-', 'devise-'), `${name}=`, `${name}`, `${bobs}=${value}`, `${name}=${nonce}.${Number(expiry) + DAY}.${signature}`, `${name}=${'A'.repeat(22)}.${expiry}.${signature}`,
    `${name}=${nonce}.${expiry}.${'A'.repeat(43)}`, `${name}=${value}x`, sent(others.issued('ada', NOW, true)),
  ]
  for (const cookie of forged) {
    t.equal(cookies.known(cookie, 'ada', NOW), null, cookie)
    t.equal(cookies.known(cookie, 'bob', NOW), null, cookie)
  }
  t.equal(cookies.known(undefined, 'ada', NOW), null)
  t.equal(cookies.known(issued, 'bob', NOW), null)
})

t.test('throttling 35: whatever is sent, it is a device or none', async () => {
  const name = sent(cookies.issued('ada', NOW, true)).split('=')[0]
  const value = fc.oneof(fc.string(), fc.tuple(fc.base64String(), fc.integer(), fc.base64String()).map((parts) => parts.join('.')))
  fc.assert(fc.property(fc.oneof(fc.string(), value.map((text) => `${name}=${text}`)), (cookie) => cookies.known(cookie, 'ada', NOW) === null))
})
