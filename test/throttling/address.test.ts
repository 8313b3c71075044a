/** The network of an address. */
import fc from 'fast-check'
import t from 'tap'
import { networkOf } from '../../lib/throttling/address.ts'

t.test('throttling 19: the addresses of one /64 are one network, those of the next are another', async (t) => {
  t.equal(networkOf('2001:db8:1:2::1'), '2001:db8:1:2::/64')
  t.equal(networkOf('2001:DB8:1:2:ffff:ffff:ffff:ffff'), '2001:db8:1:2::/64')
  t.equal(networkOf('2001:db8:1:3::1'), '2001:db8:1:3::/64')
})

t.test('throttling 19: the prefix can be another one, also inside a byte', async (t) => {
  t.equal(networkOf('2001:db8:1:2ff::1', { ipv6Prefix: 48 }), '2001:db8:1::/48')
  t.equal(networkOf('2001:db8:1:2ff::1', { ipv6Prefix: 60 }), '2001:db8:1:2f0::/60')
  t.equal(networkOf('2001:db8:1:2ff::1', { ipv6Prefix: 128 }), '2001:db8:1:2ff::1/128')
})

t.test('throttling 19: an IPv4 address is the same network however it is carried', async (t) => {
  for (const carried of ['1.2.3.4', '::ffff:1.2.3.4', '::ffff:102:304', '64:ff9b::1.2.3.4', '64:ff9b::102:304', '2002:102:304::1', '2002:102:304:ffff::9']) {
    t.equal(networkOf(carried), '1.2.3.4', carried)
  }
  t.not(networkOf('1.2.3.5'), networkOf('1.2.3.4'))
})

t.test('throttling 19: a zone id makes no new network', async (t) => {
  t.equal(networkOf('fe80::1%eth0'), 'fe80::/64')
  t.equal(networkOf('fe80::1%25-weird_zone.7'), 'fe80::/64')
})

t.test('throttling 19: what is no address counts as the fallback, and without one as nobody\'s', async (t) => {
  for (const garbage of [undefined, '', 'evil', 'not-an-ip', '1', '0x7f.1', '010.0.0.1', '1.2.3', '1.2.3.4:80', '[::1]', '::1/64', '1.2.3.4, 5.6.7.8', '1.2.3.4\0', '٣.٢.٢.١', ' 1.2.3.4', 'a'.repeat(100_000)]) {
    t.equal(networkOf(garbage, { fallback: '9.9.9.9' }), '9.9.9.9', `${garbage?.slice(0, 20)}`)
    t.equal(networkOf(garbage, { fallback: 'evil' }), 'unknown')
    t.equal(networkOf(garbage), 'unknown')
  }
})

t.test('throttling 19: every address of a network is in it, whatever it is', async () => {
  fc.assert(fc.property(fc.ipV6(), fc.integer({ min: 32, max: 128 }), (ip, ipv6Prefix) => {
    const name = networkOf(ip, { ipv6Prefix })
    const again = networkOf(name.split('/', 1)[0], { ipv6Prefix })
    return name !== 'unknown' && name === again
  }))
  fc.assert(fc.property(fc.ipV4(), (ip) => networkOf(ip) === ip && networkOf(`::ffff:${ip}`) === ip && networkOf(`64:ff9b::${ip}`) === ip))
})

t.test('throttling 19: no text at all throws', async () => {
  const soup = fc.string({ unit: fc.constantFrom(...'0123456789abcdefx:.%/[] ') })
  fc.assert(fc.property(fc.oneof(soup, fc.string({ unit: 'binary' })), (text) => networkOf(text).length > 0), { numRuns: 1_000 })
})
