/** From a condition to CASL's: no "or", no "not", and two truth values instead of three. */
import type { Condition, Operand } from '../policies/condition.ts'
import { alternativesOf, type Alternatives, type Asked } from './packed-comparison.ts'
import { conditionsOf, type CaslConditions, type Terms } from './packed-terms.ts'

/** The most rules of CASL that may stand for one of ours. */
const MOST = 128

/** The conditions of the rules that stand together for one, `null` for one without; none where it can apply to no record. */
export type Packed = readonly (CaslConditions | null)[]

export function packedConditions (alternatives: Alternatives): Packed {
  const packed = alternatives.map((terms) => conditionsOf(terms)).filter((conditions) => conditions !== 'none')
  return packed.includes('every') ? [null] : packed as readonly CaslConditions[]
}

/**
 * Of a rule that allows, the records of which its bound condition is true; of an inverted one also those of which it is not known. `null` is the
 * condition of a rule for every record. A text says why it cannot be said.
 */
export function alternativesFor (condition: Condition | null, inverted: boolean): Alternatives | string {
  return condition === null ? [[]] : said(condition, { wanted: true, surely: !inverted })
}

/** Why a condition, whose templates are not bound yet, cannot be said, or `null`. */
export function packingProblem (condition: Condition | null, inverted: boolean): string | null {
  const alternatives = condition === null ? [] : alternativesFor(sample(condition), inverted)
  return typeof alternatives === 'string' ? alternatives : null
}

/** Both of two. */
export function both (one: Alternatives, other: Alternatives): Alternatives | string {
  if (one.length * other.length > MOST) return `it would take more than ${MOST} rules of CASL to say it`
  return one.flatMap((terms) => other.map((more): Terms => [...terms, ...more]))
}

/** Kleene's logic, as for lists: what is not "all of" is "one is not", and so on (De Morgan); also where what is not known counts. */
function said (condition: Condition, asked: Asked): Alternatives | string {
  switch (condition.kind) {
    case 'compare': return alternativesOf(condition, asked)
    case 'not': return said(condition.of, { ...asked, wanted: !asked.wanted })
    default: {
      const join = (condition.kind === 'all') === asked.wanted ? both : either
      let joined: Alternatives | string = join === both ? [[]] : []
      for (const part of condition.of) {
        const next = said(part, asked)
        if (typeof next === 'string') return next
        joined = join(joined, next)
        if (typeof joined === 'string') return joined
      }
      return joined
    }
  }
}

function either (one: Alternatives, other: Alternatives): Alternatives | string {
  return one.length + other.length > MOST ? `it would take more than ${MOST} rules of CASL to say it` : [...one, ...other]
}

/** With a number in the place of each template: of those it takes the most rules. */
function sample (condition: Condition): Condition {
  switch (condition.kind) {
    case 'not': return { kind: 'not', of: sample(condition.of) }
    case 'compare': return condition.operand.from === 'literal' ? condition : { ...condition, operand: SAMPLE }
    default: return { kind: condition.kind, of: condition.of.map(sample) }
  }
}

const SAMPLE: Operand = { from: 'literal', value: 1 }
