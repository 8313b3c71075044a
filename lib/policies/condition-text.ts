/** A text for each condition, the same only for conditions that say the same in the same order. */
import type { Condition, Operand, Scalar } from './condition.ts'

/** No name has this in it, and JSON escapes it. */
const BETWEEN = '\0'

export function conditionText (condition: Condition): string {
  switch (condition.kind) {
    case 'compare': return condition.path.join('.') + BETWEEN + condition.operator + BETWEEN + operandText(condition.operand)
    case 'not': return `not(${conditionText(condition.of)})`
    default: return `${condition.kind}(${condition.of.map(conditionText).join()})`
  }
}

/** Networks and hours are told apart by their texts. */
export function operandText (operand: Operand): string {
  switch (operand.from) {
    case 'literal': return Array.isArray(operand.value) ? `[${(operand.value as Scalar[]).map(scalarText).join()}]` : scalarText(operand.value as Scalar)
    case 'networks': return JSON.stringify(operand.networks.texts)
    case 'hours': return operand.hours.text
    case 'memberships': return operand.from + BETWEEN + operand.role
    default: return operand.from + BETWEEN + operand.path.join('.') + (operand.item === true ? BETWEEN : '')
  }
}

function scalarText (value: Scalar): string {
  return typeof value === 'bigint' ? `${value}n` : JSON.stringify(value)
}
