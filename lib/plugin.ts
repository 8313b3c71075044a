/** The life of a request, from top to bottom. The only file that knows Fastify's hooks and their order. */
import fastifyPlugin from 'fastify-plugin'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest, HookHandlerDoneFunction, onSendHookHandler } from 'fastify'
import type {} from '@fastify/jwt'
import { authenticate, carriesCredentials } from './authentication/authenticate.ts'
import type { Guard, Invalid, Outcome } from './authentication/outcome.ts'
import type { AnyScheme } from './authentication/scheme.ts'
import type { No } from './authorization/decision.ts'
import { Boot, plainErrorHandler } from './boot.ts'
import { circumstancesOf, hasCircumstances } from './circumstances.ts'
import { decorate, PASSAGE, type Request } from './decorators.ts'
import { eventOf } from './event-of.ts'
import { Gatehouse } from './gatehouse.ts'
import { challengeOrNot, guardAnswer } from './guard.ts'
import { Judge, type Judgement } from './judge.ts'
import { settingsOf, type GatehouseOptions, type Settings } from './options.ts'
import { serveMetadata } from './metadata-routes.ts'
import { Passage } from './passage.ts'
import { refusedOutcome, type FailedOutcome } from './refusal-of.ts'
import { Refusal, refusal } from './refusal.ts'
import { listening, report } from './reporting/decision-event.ts'
import { quietAbout } from './reporting/quiet-log.ts'
import { issuedCookies } from './request-throttle.ts'
import type { RoutePlan } from './route-plan.ts'
import { Routes } from './routes.ts'
import { standIn } from './stand-in.ts'

const gatehousePlugin: FastifyPluginAsync<GatehouseOptions> = async (app, options) => {
  const settings = settingsOf(options)
  const boot = new Boot(app)
  const routes = new Routes(app, settings)
  app.addHook('onRegister', (child) => boot.see(child))
  app.addHook('onRoute', function (route) {
    routes.see(route, this)
    // A hook of a scope within runs after ours, and may still make a 401 of the answer.
    const lastLook: onSendHookHandler = (request, reply, payload, done) => life.lastLook(request as Request, reply, payload, done)
    route.onSend = [route.onSend ?? [], lastLook].flat()
  })
  const gatehouse = await Gatehouse.open(settings, routes, app.log)
  const life = new Life(settings, routes, gatehouse)
  decorate(app, gatehouse, life)
  boot.keepUserDecorator()
  serveMetadata(app, settings.protectedResources)

  app.addHook('onRequest', (request, reply, done) => life.onRequest(request as Request, reply, done))
  app.addHook('preHandler', (request, reply, done) => life.preHandler(request as Request, reply, done))
  app.addHook('onError', (request, reply, error, done) => life.onError(request as Request, reply, error, done))
  app.addHook('onSend', (request, reply, payload, done) => life.onSend(request as Request, reply, payload, done))
  app.addHook('onResponse', (request, reply, done) => life.onResponse(request as Request, reply, done))

  app.addHook('onReady', async () => {
    boot.check()
    routes.compile(gatehouse.policy)
    await life.prepare()
    gatehouse.start()
  })
  app.addHook('preClose', () => gatehouse.stop())
  app.addHook('onClose', () => life.close())
}

/** What happens to a request, in this order. */
class Life {
  readonly #settings: Settings
  readonly #routes: Routes
  readonly #gatehouse: Gatehouse
  /** Every scheme of the application, for telling when two credentials were sent. */
  #known: readonly AnyScheme[] = []
  /** What an unknown URL is to the gatehouse: public, and challenged with the default schemes. */
  #unknown: RoutePlan
  readonly #judge: Judge

  constructor (settings: Settings, routes: Routes, gatehouse: Gatehouse) {
    this.#settings = settings
    this.#routes = routes
    this.#gatehouse = gatehouse
    this.#unknown = routes.unknown()
    this.#judge = new Judge()
  }

  async prepare (): Promise<void> {
    this.#known = [...this.#routes.schemes()]
    this.#unknown = this.#routes.unknown()
    for (const scheme of this.#known) await scheme.prepare?.()
  }

  async close (): Promise<void> {
    for (const scheme of this.#known) await scheme.close?.()
  }

  /** Who are you? And whatever can be answered before the body is read. */
  onRequest (request: Request, reply: FastifyReply, done: HookHandlerDoneFunction): void {
    // Requests of a scope that is older than the gatehouse lack its decorators.
    request[PASSAGE] ??= null
    request.auth ??= null
    request.user ??= null as never
    keepAddress(request)
    const plan = this.#routes.planFor(request) ?? this.#unknown
    const stoodIn = standIn(request.raw, plan.schemes)
    if (plan.mode === 'public' && plan.quotas.before.length === 0) return done()
    if (plan.mode === 'preflight' && isPreflight(request)) return done()
    const passage = this.#enter(request, plan)
    this.#unless(this.#gatehouse.quotas.beforeAuthentication(request, passage), request, reply, done, () => {
      if (plan.mode === 'public') return done()
      this.#authenticate(request, reply, passage, stoodIn, done)
    })
  }

  #authenticate (request: Request, reply: FastifyReply, passage: Passage, stoodIn: Outcome | null, done: HookHandlerDoneFunction): void {
    const { plan } = passage
    if (this.#settings.refusesInsecure && request.protocol !== 'https' && carriesCredentials(request, this.#known)) {
      return this.#answer(request, reply, (passage.refusal = refusal('insecure_transport', { reason: 'credentials were sent over plain HTTP' })), done)
    }
    const outcome = stoodIn ?? authenticate(request, { ways: plan.ways, known: this.#known }, this.#guard)
    if (outcome instanceof Promise) {
      outcome.then((settled) => this.#count(request, reply, passage, settled, done)).catch(done)
      return
    }
    this.#count(request, reply, passage, outcome, done)
  }

  /** Of wrong credentials that nobody can guess there may have been too many. */
  #count (request: Request, reply: FastifyReply, passage: Passage, outcome: Outcome, done: HookHandlerDoneFunction): void {
    if (!isCounted(outcome)) return this.#admit(request, reply, passage, outcome, done)
    this.#gatehouse.credentials.counted(request, outcome).then((settled) => this.#admit(request, reply, passage, settled, done)).catch(done)
  }

  #admit (request: Request, reply: FastifyReply, passage: Passage, outcome: Outcome, done: HookHandlerDoneFunction): void {
    const no = this.#recognise(request, passage, outcome)
    if (no !== null) return this.#answer(request, reply, no, done)
    if (!hasCircumstances(this.#settings)) return this.#judgeEarly(request, reply, passage, done)
    const user = request.auth === null ? null : request.user as object
    circumstancesOf(request, user, this.#settings).then((circumstances) => {
      passage.circumstances = circumstances
      this.#judgeEarly(request, reply, passage, done)
    }, (cause: unknown) => {
      passage.circumstances = 'unknown'
      const reason = 'what is around the request could not be found out'
      this.#answer(request, reply, (passage.refusal = cause instanceof Refusal ? cause : refusal('temporarily_unavailable', { reason, cause })), done)
    }).catch(done)
  }

  #judgeEarly (request: Request, reply: FastifyReply, passage: Passage, done: HookHandlerDoneFunction): void {
    this.#unless(this.#judge.preCheck(passage), request, reply, done, () => {
      this.#unless(this.#gatehouse.quotas.afterAuthentication(request, passage), request, reply, done, () => {
        this.#unless(this.#judge.early(passage), request, reply, done, done)
      })
    })
  }

  /** Goes on unless there is a no, which is the answer. */
  #unless (no: Refusal | null | Promise<Refusal | null>, request: Request, reply: FastifyReply, done: HookHandlerDoneFunction, next: () => void): void {
    if (no instanceof Promise) {
      no.then((settled) => this.#unless(settled, request, reply, done, next)).catch(done)
      return
    }
    if (no === null) return next()
    this.passageOf(request).refusal = no
    this.#answer(request, reply, no, done)
  }

  /** Decorates the request with its user, or refuses. */
  #recognise (request: Request, passage: Passage, outcome: Outcome): Refusal | null {
    if (outcome.kind === 'user') {
      request.user = outcome.user as never
      request.auth = outcome.auth
      passage.scheme = outcome.scheme
      passage.schemeHeaders = outcome.headers ?? null
      passage.sentInUrl = outcome.place === 'query'
      return null
    }
    if (outcome.kind !== 'nothing') return this.#refuseOutcome(passage, outcome)
    if (passage.plan.mode === 'optional') return null
    return (passage.refusal = refusal('unauthenticated', { reason: 'nothing was sent' }))
  }

  #refuseOutcome (passage: Passage, outcome: FailedOutcome): Refusal {
    const refused = refusedOutcome(outcome, passage.plan)
    passage.tried = refused.tried
    passage.schemeHeaders = refused.headers
    return (passage.refusal = refused.refusal)
  }

  /** May you do this? With the records at hand. */
  preHandler (request: Request, reply: FastifyReply, done: HookHandlerDoneFunction): void {
    const passage = request[PASSAGE]
    if (passage === null || passage.plan.targets.length === 0) return done()
    const no = this.#judge.withRecords(passage, request)
    if (no instanceof Promise) {
      no.then((settled) => this.#go(request, reply, settled, done)).catch(done)
      return
    }
    this.#go(request, reply, no, done)
  }

  /** For `request.authorize`. */
  refuse (passage: Passage, no: No): Refusal {
    return this.#judge.refuse(passage, no)
  }

  #go (request: Request, reply: FastifyReply, no: Judgement, done: HookHandlerDoneFunction): void {
    if (no === null) return done()
    if (no instanceof Refusal) return this.#answer(request, reply, no, done)
    done(no)
  }

  /** An application with an error handler of its own gets the error; otherwise the gatehouse answers, and `onSend` writes the body. */
  #answer (request: Request, reply: FastifyReply, no: Refusal, done: HookHandlerDoneFunction): void {
    if (this.#answersItself(request)) {
      reply.code(no.statusCode).send('')
      return
    }
    done(no)
  }

  /** A refusal that was thrown, in a hook or in the handler. Fastify's default handler need not write a second line about it. */
  onError (request: Request, reply: FastifyReply, error: Error, done: () => void): void {
    if (error instanceof Refusal) {
      this.passageOf(request).refusal = error
      if (this.#answersItself(request)) reply.log = quietAbout(reply.log, error)
    }
    done()
  }

  /** The last look at the answer; then it is reported. */
  onSend (request: Request, reply: FastifyReply, payload: unknown, done: (error: null, payload: unknown) => void): void {
    const passage = this.passageOf(request)
    const answer = guardAnswer(request, reply, payload, passage, this.#settings, this.#answersItself(request))
    this.#gatehouse.quotas.tell(reply, passage)
    for (const cookie of issuedCookies(request)) reply.header('set-cookie', cookie).header('cache-control', 'no-store')
    const isEmergency = (passage.circumstances?.breakGlass ?? null) !== null
    if (passage.refusal !== null || isEmergency || (listening() && passage.plan !== this.#unknown)) {
      report(eventOf(request, reply, passage), request.log, passage.refusal?.cause)
    }
    done(null, answer)
  }

  /** Law 1, once every other hook has had its turn. */
  lastLook (request: Request, reply: FastifyReply, payload: unknown, done: (error: null, payload: unknown) => void): void {
    if (reply.statusCode === 401 && !reply.hasHeader('www-authenticate')) challengeOrNot(request, reply, this.passageOf(request), this.#settings)
    done(null, payload)
  }

  /** A refused upgrade (RFC 9110 section 7.8): Node.js has let go of its socket, and nobody else would close it. */
  onResponse (request: Request, reply: FastifyReply, done: () => void): void {
    if (request.headers.upgrade !== undefined && reply.raw.socket !== null && this.passageOf(request).refusal !== null) reply.raw.socket.destroy()
    done()
  }

  /** The passage of a request; on a public route, where nobody was asked, that of the anonymous. */
  passageOf (request: Request): Passage {
    return request[PASSAGE] ?? this.#enter(request, this.#routes.planFor(request) ?? this.#unknown)
  }

  #enter (request: Request, plan: RoutePlan): Passage {
    const passage = new Passage(request, plan, this.#gatehouse.abilities, this.#settings)
    request[PASSAGE] = passage
    return passage
  }

  #answersItself (request: Request): boolean {
    return !this.passageOf(request).plan.ownErrorHandler && request.server.errorHandler === plainErrorHandler
  }

  /** The throttle stands before every guessable secret. */
  readonly #guard: Guard = async (request, _scheme, account, verify) => this.#gatehouse.throttle.verdict(request, account ?? null, verify)
}

/** Node.js knows the address of a socket that is gone if it was asked for it before: who hangs up is counted by his own all the same. */
function keepAddress ({ raw: { socket } }: FastifyRequest): unknown {
  return socket.remoteAddress
}

/** Those that can be guessed were counted before they were checked; what was good once is no noise; and a 400 is no wrong credential. */
function isCounted (outcome: Outcome): outcome is Invalid {
  return outcome.kind === 'invalid' && outcome.guessed && !outcome.scheme.guessable && outcome.error !== 'invalid_request'
}

function isPreflight (request: FastifyRequest): boolean {
  return request.method === 'OPTIONS' && request.headers.origin !== undefined && request.headers['access-control-request-method'] !== undefined
}

/**
 * Access control for Fastify 5: who may ask is decided in `onRequest` (401), what they may do in `preHandler` (403, or 404 for a hidden
 * record), how fast they may guess before a secret is checked (429); whatever cannot be known is a 503.
 *
 * @throws {OptionError} FST_GATEHOUSE_OPTION, {PolicyError} FST_GATEHOUSE_POLICY, when the application starts
 */
export const gatehouse = fastifyPlugin(gatehousePlugin, { fastify: '5.x', name: 'fastify-gatehouse' })
