import t from 'tap'
import fc from 'fast-check'
import { hashedKeys, keptKeys, keyMaker, plainKeys } from '../../lib/throttling/key.ts'

const hashed = keyMaker('quota', 'a secret of the tests')
const all = hashedKeys(hashed)
const anyKind = fc.constantFrom('user', 'network')
const anyText = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.constantFrom('', '\n', 'user\nada', '__proto__'))

t.test('throttling: a key is the name, the kind and a hash, whatever the text', (t) => {
  fc.assert(fc.property(fc.constantFrom('user', 'network'), anyText, (kind, text) => /^quota:(user|network):[\w-]{43}$/.test(hashed(kind, text))))
  t.equal(hashed('user', 'ada'), keyMaker('quota', 'a secret of the tests')('user', 'ada'))
  t.not(keyMaker('quota', 'another secret')('user', 'ada'), hashed('user', 'ada'))
  t.not(hashed('network', 'ada'), hashed('user', 'ada'))
  t.end()
})

t.test('keys that are kept are the same ones, and made once', (t) => {
  let made = 0
  const kept = keptKeys((kind, scope, name) => {
    made++
    return all(kind, scope, name)
  })
  fc.assert(fc.property(anyKind, anyText, anyText, (kind, scope, name) => kept(kind, scope, name) === all(kind, scope, name) && kept(kind, scope, name) === all(kind, scope, name)))
  made = 0
  for (let i = 0; i < 5; i++) kept('user', 'searches', 'a new name')
  t.equal(made, 1)
  t.end()
})

t.test('of many keys those asked for lately are kept: whoever comes all the time costs no hash, and who came long ago costs one', (t) => {
  const made = new Map<string, number>()
  const kept = keptKeys((kind, scope, name) => {
    made.set(name, (made.get(name) ?? 0) + 1)
    return all(kind, scope, name)
  })
  kept('user', 'searches', 'once')
  for (let other = 0; other < 50_000; other++) {
    kept('user', `searches ${other % 7}`, `${other}`)
    if (other % 1000 === 0) kept('user', 'searches', 'often')
  }
  kept('user', 'searches', 'once')
  t.equal(made.get('often'), 1)
  t.equal(made.get('once'), 2)
  const long = 'x'.repeat(121)
  for (let i = 0; i < 3; i++) t.equal(kept('user', 'searches', long), all('user', 'searches', long))
  t.equal(made.get(long), 3, 'of a long one nothing is kept')
  t.end()
})

t.test('plain keys: no two owners have the same, and a long one is as short as any', (t) => {
  const plain = plainKeys(all)
  // A scope ends where a name begins: those of quotas have as many lines each.
  const anyScope = fc.constantFrom('searches', 'uploads', '')
  fc.assert(fc.property(anyKind, anyScope, anyText, anyKind, anyScope, anyText, (kind, scope, name, other, another, third) => {
    return (plain(kind, scope, name) === plain(other, another, third)) === (kind === other && scope === another && name === third)
  }))
  for (const length of [0, 1, 128, 129, 100_000]) t.ok(plain('user', '', 'x'.repeat(length)).length < 140, `${length} characters`)
  t.equal(plain('user', '', 'x'.repeat(129)), all('user', '', 'x'.repeat(129)))
  t.end()
})
