/** The application: what is registered, in which order. */
import jwt from '@fastify/jwt'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import gatehouse from 'fastify-gatehouse'
import { bearer, revocationList } from 'fastify-gatehouse/schemes'
import { demoKeys, keyScheme, storeKeys, type DemoKeys } from './api-keys.ts'
import { articleRoutes } from './article-routes.ts'
import { articlesIn } from './articles.ts'
import { refusing, type Database } from './database.ts'
import { POLICIES, randomSecret } from './environment.ts'
import { familiesIn } from './families.ts'
import { login } from './login.ts'
import { logout } from './logout.ts'
import { notFound } from './not-found.ts'
import { peopleIn } from './people.ts'
import { refresh } from './refresh.ts'
import { inMemory, type SharedStore } from './shared-store.ts'
import { routes } from './routes.ts'
import { seed } from './seed.ts'
import { ISSUER } from './tokens.ts'
import './user.ts'
import { validation } from './validation.ts'

export interface NewsroomOptions {
  /** Opens the database, once everything else makes sense. It is seeded here, and closed with the application. */
  readonly open: () => Promise<Database>
  /** Where it is kept which tokens have ended, and counted who guesses. It is connected to here, and closed with the application. Default: in memory. */
  readonly shared?: SharedStore
  /** Default: nothing is logged. */
  readonly logger?: NonNullable<FastifyServerOptions['logger']>
  /** Signs the tokens; at least 32 bytes. Default: random. */
  readonly secret?: string
  /** Default: the policies of this repository. */
  readonly policies?: URL | string
  /** The API keys that can be tried. Default: two that nobody knows. */
  readonly keys?: DemoKeys
}

export async function newsroom (options: NewsroomOptions): Promise<FastifyInstance> {
  const { open, shared = inMemory(), logger = false, secret = randomSecret(), policies = POLICIES, keys = demoKeys() } = options
  const app = Fastify({ logger })
  app.setValidatorCompiler(validation())
  app.setNotFoundHandler(notFound)

  // To sign tokens. The gatehouse verifies them itself, and comes after it.
  await app.register(jwt, { secret, sign: { iss: ISSUER, aud: ISSUER } })

  const revocations = revocationList({ marks: shared.marks })
  await app.register(gatehouse, {
    realm: 'newsroom',
    schemes: [bearer({ secret, issuer: ISSUER, audience: ISSUER, revocations })],
    policies,
    throttle: { store: shared.counters, secret, account: { free: 5, base: 30, cap: 3600 }, device: {} },
    quotas: { store: shared.counters, secret },
    refusals: {
      details: {
        account_suspended: 'This account is suspended.',
        article_archived: 'Archived articles stay as they are.',
        plan_required: 'This takes the plan "pro".',
      },
    },
  })

  await shared.connect()
  app.addHook('onClose', () => shared.close())
  const database = await open()
  app.addHook('onClose', () => database.close())
  await seed(database)
  const query = refusing(database.query)
  await storeKeys(query, keys)

  const families = familiesIn(query, revocations)
  await app.register(login, { people: await peopleIn(query), families })
  await app.register(refresh, { families })
  await app.register(logout, { families, revocations })
  await app.register(articleRoutes, { articles: articlesIn(query) })
  await app.register(routes, { query, keys: keyScheme(query) })
  return app
}
