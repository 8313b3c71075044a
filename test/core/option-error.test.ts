import t from 'tap'
import { knownOptionsOnly, OptionError, wrongOption } from '../../lib/option-error.ts'

t.test('an option error is the application\'s mistake, with a code', async (t) => {
  const error = new OptionError('realm: 7 was given')
  t.match(error, { code: 'FST_GATEHOUSE_OPTION', statusCode: 500, message: 'realm: 7 was given' })
  t.ok(error instanceof TypeError)
})

t.test('it says what was given, what is allowed and where, in a line of bounded length', async (t) => {
  t.equal(wrongOption('a.b', 0, 'an integer from 1 up').message, 'a.b: 0 was given; allowed is an integer from 1 up.')
  const { message } = wrongOption('a', { deep: { er: 'x'.repeat(1e5) }, list: Array.from({ length: 1e4 }) }, 'a name')
  t.ok(message.length < 300)
  t.notMatch(message, /\n/)
  t.ok(wrongOption('a', 'x'.repeat(1e5), 'a name').message.length < 200)
})

t.test('unknown names are refused, with the nearest known one', async (t) => {
  t.doesNotThrow(() => knownOptionsOnly('x', {}, ['realm']))
  t.doesNotThrow(() => knownOptionsOnly('x', { realm: undefined }, ['realm']))
  t.throws(() => knownOptionsOnly('x', { relam: 1 }, ['realm']), { message: /^x: .*'relam'.*realm.*Did you mean "realm"\?/ })
  for (const given of [null, undefined, [], 'realm', 7]) t.throws(() => knownOptionsOnly('x', given, ['realm']), { code: 'FST_GATEHOUSE_OPTION', message: /an object with realm/ })
})
