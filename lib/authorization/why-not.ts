/** Why a decision came out as it did, in a sentence for the log: rules and attribute names, never values. */
import type { Place, Rule } from '../policies/policy.ts'
import type { Ability, Lacking } from './ability.ts'

export function whyNot (ability: Ability, action: string, subject: string, record?: object): string {
  const rule = ability.decisive(action, subject, record)
  if (rule?.inverted === true) return `rule ${rule.id} forbids it${reasonOf(rule)}`
  if (rule !== null) return `rule ${rule.id} allows "${action}" on some ${subject} only`
  return `no rule allows "${action}" on ${record === undefined ? `any ${subject}` : `this ${subject}`}`
}

export function reasonOf ({ reason }: Rule): string {
  return reason === null ? '' : `: ${reason}`
}

/** `policies/author.yaml:9` */
export function placeText ({ file, line }: Place): string {
  return line === undefined ? file : `${file}:${line}`
}

/** `author/2 needs user.tenantId`: each rule that could not be judged, once. */
export function lackingTexts (lacking: readonly Lacking[]): string[] {
  const texts = new Set<string>()
  for (const { rule, of, path } of lacking) {
    texts.add(path === undefined ? `${rule.id} needs a value of the ${of}` : `${rule.id} needs ${of}.${path.join('.')}`)
  }
  return [...texts]
}
