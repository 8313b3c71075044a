/** The options of a throttle, as they are checked at the start. */
import t, { type Test } from 'tap'
import { memoryAttempts } from '../../lib/stores/memory.ts'
import { createThrottle } from '../../lib/throttling/throttle.ts'

function wrong (t: Test, options: unknown, says: RegExp): void {
  t.throws(() => createThrottle(options as object), { code: 'FST_GATEHOUSE_OPTION', statusCode: 500, message: says }, String(says))
}

t.test('no option is needed, and one that is left undefined is none', async (t) => {
  t.doesNotThrow(() => createThrottle())
  t.doesNotThrow(() => createThrottle({ name: undefined, address: undefined, secret: undefined } as object))
})

t.test('a wrong name is told the nearest right one', async (t) => {
  wrong(t, { adress: {} }, /^throttle: there is no option 'adress'; allowed are name, store, .* Did you mean "address"\?$/)
  wrong(t, { account: { fre: 5 } }, /^throttle\.account: there is no option 'fre'.* Did you mean "free"\?$/)
  wrong(t, null, /^throttle: null was given; allowed is an object/)
})

t.test('throttling 14: a ladder that makes no sense stops the start', async (t) => {
  wrong(t, { address: { base: NaN } }, /^throttle\.address\.base: NaN was given; allowed is a number of seconds/)
  wrong(t, { account: { free: 0 } }, /^throttle\.account\.free: 0 was given/)
  wrong(t, { account: true }, /^throttle\.account: true was given; allowed is an object/)
})

t.test('a throttle that would throttle nothing stops the start', async (t) => {
  wrong(t, { address: false, account: false }, /both false/)
  t.doesNotThrow(() => createThrottle({ address: false }))
  t.doesNotThrow(() => createThrottle({ account: false }))
})

t.test('a name, a prefix, or a function that makes no sense stops the start', async (t) => {
  for (const name of ['', 'a:b', 'naïve', 'x'.repeat(65), 5, null]) wrong(t, { name }, /^throttle\.name: .* was given; allowed is 1 to 64 letters/)
  for (const ipv6Prefix of [31, 129, 64.5, NaN, '64', null]) wrong(t, { ipv6Prefix }, /^throttle\.ipv6Prefix: .* was given; allowed is an integer from 32 to 128/)
  wrong(t, { canonical: 'lower' }, /^throttle\.canonical: 'lower' was given; allowed is a function/)
  wrong(t, { onEvent: null }, /^throttle\.onEvent: null was given; allowed is a function/)
  wrong(t, { max: 3 }, /^throttle\.max: 3 was given; allowed is an integer from 4 up/)
  wrong(t, { now: 5 }, /^throttle\.now: 5 was given; allowed is a function/)
})

t.test('what is not a store stops the start', async (t) => {
  const { charge, refund } = memoryAttempts()
  wrong(t, { store: { charge, refund } }, /^throttle\.store: .*it lacks reset, status; allowed/)
  wrong(t, { store: null }, /^throttle\.store: it is no store of this kind, for it lacks charge, refund, reset, status;/)
  wrong(t, { store: memoryAttempts(), now: () => 0 }, /store was given beside max or now/)
  wrong(t, { store: memoryAttempts(), max: 50 }, /store was given beside max or now/)
  wrong(t, { store: memoryAttempts() }, /^throttle\.store: was given without throttle\.secret, .* give all of them the same secret/)
  t.doesNotThrow(() => createThrottle({ store: memoryAttempts(), secret: 'of all processes here' }))
})

t.test('law 7: a secret that will not do stops the start, and is not in the message', async (t) => {
  wrong(t, { secret: 'hunter2' }, /^throttle\.secret: 7 bytes were given; allowed is a string or Uint8Array of at least 16 bytes\.$/)
  wrong(t, { secret: new Uint8Array(15) }, /^throttle\.secret: 15 bytes were given/)
  wrong(t, { secret: 1234567 }, /^throttle\.secret: a value of type number was given; [^1]*16 bytes\.$/)
  t.doesNotThrow(() => createThrottle({ secret: 'x'.repeat(16) }))
  t.doesNotThrow(() => createThrottle({ secret: new Uint8Array(16) }))
})

t.test('throttling 14: a deadline, a mode, a device and a hard stop that make no sense stop the start', async (t) => {
  wrong(t, { deadline: 0 }, /^throttle\.deadline: 0 was given; allowed is an integer of milliseconds from 1 to 60000/)
  wrong(t, { onStoreError: 'allow' as never }, /^throttle\.onStoreError: 'allow' was given; allowed is 'memory' or 'refuse'/)
  wrong(t, { hardStop: 0 }, /^throttle\.hardStop: 0 was given/)
  wrong(t, { device: {}, account: false }, /^throttle: device was given, and account is false/)
  wrong(t, { device: { cokie: 'a' } as never }, /^throttle\.device: there is no option 'cokie'.*Did you mean "cookie"/)
  wrong(t, { device: { cookie: 'a b' } }, /^throttle\.device\.cookie/)
  wrong(t, { device: { maxAge: 0 } }, /^throttle\.device\.maxAge/)
  wrong(t, { device: { ladder: { free: 0 } } }, /^throttle\.device\.ladder\.free/)
})
