/** The fields of what is left: whatever the names and numbers, a parser of structured fields reads them. */
import fc from 'fast-check'
import t from 'tap'
import { parseList } from 'structured-headers'
import { isPolicyName, limitMember, policyMember } from '../../lib/throttling/rate-limit-fields.ts'

t.test('throttling 23: every name and number is read back as it was', async () => {
  const name = fc.string({ minLength: 1, maxLength: 64 }).filter(isPolicyName)
  const number = fc.integer({ min: 0, max: 1_000_000_000 })
  fc.assert(fc.property(name, fc.integer({ min: 1, max: 1_000_000_000 }), number, number, (name, limit, remaining, milliseconds) => {
    const [[policy, parameters] = ['', new Map()]] = parseList(policyMember(name, { limit, window: milliseconds + 1 }))
    const [[same, left] = ['', new Map()]] = parseList(limitMember(name, { allowed: true, remaining, resetAfter: milliseconds, retryAfter: 0 }, null))
    const reset = Number(left.get('t'))
    return policy === name && same === name && parameters.get('q') === limit && left.get('r') === remaining && reset * 1000 >= milliseconds && (reset - 1) * 1000 < milliseconds
  }))
})

t.test('throttling 23: nothing spent is 0 seconds, and a part of a second is a whole one', async (t) => {
  const member = (resetAfter: number, retryAfter: number | null = null) => limitMember('a', { allowed: true, remaining: 1, resetAfter, retryAfter: 0 }, retryAfter)
  t.same([member(0), member(1), member(1_001), member(90_000, 3)], ['"a";r=1;t=0', '"a";r=1;t=1', '"a";r=1;t=2', '"a";r=1;t=3'])
})
