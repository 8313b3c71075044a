/** What the policy says of a request: its pre-checks, what needs no record, and what the records decide. */
import type { FastifyRequest } from 'fastify'
import { decide, type No, type Ruling } from '../authorization/decision.ts'
import type { Target } from '../authorization/requirement.ts'
import type { PreCheck } from '../policies/policy.ts'
import { Refusal, refusal } from '../refusal.ts'
import { findChange, type FoundChange } from './change.ts'
import { findRecord, writtenBy, type FoundRecord, type NotFound } from './evidence.ts'
import type { Passage } from './passage.ts'
import { refusedNo } from './refusal-of.ts'

/** `null`: go on. An error is the application's own, with a 4xx status. */
export type Judgement = Refusal | Error | null

export class Judge {
  /** Account states and the like: a no for a known user, whatever the route asks. */
  preCheck (passage: Passage): Refusal | null {
    const { preChecks } = passage.abilities.policy
    if (preChecks.length === 0) return null
    for (const person of passage.people) {
      for (const check of preChecks) {
        if (passage.plan.despite.has(check.code)) continue
        const no = this.#checked(passage, check, person)
        if (no !== null) return no
      }
    }
    return null
  }

  #checked (passage: Passage, check: PreCheck, person: object): Refusal | null {
    try {
      if (!check.refuses(person)) return null
      return (passage.refusal = this.refuse(passage, { reason: `the pre-check ${check.name} refuses this user`, code: check.code }))
    } catch (cause) {
      return (passage.refusal = refusal('temporarily_unavailable', { reason: `the pre-check ${check.name} could not decide`, cause }))
    }
  }

  /** A no that needs no record. */
  early (passage: Passage): Refusal | null {
    try {
      return this.#earlyNo(passage)
    } catch (cause) {
      return this.#undecided(passage, cause)
    }
  }

  #earlyNo (passage: Passage): Refusal | null {
    if (passage.plan.mode === 'closed' || passage.plan.mode === 'preflight') {
      return (passage.refusal = this.refuse(passage, { reason: 'the route declares nothing, and is closed', code: null }))
    }
    const ruling = decide(passage.plan.requirement, passage.asker(), { records: passage.records, written: [], nexts: passage.nexts })
    return this.#ruled(passage, ruling)
  }

  /** The no that takes the records; at once where the loaders are. Never throws and never rejects. */
  withRecords (passage: Passage, request: FastifyRequest): Judgement | Promise<Judgement> {
    try {
      const no = this.#loadAndDecide(passage, request, writtenBy(request, passage.plan))
      return no instanceof Promise ? no.catch((cause: unknown) => this.#undecided(passage, cause)) : no
    } catch (cause) {
      return this.#undecided(passage, cause)
    }
  }

  /** Loads and decides in turn, until nothing is left to load. */
  #loadAndDecide (passage: Passage, request: FastifyRequest, written: readonly string[] | null): Judgement | Promise<Judgement> {
    for (;;) {
      const { plan, records, nexts } = passage
      const ruling = decide(plan.requirement, passage.asker(), { records, written, nexts })
      if (ruling.kind === 'next') return this.#change(passage, request, ruling, written)
      const target = ruling.kind === 'record' ? ruling.target : ruling.kind === 'yes' ? plan.targets.find((one) => !records.has(one)) : undefined
      if (target === undefined) {
        if (ruling.kind !== 'yes') return this.#ruled(passage, ruling)
        const open = this.#keepAllowed(passage, written)
        return open === null ? this.#ruled(passage, ruling) : this.#change(passage, request, open, written)
      }
      const found = findRecord(target, request, passage)
      if (found instanceof Promise) return found.then((settled) => this.#keep(target, settled, passage) ?? this.#loadAndDecide(passage, request, written))
      const no = this.#keep(target, found, passage)
      if (no !== null) return no
    }
  }

  #keep (target: Target, found: FoundRecord, passage: Passage): Refusal | Error | null {
    if (found.kind !== 'found') return this.#notFound(passage, found)
    passage.keepRecord(target, found.record)
    return null
  }

  /** Makes the record as it will be, and goes on. */
  #change (passage: Passage, request: FastifyRequest, { target, record, action }: Extract<Ruling, { kind: 'next' }>, written: readonly string[] | null): Judgement | Promise<Judgement> {
    const goOn = (settled: FoundChange): Judgement | Promise<Judgement> => {
      if (settled.kind !== 'found') return this.#notFound(passage, settled)
      passage.keepNext(target, settled.next)
      return this.#loadAndDecide(passage, request, written)
    }
    const found = findChange(target, record, action, request, passage)
    return found instanceof Promise ? found.then(goOn) : goOn(found)
  }

  #notFound (passage: Passage, not: NotFound): Refusal | Error {
    if (not.kind === 'unknown') return (passage.refusal = refusal('temporarily_unavailable', { reason: not.reason, cause: not.cause }))
    return not.error instanceof Refusal ? (passage.refusal = not.error) : not.error
  }

  /**
   * With alternatives, a yes need not be for every record: one whose own part says no is not handed out, whether it is hidden or missing.
   * Gives the first whose next state must be made before that can be said.
   */
  #keepAllowed (passage: Passage, written: readonly string[] | null): Extract<Ruling, { kind: 'next' }> | null {
    const { records, nexts } = passage
    for (const can of passage.plan.alternatives) {
      const ruling = decide(can, passage.asker(), { records, written, nexts })
      if (ruling.kind === 'next') return ruling
      if (ruling.kind === 'no') passage.withhold(can.target, () => this.refuse(passage, ruling))
    }
    return null
  }

  /** Law 10. What a decision asks of the application (the roles of a user, a value of a record) may throw. */
  #undecided (passage: Passage, cause: unknown): Refusal {
    return (passage.refusal = refusal('temporarily_unavailable', { reason: 'the decision failed', cause }))
  }

  #ruled (passage: Passage, ruling: Ruling): Refusal | null {
    if (ruling.kind === 'no') return (passage.refusal = this.refuse(passage, ruling))
    if (ruling.kind === 'yes') passage.rule = ruling.rule
    return null
  }

  /** The refusal for a no of the policy. It counts once it is answered or thrown: a handler may catch it and do something else. */
  refuse (passage: Passage, no: No | { readonly reason: string, readonly code: string | null }): Refusal {
    const whole = 'kind' in no ? no : { kind: 'no' as const, as: 'forbidden' as const, rule: null, part: passage.plan.requirement, fields: [], asked: null, ...no }
    const refused = refusedNo(whole, passage.plan, passage.asker().roles)
    passage.no = whole
    passage.tried = refused.tried === null || passage.scheme === null ? null : { ...refused.tried, schemes: [passage.scheme] }
    return refused.refusal
  }
}
