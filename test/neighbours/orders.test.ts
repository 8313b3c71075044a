/** The gatehouse among its neighbours, in the orders that it allows. */
import fc from 'fast-check'
import t from 'tap'
import { build, PARTS, RECOMMENDED, type Part } from './application.ts'
import * as promises from './promises.ts'

const CHOSEN: Readonly<Record<string, readonly Part[]>> = {
  'the recommended order': RECOMMENDED,
  'right after CORS, cookies and sessions, before all the rest': [
    'cors', 'cookie', 'session', 'gatehouse', 'helmet', 'rateLimit', 'underPressure', 'swagger', 'swaggerUi', 'websocket', 'autoload',
  ],
  'after everything that adds no routes': [
    'cors', 'helmet', 'cookie', 'session', 'rateLimit', 'websocket', 'swagger', 'gatehouse', 'swaggerUi', 'underPressure', 'autoload',
  ],
  'after the documentation and the status route, which have URL patterns': [
    'underPressure', 'swagger', 'swaggerUi', 'rateLimit', 'cors', 'cookie', 'session', 'gatehouse', 'websocket', 'helmet', 'autoload',
  ],
  'after everything else': [
    'websocket', 'swagger', 'swaggerUi', 'underPressure', 'helmet', 'rateLimit', 'cookie', 'session', 'cors', 'gatehouse', 'autoload',
  ],
}

/** What must come before what: by our own rules, and because @fastify/session, swagger-ui and autoload need it. */
const EARLIER: readonly (readonly [Part, Part])[] = [
  ['cors', 'gatehouse'], ['cookie', 'session'], ['session', 'gatehouse'], ['swagger', 'swaggerUi'],
]

const anyOrder = fc.shuffledSubarray(Object.keys(PARTS) as Part[], { minLength: Object.keys(PARTS).length })
  .map((parts): Part[] => [...parts.filter((part) => part !== 'autoload'), 'autoload'])
  .filter((order) => EARLIER.every(([first, second]) => order.indexOf(first) < order.indexOf(second)))

const orders = [
  ...Object.entries(CHOSEN),
  ...fc.sample(anyOrder, 5).map((order): [string, Part[]] => [`drawn: ${order.join(', ')}`, order]),
]

for (const [name, order] of orders) {
  t.test(name, async (t) => {
    const app = await build(order)
    t.teardown(() => app.close())
    for (const promise of Object.values(promises)) await t.test(promise.name, (t) => promise(t, app))

    if (order.indexOf('helmet') > order.indexOf('gatehouse')) return
    const { headers } = await app.inject('/me')
    t.equal(headers['x-content-type-options'], 'nosniff', 'a 401 has the headers of a helmet that came before')
    t.match(headers['www-authenticate'], /^Bearer /, 'and its challenge')
  })
}
