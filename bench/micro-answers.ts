/** The steps that end in the answer: what is spent of a quota, a refusal, and the event that tells of it. */
import { equal, match } from 'node:assert/strict'
import { subscribe } from 'node:diagnostics_channel'
import type { FastifyReply } from 'fastify'
import type { DecisionEvent } from '../lib/reporting/decision-event.ts'
import type { Passage as PassageType } from '../lib/requests/passage.ts'
import type { Call } from './ability-rounds.ts'
import { bearer, can, DECISIONS, eventOf, guardAnswer, Judge, Passage, planOf, quota, QuotaKeeper, refusedOutcome, report, resource, settingsOf } from './built.ts'
import { newReply, requestBy } from './micro-request.ts'
import { tenRules } from './micro-rules.ts'
import { signerOf } from './signer.ts'
import { CLAIMS, find, NAME, PLENTY, type Article } from './work.ts'

const quiet = (): void => {}
const LOG = { error: quiet, warn: quiet, info: quiet, debug: quiet }
const USER = { id: CLAIMS.sub, tenantId: CLAIMS.tenantId, roles: CLAIMS.roles }

const scheme = bearer({ secret: signerOf('HS256').key, issuer: NAME, audience: NAME })
const settings = settingsOf({ realm: NAME, schemes: [scheme], quotas: { every: [quota('all', PLENTY)] } })
const article = resource<Article>('Article', { param: 'id', load: find })
const plan = planOf({ method: 'GET', url: '/articles/:id', declaration: can('read', article), ownErrorHandler: false }, settings)
const abilities = tenRules()
const request = requestBy({ user: USER })
const stranger = requestBy({ user: { ...USER, tenantId: 'borealis' } })

export async function answerSteps (): Promise<Record<string, Call>> {
  return {
    'quota: one spend, with its headers': spend(),
    'refusal: a 401, with its body and challenge': refuse(),
    'event: of a 200, to one subscriber': await tell(request, 200),
    'event: of a 403 with its explanation, to one subscriber': await tell(stranger, 403),
  }
}

function spend (): Call {
  const keeper = new QuotaKeeper(settings.quotas, LOG)
  const passage = passageOf()
  const none = passage.spendings
  const call = (): FastifyReply => {
    passage.spendings = none
    const reply = newReply()
    if (keeper.afterAuthentication(request, passage) !== null) throw new Error('there is enough for everybody')
    keeper.tell(reply, passage)
    return reply
  }
  const reply = call()
  equal(reply.getHeader('ratelimit-policy'), '"all";q=1000000000;w=60')
  match(String(reply.getHeader('ratelimit')), /^"all";r=999999999;t=\d+$/)
  return call
}

function refuse (): Call {
  const passage = passageOf()
  let reply = newReply()
  const call = (): unknown => {
    const { refusal, tried } = refusedOutcome({ kind: 'invalid', scheme, error: 'invalid_token', reason: 'the signature is wrong', guessed: true, headers: undefined }, plan)
    passage.refusal = refusal
    passage.tried = tried
    reply = newReply()
    return guardAnswer(request, reply, '', passage, settings, () => true)
  }
  equal((JSON.parse(String(call())) as { readonly status: number }).status, 401)
  equal(reply.statusCode, 401)
  match(String(reply.getHeader('www-authenticate')), /^Bearer realm="bench", error="invalid_token"/)
  equal(reply.getHeader('cache-control'), 'no-store')
  return call
}

let heard: DecisionEvent | null = null
subscribe(DECISIONS, (event) => { heard = event as DecisionEvent })

async function tell (who: typeof request, status: 200 | 403): Promise<Call> {
  const passage = passageOf(who)
  await new Judge().withRecords(passage, who)
  const reply = newReply().code(status)
  const call = () => report(eventOf(who, reply, passage), LOG)
  call()
  equal(heard?.outcome, status === 200 ? 'allow' : 'deny')
  equal(heard.user, USER.id)
  equal(heard.resourceId, '1')
  equal(heard.explanation === null, status === 200)
  return call
}

function passageOf (who = request): PassageType {
  return new Passage(who, plan, abilities, settings)
}
