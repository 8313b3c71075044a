/** One comparison of ours in CASL's conditions, which convert, look into lists, and know no third truth value. */
import type { Comparison, Condition, Path, Scalar } from '../policies/condition.ts'
import { instantOf } from '../policies/instant.ts'
import { isStorable } from '../policies/text.ts'
import { isMap, term, type Operator, type Term, type Terms } from './packed-terms.ts'

/** One of these: each becomes a rule, because CASL has no "or" within one. */
export type Alternatives = readonly Terms[]

/** What is asked of a condition: that it is `wanted`, known for sure, or that it is that or not known. */
export interface Asked {
  readonly wanted: boolean
  readonly surely: boolean
}

type Compare = Extract<Condition, { kind: 'compare' }>

const NONE: Alternatives = []
const EVERY: Alternatives = [[]]

/** For a bound comparison; a text says why it cannot be said in CASL's conditions. Exact for records as JSON holds them. */
export function alternativesOf ({ path, operator, operand }: Compare, asked: Asked): Alternatives | string {
  const name = path.join('.')
  if (operand.from !== 'literal') throw new TypeError('only a bound condition can be packed')
  const { value } = operand
  const values = [value].flat() as Scalar[]
  const problem = pathProblem(path) ?? values.map((one) => valueProblem(name, one)).find((one) => one !== null)
  if (problem !== undefined) return problem
  const place: Place = { path: name, around: path.slice(1).map((_segment, index) => path.slice(0, index + 1).join('.')) }
  switch (operator as Comparison) {
    case '$exists': return present(place, asked.wanted === value)
    case '$eq':
    case '$in':
      return among(place, values, asked)
    case '$ne':
    case '$nin':
      return among(place, values, { ...asked, wanted: !asked.wanted })
    case '$all':
    case '$size':
      if (!asked.wanted || !asked.surely) return `"${operator}" of "${name}" can be said there only by a rule that allows, and not below "$not" or "$nor"`
      // An empty list around it would be one that has all of nothing.
      return inNoList(place, values.length === 0 ? isList(name) : [[term(name, operator as Operator, value)]])
    default:
      return order(place, operator as Order, value as string | number, asked)
  }
}

/** Names by which CASL would find something else than an attribute: an item of a list, a method, the length of a text. */
function pathProblem (path: Path): string | undefined {
  const odd = path.find((segment, index) => !Number.isNaN(Number(segment)) || segment in Object.prototype || (segment === 'length' && index > 0))
  return odd === undefined ? undefined : `CASL takes "${odd}" in "${path.join('.')}" for something else than an attribute`
}

function valueProblem (name: string, value: Scalar): string | null {
  switch (typeof value) {
    case 'bigint': return `"${name}" is compared with a number that JSON cannot hold`
    case 'string': return Number.isNaN(instantOf(value)) ? null : `"${name}" is compared with a date, and in JSON a date is a text like any other`
    default: return null
  }
}

/** Where the value is, and the paths of the maps around it. */
interface Place {
  readonly path: string
  readonly around: readonly string[]
}

type Order = '$lt' | '$lte' | '$gt' | '$gte'
const OPPOSITE: Readonly<Record<Order, Order>> = { $lt: '$gte', $lte: '$gt', $gt: '$lte', $gte: '$lt' }

/** Below every number; what is not a number, and does not become one, is below it in CASL. */
const LOWEST = -Number.MAX_VALUE
/** The other values that become numbers in CASL. Lists, and texts of digits, are told by having a first item or character. */
const NUMBER_LIKE = [null, true, false, '']
const BOOLEANS = [true, false]
/** Of a list: it has an item. */
const ANY_ITEM = { $exists: true }

function isText ({ path }: Place): Terms {
  // Only texts match a pattern, or lists with one. Below 0 in CASL is what a text lacks, and no length of an item.
  return [term(path, '$regex', ''), term(`${path}.length`, '$lt', 0)]
}

function isNumber ({ path }: Place): Terms {
  return [term(path, '$gte', LOWEST), term(path, '$nin', NUMBER_LIKE), notFilled(path)]
}

/** It is no list with an item in it, nor a text with a character in it. */
function notFilled (path: string): Term {
  return term(`${path}.0`, '$exists', false)
}

/** A check never looks into lists. This comes first: CASL would meet `null` there, and throw. */
function inNoList ({ around }: Place, alternatives: Alternatives): Alternatives {
  return alternatives.map((terms) => [...around.map(notFilled), ...terms])
}

/** Lists, there or on the way: for whoever asks what is not known. */
function lists ({ path, around }: Place): Alternatives {
  return [...around, path].flatMap(isList)
}

function isList (path: string): Alternatives {
  return [[term(path, '$elemMatch', ANY_ITEM)], [term(path, '$size', 0)]]
}

/** Of texts: it is none. Lists of texts are not among these. A map may have a length too. */
function isNoText ({ path }: Place): Alternatives {
  return [[term(`${path}.length`, '$exists', false)], isMap(path)]
}

/** Of numbers: it is none. Lists are not all among these. `values` are some of its values that are meant as well. */
function isNoNumber ({ path }: Place, values: readonly Scalar[]): Alternatives {
  return [[term(path, '$lt', LOWEST)], [term(path, '$in', [...new Set([...values, null, ...BOOLEANS])])], [term(path, '$regex', '')]]
}

/** Never unknown. */
function present (place: Place, wanted: boolean): Alternatives {
  const { path } = place
  if (wanted) {
    return inNoList(place, [[term(path, '$exists', true), term(path, '$nin', [null])], [term(path, '$elemMatch', ANY_ITEM)]])
  }
  return [[term(path, '$exists', false)], [term(path, '$in', [null]), notFilled(path)], ...place.around.flatMap(isList)]
}

/** Whether the value is one of the list, whose values are of one kind, beside `null`. */
function among (place: Place, values: readonly Scalar[], { wanted, surely }: Asked): Alternatives {
  const { path } = place
  const named = values.filter((value) => value !== null)
  if (named.length === 0 && values.length > 0 && wanted !== surely) return present(place, !wanted)
  if (!surely) return wanted ? possiblyAmong(place, values, named) : [isNot(path, values), ...lists(place)]
  return inNoList(place, wanted ? surelyAmong(place, values, named) : surelyOutside(place, named))
}

function isNot (path: string, values: readonly Scalar[]): Terms {
  return values.length === 0 ? [] : [term(path, '$nin', values)]
}

function surelyAmong ({ path }: Place, values: readonly Scalar[], named: readonly Scalar[]): Alternatives {
  const isNull: Alternatives = named.length < values.length ? [[term(path, '$in', [null]), notFilled(path)]] : NONE
  if (named.length === 0) return isNull
  // A list that holds one of the texts has an item of its length.
  const lengths = [...new Set(named.map((value) => (value as string).length))]
  const noList = typeof named[0] === 'string' ? term(`${path}.length`, '$nin', lengths) : notFilled(path)
  return [...isNull, [term(path, '$in', named), noList]]
}

/** Of the same kind, and none of these. */
function surelyOutside (place: Place, named: readonly Scalar[]): Alternatives {
  const { path } = place
  switch (typeof named[0]) {
    case 'string': return [[...isText(place), term(path, '$nin', named)]]
    case 'number': return [[...isNumber(place), term(path, '$nin', named)]]
    case 'boolean': return isOther(path, named)
    default: return [isText(place), isNumber(place), ...isOther(path, [])]
  }
}

function isOther (path: string, named: readonly Scalar[]): Alternatives {
  const others = BOOLEANS.filter((value) => !named.includes(value))
  return others.length === 0 ? NONE : [[term(path, '$in', others), notFilled(path)]]
}

/** One of these, or of another kind. */
function possiblyAmong (place: Place, values: readonly Scalar[], named: readonly Scalar[]): Alternatives {
  const { path } = place
  switch (typeof named[0]) {
    case 'string': return [[term(path, '$in', values)], ...isNoText(place), ...lists(place)]
    case 'number': return [...isNoNumber(place, values), ...lists(place)]
    case 'boolean': return [isNot(path, BOOLEANS.filter((value) => !named.includes(value))), ...lists(place)]
    default: return [...isNoText(place).map((terms) => [term(path, '$lt', LOWEST), ...terms]), [term(path, '$in', [null])], ...lists(place)]
  }
}

/** The characters from here on have another order in JavaScript than in a check. */
const ODD = /[\u{D800}-\u{10FFFF}]/u

function order (place: Place, operator: Order, literal: string | number, { wanted, surely }: Asked): Alternatives | string {
  const { path } = place
  const kind = typeof literal
  if (typeof literal === 'string' && !isStorable(literal)) return surely ? NONE : EVERY
  if (typeof literal === 'string' && ODD.test(literal)) return `the order of texts beside ${JSON.stringify(literal)}, with which "${path}" is compared, is another one there`
  const inOrder = term(path, wanted ? operator : OPPOSITE[operator], literal)
  if (surely) return inNoList(place, [[inOrder, ...(kind === 'string' ? isText(place) : isNumber(place))]])
  const others = kind === 'string' ? isNoText(place) : isNoNumber(place, [])
  return [[inOrder], ...others, ...lists(place)]
}
