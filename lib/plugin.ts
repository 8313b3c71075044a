/** The life of a request, from top to bottom. The only file that knows Fastify's hooks and their order. */
import fastifyPlugin from 'fastify-plugin'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest, HookHandlerDoneFunction, onSendHookHandler } from 'fastify'
import type {} from '@fastify/jwt'
import { authenticate, carriesCredentials } from './authentication/authenticate.ts'
import type { Guard, Outcome } from './authentication/outcome.ts'
import type { AnyScheme } from './authentication/scheme.ts'
import type { No } from './authorization/decision.ts'
import { Boot, plainErrorHandler } from './boot.ts'
import { decorate, PASSAGE, type Request } from './decorators.ts'
import { Gatehouse } from './gatehouse.ts'
import { settingsOf, type GatehouseOptions, type Settings } from './options.ts'
import { trustProxyOf } from './proxy-trust.ts'
import { Refusal, refusal } from './refusal.ts'
import { quietAbout } from './reporting/quiet-log.ts'
import { answerPast, isUnanswered, letGo } from './requests/unsent.ts'
import { circumstancesOf, hasCircumstances } from './requests/circumstances.ts'
import { tell } from './requests/event-of.ts'
import { challengeOrNot, guardAnswer, lawful } from './requests/guard.ts'
import { Judge, type Judgement } from './requests/judge.ts'
import { Passage } from './requests/passage.ts'
import { refusedOutcome, type FailedOutcome } from './requests/refusal-of.ts'
import { standIn } from './requests/stand-in.ts'
import { issueCookies, keepAddress } from './requests/throttle.ts'
import { serveMetadata } from './routes/metadata-routes.ts'
import type { RoutePlan } from './routes/plan.ts'
import { Routes } from './routes/routes.ts'
import { unknownProxies } from './unknown-proxy.ts'

const gatehousePlugin: FastifyPluginAsync<GatehouseOptions> = async (app, options) => {
  const settings = settingsOf(options)
  const boot = new Boot(app)
  const routes = new Routes(app, settings)
  app.addHook('onRegister', (child) => boot.see(child))
  // A hook of a scope within runs after ours, and may still make a 401 of the answer.
  const lastLook: onSendHookHandler = (request, reply, payload, done) => life.lastLook(request as Request, reply, payload, done)
  app.addHook('onRoute', function (route) {
    routes.see(route, this)
    route.onSend = [route.onSend ?? [], lastLook].flat()
  })
  const gatehouse = await Gatehouse.open(settings, routes, app.log)
  const life = new Life(settings, routes, gatehouse, trustProxyOf(app) ? () => null : unknownProxies())
  decorate(app, gatehouse, life)
  boot.keepUserDecorator()
  serveMetadata(app, settings.protectedResources)

  app.addHook('onRequest', (request, reply, done) => life.onRequest(request as Request, reply, done))
  app.addHook('preHandler', (request, reply, done) => life.preHandler(request as Request, reply, done))
  app.addHook('onError', (request, reply, error, done) => life.onError(request as Request, reply, error, done))
  app.addHook('onSend', (request, reply, payload, done) => life.onSend(request as Request, reply, payload, done))

  app.addHook('onReady', async () => {
    boot.check()
    routes.compile(gatehouse.policy)
    await life.prepare()
    gatehouse.start()
  })
  app.addHook('preClose', () => gatehouse.stop())
  app.addHook('onClose', () => life.close())
}

/** `null`: nothing against it. */
type Judged = Refusal | null

/** At once where nothing has to be waited for. Never throws. */
type Step = (request: Request, passage: Passage) => Judged | Promise<Judged>

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
  readonly #hasCircumstances: boolean
  readonly #unknownProxy: ReturnType<typeof unknownProxies>

  constructor (settings: Settings, routes: Routes, gatehouse: Gatehouse, unknownProxy: ReturnType<typeof unknownProxies>) {
    this.#settings = settings
    this.#routes = routes
    this.#gatehouse = gatehouse
    this.#unknown = routes.unknown()
    this.#judge = new Judge()
    this.#hasCircumstances = hasCircumstances(settings)
    this.#unknownProxy = unknownProxy
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
    const proxy = this.#unknownProxy(request)
    if (proxy !== null) request.log.warn(proxy)
    const plan = this.#routes.planFor(request) ?? this.#unknown
    const stoodIn = standIn(request.raw, plan.schemes)
    if (plan.mode === 'public' && plan.quotas.before.length === 0) return done()
    if (plan.mode === 'preflight' && isPreflight(request)) return done()
    const earlier = request[PASSAGE]
    const passage = this.#enter(request, plan)
    if (earlier !== null) passage.follow(earlier)
    passage.stoodIn = stoodIn
    this.#walk(0, request, reply, passage, done)
  }

  /** What is asked of a request before its body is read, in this order; of a public route only the first. */
  readonly #steps: readonly Step[] = [
    (request, passage) => this.#gatehouse.quotas.beforeAuthentication(request, passage),
    (request, passage) => this.#authenticate(request, passage),
    (request, passage) => this.#hasCircumstances ? this.#findCircumstances(request, passage) : null,
    (_request, passage) => this.#judge.preCheck(passage),
    (request, passage) => this.#gatehouse.quotas.afterAuthentication(request, passage),
    (_request, passage) => this.#judge.early(passage),
  ]

  /** Goes on from a step to the next, unless there is a no, which is the answer. */
  #walk (from: number, request: Request, reply: FastifyReply, passage: Passage, done: HookHandlerDoneFunction): void {
    const end = passage.plan.mode === 'public' ? 1 : this.#steps.length
    for (let step = from; step < end; step++) {
      const no = (this.#steps[step] as Step)(request, passage)
      if (no === null) continue
      if (no instanceof Promise) {
        no.then((settled) => settled === null ? this.#walk(step + 1, request, reply, passage, done) : this.#refuse(request, reply, passage, settled, done)).catch(done)
        return
      }
      return this.#refuse(request, reply, passage, no, done)
    }
    done()
  }

  #refuse (request: Request, reply: FastifyReply, passage: Passage, no: Refusal, done: HookHandlerDoneFunction): void {
    passage.refusal = no
    this.#answer(request, reply, no, done)
  }

  #authenticate (request: Request, passage: Passage): Judged | Promise<Judged> {
    const { plan, stoodIn } = passage
    if (this.#settings.refusesInsecure && request.protocol !== 'https' && carriesCredentials(request, this.#known)) {
      return refusal('insecure_transport', { reason: 'credentials were sent over plain HTTP' })
    }
    const outcome = stoodIn ?? authenticate(request, { ways: plan.ways, known: this.#known }, this.#guard)
    return outcome instanceof Promise ? outcome.then((settled) => this.#counted(request, passage, settled)) : this.#counted(request, passage, outcome)
  }

  /** Of wrong credentials that nobody can guess there may have been too many. */
  #counted (request: Request, passage: Passage, outcome: Outcome): Judged | Promise<Judged> {
    const counted = this.#gatehouse.throttles.credentials.counted(request, outcome)
    return counted instanceof Promise ? counted.then((settled) => this.#recognise(request, passage, settled)) : this.#recognise(request, passage, counted)
  }

  async #findCircumstances (request: Request, passage: Passage): Promise<Judged> {
    try {
      passage.circumstances = await circumstancesOf(request, request.auth === null ? null : request.user as object, this.#settings)
      return null
    } catch (cause) {
      passage.circumstances = 'unknown'
      return cause instanceof Refusal ? cause : refusal('temporarily_unavailable', { reason: 'what is around the request could not be found out', cause })
    }
  }

  /** Decorates the request with its user, or refuses. */
  #recognise (request: Request, passage: Passage, outcome: Outcome): Judged {
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
    return refusal('unauthenticated', { reason: 'nothing was sent' })
  }

  #refuseOutcome (passage: Passage, outcome: FailedOutcome): Refusal {
    const refused = refusedOutcome(outcome, passage.plan)
    passage.tried = refused.tried
    passage.schemeHeaders = refused.headers
    return refused.refusal
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
    // Whatever it is, it is no yes: without an error the handler would run.
    done(Object(no) as Error)
  }

  /** An application with an error handler of its own gets the error; otherwise the gatehouse answers, and `onSend` writes the body. */
  #answer (request: Request, reply: FastifyReply, no: Refusal, done: HookHandlerDoneFunction): void {
    if (this.#answersItself(request)) {
      reply.code(no.statusCode).send('')
      return
    }
    done(no)
  }

  /** A refusal that was thrown, in a hook or in the handler; or a hook that failed with the answer of one, or with a 401 of its own, in its hands. */
  onError (request: Request, reply: FastifyReply, error: Error, done: () => void): void {
    const passage = this.passageOf(request)
    if (error instanceof Refusal) {
      passage.refusal = error
      // Fastify's default handler need not write a second line about it.
      if (this.#answersItself(request)) reply.log = quietAbout(reply.log, error)
    } else if (passage.refusal !== null && isUnanswered(reply)) {
      request.log.error({ err: error }, 'a hook failed with the answer of a refusal: it was sent past all further hooks')
      reply.code(passage.refusal.statusCode)
      return answerPast(reply, this.#finish(request, reply, '', passage, () => true) as string)
    }
    // A hook before ours that fails with this in its hands would send it as it is.
    if (passage.refusal === null && (error as { statusCode?: unknown }).statusCode === 401) lawful(request, reply, passage, this.#settings, 401)
    done()
  }

  /** The last look at the answer, once it is known what the handler has spent; then it is reported. */
  onSend (request: Request, reply: FastifyReply, payload: unknown, done: (error: Error | null, payload?: unknown) => void): void {
    const passage = this.passageOf(request)
    passage.answers += 1
    const open = passage.openDebts
    if (open === null) return done(null, this.#finish(request, reply, payload, passage, this.#answersItself))
    const { answers } = passage
    open.then(() => {
      // Of an answer and of what the handler threw after it the later one goes out.
      if (answers === passage.answers) done(null, this.#finish(request, reply, payload, passage, this.#answersItself))
    }).catch(done)
  }

  #finish (request: Request, reply: FastifyReply, payload: unknown, passage: Passage, answersItself: (request: Request) => boolean): unknown {
    const answer = guardAnswer(request, reply, payload, passage, this.#settings, answersItself)
    this.#gatehouse.quotas.tell(reply, passage)
    issueCookies(request, reply)
    tell(request, reply, passage, passage.plan !== this.#unknown)
    if (passage.refusal !== null && request.headers.upgrade !== undefined) letGo(reply)
    return answer
  }

  /** Law 1, once every other hook has had its turn. */
  lastLook (request: Request, reply: FastifyReply, payload: unknown, done: (error: Error | null, payload?: unknown) => void): void {
    if (reply.statusCode === 401 && !reply.hasHeader('www-authenticate')) challengeOrNot(request, reply, this.passageOf(request), this.#settings, 401)
    done(null, payload)
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

  readonly #answersItself = (request: Request): boolean => !this.passageOf(request).plan.ownErrorHandler && request.server.errorHandler === plainErrorHandler

  /** The throttle stands before every guessable secret. */
  readonly #guard: Guard = async (request, _scheme, account, verify) => this.#gatehouse.throttles.signIn.verdict(request, account ?? null, verify)
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
