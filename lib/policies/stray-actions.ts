/** Finds actions and subjects that cannot be meant: slips of the pen, wildcards of other languages, and rules that forbid what nothing allows. */
import { didYouMean } from '../nearest.ts'
import { joined } from './joined.ts'
import type { Ruled } from './owned-rules.ts'
import { Slips } from './slips.ts'
import type { Problem } from './problems.ts'
import type { CheckedRule } from './rules.ts'
import { quoted } from './words.ts'

const EVERY_ACTION = 'manage'
const EVERY_SUBJECT = 'all'

/** Words that an application has anyway: one slip away from them is no word of its own. */
const KNOWN_ACTIONS = ['create', 'read', 'update', 'delete', EVERY_ACTION]

const WILDCARDS: readonly string[] = [EVERY_ACTION, EVERY_SUBJECT, '*']

/** How many other rules must name an action before a word that is nearly the same, in a single rule, is a slip. */
const ENOUGH = 2

/** In time that grows with the number of words. An inverted rule with such a word would never apply, and forbid nothing. */
export function strayActions (policies: readonly Ruled[]): Problem[] {
  const rules = joined(policies.map((policy) => policy.kind === 'deny' ? [] : policy.rules))
  const allowed = new Allowed(rules.filter(({ inverted }) => !inverted))
  const slips = slipsAmong(rules)
  return joined(rules.map((rule) => messagesOf(rule, allowed, slips).map((message) => ({ place: rule.place, message }))))
}

function messagesOf (rule: CheckedRule, allowed: Allowed, slips: ReadonlyMap<string, string>): string[] {
  const found: string[] = []
  for (const action of rule.action) tell(wildcardProblem(rule, 'action', action, EVERY_ACTION))
  for (const subject of rule.subject) tell(wildcardProblem(rule, 'subject', subject, EVERY_SUBJECT))
  if (found.length > 0) return found
  for (const action of rule.action) {
    const meant = slips.get(action)
    if (meant !== undefined) found.push(`rule ${rule.id} is the only one with the action ${quoted(action)}. Did you mean ${quoted(meant)}?`)
  }
  return found.length > 0 || !rule.inverted ? found : idle(rule, allowed)

  function tell (message: string | null): void {
    if (message !== null) found.push(message)
  }
}

/** CASL knows one word for every action and one for every subject; any other is an action, or a subject, of that name. */
function wildcardProblem ({ id }: CheckedRule, key: 'action' | 'subject', name: string, wildcard: string): string | null {
  if (name === wildcard) return null
  const isWildcard = WILDCARDS.includes(name.toLowerCase())
  if (isWildcard) return `rule ${id} has the ${key} ${quoted(name)}: every ${key} is ${quoted(wildcard)}`
  return name.includes('*') ? `rule ${id} has the ${key} ${quoted(name)}: only "fields" are patterns; every ${key} is ${quoted(wildcard)}` : null
}

/** Each subject on which nothing is allowed, else each action that is allowed on none of its subjects. A list may name a pair that is allowed nowhere. */
function idle ({ id, action, subject }: CheckedRule, allowed: Allowed): string[] {
  const subjects = subject.filter((one) => !allowed.knowsSubject(one))
  if (subjects.length > 0) return subjects.map((one) => `rule ${id} forbids ${action.map(quoted).join(', ')} on ${quoted(one)}, on which no rule allows anything.${didYouMean(one, allowed.subjects)}`)
  return action.filter((one) => !subject.some((on) => allowed.has(one, on)))
    .map((one) => `rule ${id} forbids ${quoted(one)} on ${subject.map(quoted).join(', ')}, which no rule allows.${didYouMean(one, subject.flatMap((on) => allowed.actionsOn(on)))}`)
}

/** What the allowing rules of all policies name. */
class Allowed {
  readonly #bySubject = new Map<string, Set<string>>()
  readonly #actions = new Set<string>()

  constructor (rules: readonly CheckedRule[]) {
    for (const { action, subject } of rules) {
      for (const one of action) this.#actions.add(one)
      for (const on of subject) {
        const actions = this.#bySubject.get(on) ?? new Set<string>()
        this.#bySubject.set(on, actions)
        for (const one of action) actions.add(one)
      }
    }
  }

  get subjects (): Iterable<string> {
    return this.#bySubject.keys()
  }

  knowsSubject (subject: string): boolean {
    return this.#bySubject.has(subject) || this.#bySubject.has(EVERY_SUBJECT) || (subject === EVERY_SUBJECT && this.#bySubject.size > 0)
  }

  /** The actions that may be allowed on records of the subject. */
  actionsOn (subject: string): readonly string[] {
    if (subject === EVERY_SUBJECT) return [...this.#actions]
    return [...this.#bySubject.get(subject) ?? [], ...this.#bySubject.get(EVERY_SUBJECT) ?? []]
  }

  has (action: string, subject: string): boolean {
    const known = subject === EVERY_SUBJECT ? [this.#actions] : [this.#bySubject.get(subject), this.#bySubject.get(EVERY_SUBJECT)]
    return known.some((actions) => actions !== undefined && (action === EVERY_ACTION || actions.has(action) || actions.has(EVERY_ACTION)))
  }
}

/** The actions of single rules that are one slip away from another, with what is meant. */
function slipsAmong (rules: readonly CheckedRule[]): ReadonlyMap<string, string> {
  const counts = new Map<string, number>()
  for (const { action } of rules) for (const one of action) counts.set(one, (counts.get(one) ?? 0) + 1)
  const often = [...counts].filter(([, count]) => count >= ENOUGH).map(([action]) => action)
  const known = new Slips([...KNOWN_ACTIONS, ...often])
  const once = [...counts].filter(([action, count]) => count === 1 && !KNOWN_ACTIONS.includes(action))
  return new Map(once.flatMap(([action]) => {
    const meant = known.meantBy(action)
    return meant === undefined ? [] : [[action, meant]]
  }))
}
