/** Law 12 over any store: random policies, users and records, and whether the list that a backend makes is what the checks allow, record by record. */
import { inspect } from 'node:util'
import type { Test } from 'tap'
import fc from 'fast-check'
import type { Backend } from '../../lib/authorization/backend.ts'
import { listFilter } from '../../lib/authorization/filter.ts'
import type { Conditions, RuleDefinition } from '../../lib/policies/index.ts'
import { abilitiesOf } from '../authorization/abilities.ts'

export interface Row {
  readonly id: number
  readonly txt: string | null
  readonly num: number | null
  readonly int: number | null
  readonly yes: boolean | null
  readonly at: Date | null
  readonly tags: readonly string[] | null
  readonly ints: readonly number[] | null
  readonly org: Org | null
  /** A value of any type, for stores that can keep one. */
  readonly doc: unknown
}

export interface Org {
  readonly name: string | null
  readonly locked: boolean | null
}

const TEXTS = ['', 'a', 'b', 'B', 'ä', 'Z', 'aa', '0', '1', 'null', 'true', "'", '"', '?', '$1', '%', '_', '\\', '$', '\u{1f600}', '\uffff', '\ue000', '2020-01-01', ' a']
const NUMBERS = [0, 1, -1, 1.5, -0.1, 0.1, 10, 2 ** 53, -1e15, 1e-7]
const INTEGERS = [0, 1, -1, 10, 2 ** 31 - 1, -(2 ** 31)]
const INSTANTS = ['1969-12-31T23:59:59.999Z', '2020-01-01T00:00:00.000Z', '2020-01-01T00:00:00.001Z', '2020-06-30T12:00:00.000Z', '2262-01-01T00:00:00.000Z']
const OFFSETS = ['2020-01-01', '2020-01-01T01:00:00+01:00', '2020-06-30T07:00:00-05:00', '2020-01-01T00:00Z', '0000-01-01', '9999-12-31T23:59:59-23:59']
/** No store holds these. */
const UNSTORABLE = ['\0', 'a\0', '\ud800', 'a\udc00', '\udc00\ud800']
const ODD_NUMBERS: readonly unknown[] = [2.5, 2n ** 53n + 1n, 2n ** 64n, -(2n ** 63n) - 1n, 10n ** 310n, -(10n ** 310n), 1e300, -1e300, 2 ** 31, -(2 ** 31) - 1, 5n]

/** A policy takes no whole number that is rounded already. */
function isExact (number: unknown): boolean {
  return !Number.isInteger(number) || Number.isSafeInteger(number)
}

export type Attribute = 'txt' | 'level' | 'num' | 'int' | 'big' | 'yes' | 'at' | 'tags' | 'ints' | 'org' | 'org.name' | 'org.locked' | 'doc' | 'doc.a'
type Kind = 'text' | 'number' | 'boolean' | 'instant'

const KINDS: Readonly<Record<Exclude<Attribute, 'tags' | 'ints' | 'org' | 'doc' | 'doc.a'>, Kind>> = { txt: 'text', level: 'text', num: 'number', int: 'number', big: 'number', yes: 'boolean', at: 'instant', 'org.name': 'text', 'org.locked': 'boolean' }

type Literals = Readonly<Record<Kind, fc.Arbitrary<unknown>>>

function literalsOf (except: readonly unknown[]): Literals {
  const allowed = (literal: unknown): boolean => isExact(literal) && !except.includes(literal)
  return {
    text: fc.constantFrom(...TEXTS.filter((text) => !text.startsWith('$') && allowed(text))),
    number: fc.oneof({ weight: 6, arbitrary: fc.constantFrom<unknown>(...[...NUMBERS, ...INTEGERS].filter(allowed)) }, { weight: 1, arbitrary: fc.constantFrom(...ODD_NUMBERS.filter(allowed)) }),
    boolean: fc.boolean(),
    instant: fc.constantFrom(...INSTANTS, ...OFFSETS),
  }
}

/** Conditions on these attributes: mostly literals of the attribute's own kind, sometimes of another; nulls, and templates. */
function conditionsOn (attributes: readonly Attribute[], literals: Literals): fc.Arbitrary<Conditions> {
  const comparison: fc.Arbitrary<Conditions> = fc.constantFrom(...attributes).chain((name) => {
    if (name === 'org') return fc.boolean().map((there) => ({ org: { $exists: there } }))
    if (name === 'tags' || name === 'ints') return onList(name, literals[name === 'tags' ? 'text' : 'number'])
    const any = fc.constantFrom<Kind>('text', 'number', 'boolean', 'instant')
    const value = (kind: Kind): fc.Arbitrary<Conditions> => onValue(name, kind, literals[kind])
    if (name === 'doc' || name === 'doc.a') return fc.oneof({ weight: 3, arbitrary: any.chain(value) }, { weight: 2, arbitrary: any.chain((kind) => onList(name, literals[kind])) })
    return fc.oneof({ weight: 8, arbitrary: value(KINDS[name]) }, { weight: 1, arbitrary: any.chain(value) })
  })
  return fc.letrec<{ condition: Conditions }>((tie) => ({
    condition: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      { weight: 4, arbitrary: comparison },
      { weight: 1, arbitrary: fc.tuple(fc.constantFrom('$and', '$or', '$nor'), fc.array(tie('condition'), { minLength: 1, maxLength: 3 })).map(([name, parts]) => ({ [name]: parts })) },
      { weight: 1, arbitrary: tie('condition').map((part) => ({ $not: part })) }
    ),
  })).condition
}

function onValue (name: Attribute, kind: Kind, literal: fc.Arbitrary<unknown>): fc.Arbitrary<Conditions> {
  const orNull = fc.oneof({ weight: 5, arbitrary: literal }, { weight: 1, arbitrary: fc.constant(null) })
  const template = fc.constantFrom('$user.text', '$user.number', '$user.boolean', '$user.instant', '$user.odd', '$user.nothing')
  const equality = fc.tuple(fc.constantFrom('$eq', '$ne'), fc.oneof({ weight: 4, arbitrary: orNull }, { weight: 1, arbitrary: template }))
  const list = fc.tuple(fc.constantFrom('$in', '$nin'), fc.oneof({ weight: 4, arbitrary: fc.array(orNull, { minLength: 1, maxLength: 3 }) }, { weight: 1, arbitrary: fc.constantFrom('$user.list', '$user.none') }))
  const order = fc.tuple(fc.constantFrom('$lt', '$lte', '$gt', '$gte'), fc.oneof({ weight: 5, arbitrary: kind === 'boolean' ? fc.constantFrom<unknown>('a', 1) : literal }, { weight: 1, arbitrary: fc.constantFrom('$user.text', '$user.number', '$user.instant', '$user.odd') }))
  const exists = fc.tuple(fc.constant('$exists'), fc.boolean())
  const operators = fc.array(fc.oneof(equality, list, order, exists), { minLength: 1, maxLength: 2 }).map((pairs) => Object.fromEntries(pairs))
  return fc.oneof(
    orNull.map((value) => ({ [name]: value })),
    operators.map((map) => ({ [name]: map })),
    operators.map((map) => ({ [name]: { $not: map } }))
  ) as fc.Arbitrary<Conditions>
}

function onList (name: Attribute, literal: fc.Arbitrary<unknown>): fc.Arbitrary<Conditions> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.tuple(fc.constant('$all'), fc.oneof({ weight: 5, arbitrary: fc.array(literal, { minLength: 1, maxLength: 2 }) }, { weight: 1, arbitrary: fc.constantFrom('$user.list', '$user.none') })) },
    { weight: 2, arbitrary: fc.tuple(fc.constant('$size'), fc.nat(2)) },
    { weight: 1, arbitrary: fc.tuple(fc.constant('$exists'), fc.boolean()) },
    { weight: 1, arbitrary: fc.tuple(fc.constantFrom('$eq', '$ne'), fc.oneof(literal, fc.constant(null))) },
    { weight: 1, arbitrary: fc.tuple(fc.constantFrom('$in', '$nin'), fc.constantFrom<unknown>('$user.list', '$user.none', [null])) }
  ).map(([operator, operand]) => ({ [name]: { [operator]: operand } })) as fc.Arbitrary<Conditions>
}

function rulesOf (condition: fc.Arbitrary<Conditions>): fc.Arbitrary<RuleDefinition[]> {
  const rule = fc.record({
    action: fc.constantFrom('read', 'update', 'manage'),
    subject: fc.oneof({ weight: 5, arbitrary: fc.constant('Row') }, { weight: 1, arbitrary: fc.constant('all') }),
    conditions: fc.option(condition, { freq: 8, nil: undefined }),
    inverted: fc.boolean(),
  }).map(({ conditions, inverted, ...rest }): RuleDefinition => ({ ...rest, ...(conditions !== undefined && { conditions }), ...(inverted && { inverted }) }))
  const first = condition.map((conditions): RuleDefinition => ({ action: ['read', 'update'], subject: 'Row', conditions }))
  return fc.tuple(first, fc.array(rule, { maxLength: 3 })).map(([one, others]) => [one, ...others])
}

function usersOf ({ text, number, boolean, instant }: Literals, except: readonly unknown[]): fc.Arbitrary<object> {
  return fc.record({
    id: fc.constant('u'),
    text,
    number,
    boolean,
    instant,
    odd: fc.constantFrom<unknown>(...UNSTORABLE, ...ODD_NUMBERS.filter((number) => !except.includes(number)), null, NaN, []),
    list: fc.oneof(fc.array(text, { maxLength: 3 }), fc.array(number, { maxLength: 3 }), fc.array(fc.constantFrom(...UNSTORABLE, 'a'), { maxLength: 2 })),
    none: fc.constant([]),
  }, { requiredKeys: ['id'] })
}

const nullable = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { freq: 4 })

const text = fc.constantFrom(...TEXTS)
const number = fc.constantFrom(...NUMBERS, NaN, Infinity, -Infinity)
const instant = fc.constantFrom(...INSTANTS).map((text) => new Date(text))
const org = fc.record({ name: nullable(text), locked: nullable(fc.boolean()) }, { noNullPrototype: true })

const scalar = fc.oneof<fc.Arbitrary<unknown>[]>(text, number, fc.boolean(), instant, fc.constant(null))
const items = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(text, number, instant, fc.boolean()).chain((kind) => fc.array<unknown>(kind, { maxLength: 2 })) }, { weight: 1, arbitrary: fc.array(scalar, { maxLength: 2 }) })
const inner = fc.oneof(scalar, items, fc.array(items, { maxLength: 2 }))
const map = fc.record({ a: inner }, { requiredKeys: [], noNullPrototype: true })
const anything = fc.oneof<fc.Arbitrary<unknown>[]>(scalar, items, map, map, fc.array(map, { maxLength: 2 }), fc.array(items, { maxLength: 2 }))

const rowOf = fc.record({
  txt: nullable(text),
  num: nullable(number),
  int: nullable(fc.constantFrom(...INTEGERS)),
  yes: nullable(fc.boolean()),
  at: nullable(instant),
  tags: nullable(fc.array(text, { maxLength: 3 })),
  ints: nullable(fc.array(fc.constantFrom(...INTEGERS), { maxLength: 3 })),
  org: nullable(org),
  doc: anything,
})

/** Random rows, numbered from 0, and one of nothing but nulls. */
export function rowsOf (count: number, seed: number): Row[] {
  const nothing = { txt: null, num: null, int: null, yes: null, at: null, tags: null, ints: null, org: null, doc: null }
  return [...fc.sample(rowOf, { numRuns: count - 1, seed }), nothing].map((row, id) => ({ ...row, id }))
}

/** The same without the values that are null, and with values of any type where a row has one of its own. */
export function documentsOf (count: number, seed: number): object[] {
  const document = fc.record({ txt: anything, num: anything, int: anything, yes: anything, at: anything, tags: anything, ints: anything, org: fc.oneof(anything, org, fc.record({ name: anything, locked: anything }, { requiredKeys: [], noNullPrototype: true })), doc: anything }, { requiredKeys: [], noNullPrototype: true })
  const lists = [[NaN], [1, NaN], [[1]], [1, [1]], [{ a: 1 }], [null], [1, null], [], ['a', 1]]
  const chosen = lists.flatMap((list) => [{ doc: list }, { doc: { a: list } }, { num: list, org: list.map((name) => ({ name })) }])
  return [...chosen, ...fc.sample(document, { numRuns: count - chosen.length, seed })]
}

/** About lists that are not all of one type, and values within lists. */
export const LISTED: readonly Conditions[] = ['doc', 'doc.a', 'num', 'org.name'].flatMap((name) => [
  { [name]: { $all: [1] } }, { [name]: { $all: [2] } }, { [name]: { $all: ['a'] } }, { [name]: { $all: [1, 2] } }, { [name]: { $size: 1 } }, { [name]: { $exists: true } },
  { [name]: 1 }, { [name]: { $ne: 1 } }, { [name]: null }, { [name]: { $ne: null } }, { [name]: { $lt: 2 } },
])

export interface Store<F> {
  readonly backend: Backend<F>
  /** Each record as an application gets it from the store. */
  readonly records: readonly object[]
  /** The index of each record that the store finds. */
  readonly found: (filter: F) => Promise<ReadonlySet<number>> | ReadonlySet<number>
  /** What rules may mention. */
  readonly attributes: readonly Attribute[]
  readonly seed: number
  /** Values that are in no policy, and that no user has. */
  readonly except?: readonly unknown[]
  /** Further conditions, each of a rule that allows and of one that forbids. */
  readonly also?: readonly Conditions[]
}

/**
 * Asks about every record under each of `policies` random policies, and about what stores are known to differ in; for reading, and (of what may
 * be read) for updating.
 */
export async function agrees<F> (t: Test, store: Store<F>, policies: number): Promise<void> {
  const { backend, records, attributes, seed, except = [], also = [] } = store
  const total = { compared: 0, allowed: 0, refused: 0, rules: 0 }

  const compare = async (rules: readonly RuleDefinition[], user: object): Promise<void> => {
    const { policy, refused } = expressible(rules, backend)
    total.rules += rules.length
    total.refused += refused
    const ability = policy.of(user, ['member'])
    for (const action of ['read', 'update']) {
      const filter = backend.translate(listFilter(ability, action, 'Row', true))
      const found = await store.found(filter)
      for (const [index, record] of records.entries()) {
        const allowed = ability.allows(action, 'Row', record) && ability.allows('read', 'Row', record)
        total.compared++
        if (allowed) total.allowed++
        if (found.has(index) !== allowed) throw new Error(`the check says ${allowed}, the list ${!allowed}: ${action} ${inspect(record, { depth: 5 })} by ${inspect(filter, { depth: 12 })}`)
      }
    }
  }

  const edges = edgesOf(attributes, except)
  for (const [conditions, user] of edges) await compare([{ action: 'manage', subject: 'Row', conditions }], user)
  for (const conditions of also) {
    await compare([{ action: 'manage', subject: 'Row', conditions }], { id: 'u' })
    await compare([{ action: 'manage', subject: 'Row' }, { action: 'manage', subject: 'Row', conditions, inverted: true }], { id: 'u' })
  }

  const literals = literalsOf(except)
  const outcome = await fc.check(fc.asyncProperty(rulesOf(conditionsOn(attributes, literals)), usersOf(literals, except), compare), { numRuns: policies, seed })
  const why = outcome.errorInstance instanceof Error ? outcome.errorInstance.stack : ''
  t.equal(outcome.failed ? `${why}\n${fc.defaultReportMessage(outcome)}` : null, null, `the law holds for each policy (seed ${seed})`)
  const { compared, allowed, refused, rules } = total
  t.equal(compared, (policies + edges.length + also.length * 2) * 2 * records.length, 'every record is compared')
  t.ok(allowed > compared / 20 && allowed < compared * 19 / 20, `${allowed} of ${compared} were allowed`)
  t.ok(refused < rules / 3, `${refused} of ${rules} rules are none for ${backend.name}`)
}

/** Conditions with a value of the user, which no policy could name. */
function edgesOf (attributes: readonly Attribute[], except: readonly unknown[]): [conditions: Conditions, user: object][] {
  const operands: readonly [Kind, readonly unknown[]][] = [['text', UNSTORABLE], ['number', ODD_NUMBERS], ['instant', ['0000-01-01', '0001-01-01T00:00:00Z', '9999-12-31T23:59:59-23:59', '2020-01-01T00:00:00.0009Z']]]
  return operands.flatMap(([kind, values]) => attributes.filter((name) => KINDS[name as keyof typeof KINDS] === kind).flatMap((name) =>
    values.filter((value) => !except.includes(value)).flatMap((value) => (['$ne', '$lt', '$gte'] as const).map((operator): [Conditions, object] => [{ [name]: { [operator]: '$user.value' } }, { id: 'u', value }]))))
}

/** Random policies, each with a user. */
export function samplesOf (attributes: readonly Attribute[], count: number, seed: number): [rules: RuleDefinition[], user: object][] {
  const literals = literalsOf([])
  return fc.sample(fc.tuple(rulesOf(conditionsOn(attributes, literals)), usersOf(literals, [])), { numRuns: count, seed })
}

/** What a backend cannot express would have stopped the start: those rules are left out. */
function expressible (rules: readonly RuleDefinition[], backend: Backend<unknown>): { readonly policy: ReturnType<typeof abilitiesOf>, readonly refused: number } {
  const policy = abilitiesOf({ role: 'member', rules })
  const kept = (policy.policy.roles.get('member') ?? []).map(({ condition }) => condition === null || backend.problem(condition) === null)
  const refused = kept.filter((keep) => !keep).length
  if (refused === 0) return { policy, refused }
  return { policy: abilitiesOf({ role: 'member', rules: rules.filter((_rule, index) => kept[index]) }), refused }
}
