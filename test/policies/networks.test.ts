import assert from 'node:assert/strict'
import { BlockList } from 'node:net'
import t from 'tap'
import fc from 'fast-check'
import { networksOf } from '../../lib/policies/networks.ts'

function includes (networks: readonly string[], address: unknown): boolean | undefined {
  const known = networksOf(networks)
  assert.ok(known !== null, `${networks.join()} are networks`)
  return known.include(address)
}

t.test('an address is in a network or not, whatever its family', async (t) => {
  t.equal(includes(['10.0.0.0/8'], '10.255.0.1'), true)
  t.equal(includes(['10.0.0.0/8'], '11.0.0.1'), false)
  t.equal(includes(['192.0.2.1'], '192.0.2.1'), true)
  t.equal(includes(['192.0.2.1'], '192.0.2.2'), false)
  t.equal(includes(['0.0.0.0/0'], '255.255.255.255'), true)
  t.equal(includes(['2001:db8::/32'], '2001:db8:ffff::1'), true)
  t.equal(includes(['2001:db8::/32'], '2001:db9::1'), false)
  t.equal(includes(['::1'], '0:0:0:0:0:0:0:1'), true)
  t.equal(includes(['fe80::/10'], 'fe80::1%eth0'), true, 'the interface by which it came does not matter')
  t.equal(includes(['10.0.0.0/8', '2001:db8::/32'], '2001:db8::1'), true)
  t.equal(includes(['0.0.0.0/0'], '::1'), false, 'another family is not in it')
  t.equal(includes(['::/0'], '10.0.0.1'), false)
})

t.test('an IPv4 address that came over an IPv6 socket is the IPv4 address, and so is a network of them', async (t) => {
  for (const address of ['10.1.2.3', '::ffff:10.1.2.3', '::FFFF:0a01:0203', '::ffff:a01:203']) {
    for (const network of ['10.0.0.0/8', '::ffff:10.0.0.0/104', '10.1.2.3', '::ffff:10.1.2.3', '::ffff:0:0/96', '::ffff:a01:203/128']) {
      t.equal(includes([network], address), true, `${address} in ${network}`)
    }
    for (const network of ['11.0.0.0/8', '::ffff:11.0.0.0/104', '::/0', '64:ff9b::/96']) {
      t.equal(includes([network], address), false, `${address} not in ${network}`)
    }
  }
})

t.test('law 11: of what is no address nothing is known', async (t) => {
  const odd = [undefined, null, '', 'localhost', '10.0.0.1:80', '10.0.0.1, 10.0.0.2', ' 10.0.0.1', '10.0.0.1\n', '10.0.0.256', '10.0.0', '[::1]', '::ffff:10.0.0.256', '10.0.0.0/8', 7, 167772161, true, ['10.0.0.1'], { address: '10.0.0.1' }, Object('10.0.0.1')]
  for (const address of odd) t.equal(includes(['0.0.0.0/0', '::/0'], address), undefined, String(address))
  for (const address of ['0177.0.0.1', '127.1', '2130706433', '0x7f.0.0.1', '0x7f000001', '127.0.0.01']) t.equal(includes(['127.0.0.0/8'], address), undefined, `${address} is no address to everyone`)
})

t.test('what is no network, or has bits beyond its prefix, is refused', async (t) => {
  const odd = ['', 'lan', '10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/', '10/8', '10.0.0.1/8', '010.0.0.0/8', '127.1/8', '167772160/8', '::/129', '2001:db8::1/32', '::ffff:10.0.0.1/104', '::ffff:0:0/95', 'fe80::1%eth0', 'fe80::%eth0/64', '10.0.0.0/8 ', '10.0.0.0/8,11.0.0.0/8', '*']
  for (const text of odd) t.equal(networksOf([text]), null, text)
  t.equal(networksOf(['10.0.0.0/8', 'lan']), null, 'one of several')
  t.same(networksOf(['10.0.0.0/8', '::1'])?.texts, ['10.0.0.0/8', '::1'], 'as they were written, for messages')
})

t.test('no text that a client sends throws, and Node.js finds the same addresses in the same networks', async (t) => {
  const networks = networksOf(['10.0.0.0/8', '192.168.4.0/22', '203.0.113.7', '2001:db8::/33'])
  const list = new BlockList()
  list.addSubnet('10.0.0.0', 8)
  list.addSubnet('192.168.4.0', 22)
  list.addAddress('203.0.113.7')
  list.addSubnet('2001:db8::', 33, 'ipv6')
  const near = fc.tuple(fc.constantFrom(10, 192, 203), fc.constantFrom(0, 168), fc.constantFrom(0, 3, 4, 7, 8, 113), fc.nat(255)).map((parts) => parts.join('.'))
  fc.assert(fc.property(fc.oneof(fc.ipV4(), near), (address) => {
    assert.equal(networks?.include(address), list.check(address))
    assert.equal(networks?.include(`::ffff:${address}`), list.check(address))
  }))
  fc.assert(fc.property(fc.oneof(fc.ipV6(), fc.tuple(fc.constantFrom('2001:db8:7fff', '2001:db8:8000', '2001:db8:0'), fc.nat(65535)).map(([start, end]) => `${start}::${end.toString(16)}`)), (address) => {
    if (!address.includes('.')) assert.equal(networks?.include(address), list.check(address, 'ipv6'), address)
  }))
  fc.assert(fc.property(fc.string(), (text) => {
    assert.ok([true, false, undefined].includes(networks?.include(text)))
    networksOf([text])
  }))
  t.pass()
})
