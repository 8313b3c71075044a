/** What requests and the application get: `request.user`, `auth`, `can`, `authorize` and `spend`, and `app.gatehouse`. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { No } from './authorization/decision.ts'
import { STANDING } from './authorization/standing.ts'
import type { Gatehouse } from './gatehouse.ts'
import type { Refusal } from './refusal.ts'
import { authorizeRecord, canRecord } from './requests/methods.ts'
import type { Passage } from './requests/passage.ts'
import type { Quota } from './throttling/quota.ts'

/** Where a request keeps its passage. */
export const PASSAGE = Symbol('fastify-gatehouse.passage')

export type Request = FastifyRequest & { [PASSAGE]: Passage | null }

/** What the decorators ask of the life of a request. */
interface Lives {
  passageOf: (request: Request) => Passage
  refuse: (passage: Passage, no: No) => Refusal
}

export function decorate (app: FastifyInstance, gatehouse: Gatehouse, life: Lives): void {
  if (!app.hasRequestDecorator('user')) app.decorateRequest('user', null as never)
  app.decorateRequest(PASSAGE as never, null as never)
  app.decorateRequest('auth', null)
  app.decorateRequest('can', function (this: FastifyRequest, action, resource, record) {
    return canRecord(life.passageOf(this as Request), action, resource, record)
  })
  app.decorateRequest('authorize', function (this: FastifyRequest, action, resource, record) {
    const passage = life.passageOf(this as Request)
    const no = authorizeRecord(passage, action, resource, record)
    if (no !== null) throw life.refuse(passage, no)
  })
  app.decorateRequest('spend', function (this: FastifyRequest, quota: Quota, cost?: number) {
    return gatehouse.quotas.spend(this, life.passageOf(this as Request), quota, cost)
  })
  app.decorateRequest(STANDING as never, function (this: FastifyRequest) {
    return life.passageOf(this as Request)
  } as never)
  app.decorate('gatehouse', gatehouse)
}
