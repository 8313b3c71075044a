/** A truth table of an established model: what its definition says, what our policy files say, and what casbin says. */
import assert from 'node:assert/strict'
import { newEnforcer, newModelFromString, type Enforcer } from 'casbin'
import t from 'tap'
import { can, resource } from '../../lib/index.ts'
import { Abilities } from '../../lib/authorization/abilities.ts'
import { keeps, recordFilter } from '../../lib/authorization/filter.ts'
import { membershipsIn } from '../../lib/authorization/membership.ts'
import { loadPolicies } from '../../lib/policies/index.ts'
import { as, porch } from '../core/porch.ts'

/** One line of the table. */
export interface Question {
  /** `null`: the anonymous. His roles and memberships are among his attributes. */
  readonly user: { readonly [attribute: string]: unknown, readonly roles?: readonly string[], readonly memberships?: readonly unknown[] } | null
  readonly action: string
  readonly record: object
  readonly environment?: object
}

export interface Model<Q extends Question> {
  readonly name: string
  /** Of its policy files, under `policies/`. */
  readonly folder: string
  readonly subject: string
  readonly questions: readonly Q[]
  /** From the model's definition, and from nothing of ours. */
  readonly oracle: (question: Q) => boolean
  readonly casbin: {
    readonly model: string
    /** Policies and groupings, as lists of casbin's columns. */
    readonly policies: readonly (readonly string[])[]
    readonly groupings?: readonly (readonly string[])[]
    readonly functions?: Readonly<Record<string, (...given: any[]) => boolean>>
    /** What casbin is asked; `null` where the model's definition goes beyond what casbin can be asked. */
    readonly request: (question: Q) => readonly unknown[] | null
  }
}

export interface Counts {
  readonly allowed: number
  readonly denied: number
  readonly askedOfCasbin: number
}

/** How many lines of a table are asked through an application too. */
const SAMPLE = 60

/** Registers the tests of a model. */
export function truthTable<Q extends Question> (model: Model<Q>, expected: Counts): void {
  const { name, questions, oracle } = model
  const folder = new URL(`./policies/${model.folder}/`, import.meta.url)

  t.test(`${name}: the whole table is what the definition says, in a check and in a list`, async (t) => {
    const abilities = new Abilities(await loadPolicies(folder))
    for (const question of questions) {
      const { user, action, record, environment } = question
      const ability = abilities.of(user, user?.roles ?? [], { memberships: membershipsIn(user?.memberships), ...(environment !== undefined && { environment }) })
      const said = text(question)
      assert.equal(ability.allows(action, model.subject, record), oracle(question), said)
      assert.equal(keeps(recordFilter(ability, action, model.subject), record), oracle(question), `law 12: ${said}`)
    }
    const allowed = questions.filter(oracle).length
    t.strictSame({ allowed, denied: questions.length - allowed }, { allowed: expected.allowed, denied: expected.denied })
  })

  t.test(`${name}: casbin, running its own model, says the same`, async (t) => {
    const enforcer = await enforcerOf(model)
    let asked = 0
    for (const question of questions) {
      const request = model.casbin.request(question)
      if (request === null) continue
      asked++
      assert.equal(enforcer.enforceSync(...request), oracle(question), text(question))
    }
    t.equal(asked, expected.askedOfCasbin)
  })

  t.test(`${name}: an application answers 200 and 403 (to the anonymous 401) by the table`, async (t) => {
    // A route for what nobody is ever allowed would stop the start.
    const grantable = new Set(questions.filter(oracle).map(({ action }) => action))
    const askable = questions.filter(({ action }) => grantable.has(action))
    const step = Math.max(1, Math.floor(askable.length / SAMPLE))
    // A step that divides the table evenly would ask about one action only.
    const sample = askable.filter((_, index) => index % step === Math.floor(index / step) % step)
    const record = resource(model.subject, { param: 'line', load: (line) => sample[Number(line)]?.record ?? null })
    const environment = (request: { readonly headers: Readonly<Record<string, unknown>> }) => JSON.parse(String(request.headers['x-environment'] ?? '{}')) as object
    const app = await porch(t, { policies: folder, environment }, (app) => {
      for (const action of new Set(sample.map((question) => question.action))) {
        app.get(`/${action}/:line`, { config: { access: can(action, record, { optional: true }) } }, () => 'done')
      }
    }, { logger: false })
    const statuses = new Set<number>()
    for (const [line, question] of sample.entries()) {
      const { user, action, environment } = question
      const headers = { ...(user !== null && as(user)), 'x-environment': JSON.stringify(environment ?? {}) }
      const { statusCode } = await app.inject({ url: `/${action}/${line}`, headers })
      statuses.add(statusCode)
      assert.equal(statusCode, oracle(question) ? 200 : user === null ? 401 : 403, text(question))
    }
    t.ok(statuses.has(200) && statuses.has(403), `${sample.length} requests: ${[...statuses].join(', ')}`)
  })
}

async function enforcerOf<Q extends Question> ({ casbin }: Model<Q>): Promise<Enforcer> {
  const enforcer = await newEnforcer(newModelFromString(casbin.model))
  for (const [name, of] of Object.entries(casbin.functions ?? {})) await enforcer.addFunction(name, of)
  await enforcer.addPolicies(casbin.policies.map((columns) => [...columns]))
  if (casbin.groupings !== undefined) await enforcer.addGroupingPolicies(casbin.groupings.map((columns) => [...columns]))
  return enforcer
}

function text (question: Question): string {
  return JSON.stringify(question)
}

/** Every subset, the empty one first. */
export function subsets<T> (of: readonly T[]): T[][] {
  return Array.from({ length: 2 ** of.length }, (_, mask) => of.filter((_, index) => mask & (1 << index)))
}

/** Every combination of one value of each, in the order in which they are given. `undefined` as value: the key is left out. */
export function combinations<T extends Readonly<Record<string, readonly unknown[]>>> (of: T): { [K in keyof T]: T[K][number] }[] {
  let all: Record<string, unknown>[] = [{}]
  for (const [key, values] of Object.entries(of)) all = all.flatMap((one) => values.map((value) => value === undefined ? one : { ...one, [key]: value }))
  return all as { [K in keyof T]: T[K][number] }[]
}
