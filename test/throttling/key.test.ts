import t from 'tap'
import fc from 'fast-check'
import { keptKeys, keyMaker, plainKeys } from '../../lib/throttling/key.ts'

const hashed = keyMaker('quota', 'a secret of the tests')
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
  const kept = keptKeys((kind, text) => {
    made++
    return hashed(kind, text)
  })
  fc.assert(fc.property(fc.constantFrom('user', 'network'), anyText, (kind, text) => kept(kind, text) === hashed(kind, text)))
  made = 0
  kept('user', 'ada')
  const [first] = [made]
  for (let i = 0; i < 5; i++) kept('user', 'ada')
  t.equal(made, first)
  t.end()
})

t.test('of many keys those asked for lately are kept: whoever comes all the time costs no hash, and who came long ago costs one', (t) => {
  const made = new Map<string, number>()
  const kept = keptKeys((kind, text) => {
    made.set(text, (made.get(text) ?? 0) + 1)
    return hashed(kind, text)
  })
  kept('user', 'once')
  for (let other = 0; other < 50_000; other++) {
    kept('user', `${other}`)
    if (other % 1000 === 0) kept('user', 'often')
  }
  kept('user', 'once')
  t.equal(made.get('often'), 1)
  t.equal(made.get('once'), 2)
  const long = 'x'.repeat(129)
  for (let i = 0; i < 3; i++) t.equal(kept('user', long), hashed('user', long))
  t.equal(made.get(long), 3, 'of a long one nothing is kept')
  t.end()
})

t.test('plain keys: no two texts have the same, and a long one is as short as any', (t) => {
  const plain = plainKeys(hashed)
  fc.assert(fc.property(fc.constantFrom('user', 'network'), anyText, fc.constantFrom('user', 'network'), anyText, (kind, text, other, another) => {
    return (plain(kind, text) === plain(other, another)) === (kind === other && text === another)
  }))
  for (const length of [0, 1, 128, 129, 100_000]) t.ok(plain('user', 'x'.repeat(length)).length < 140, `${length} characters`)
  t.equal(plain('user', 'x'.repeat(129)), hashed('user', 'x'.repeat(129)))
  t.end()
})
