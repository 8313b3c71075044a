import t from 'tap'
import { STANDING, standingOf } from '../../lib/authorization/standing.ts'

t.test('a request has the standing that the gatehouse gave it', async (t) => {
  const standing = { asker: () => { throw new Error('not asked') }, records: new Map(), asked: new Set() }
  t.equal(standingOf({ [STANDING]: () => standing }), standing)
})

t.test('a request that never passed the gatehouse is told so', async (t) => {
  t.throws(() => standingOf({}), { name: 'TypeError', message: /register fastify-gatehouse in this scope or above it/ })
  t.throws(() => standingOf({ [STANDING]: () => null }), TypeError)
})
