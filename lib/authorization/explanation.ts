/** Why a decision came out as it did, in words for the log: rules and attribute names, never values. */
import type { Place } from '../policies/policy.ts'
import type { Lacking, RequestAbility } from './ability.ts'

export function whyNot (ability: RequestAbility, action: string, subject: string, record?: object): string {
  const rule = ability.decisive(action, subject, record)
  if (rule?.inverted === true) return `rule ${rule.id} forbids it${rule.reason === null ? '' : `: ${rule.reason}`}`
  return `no rule allows "${action}" on ${record === undefined ? `any ${subject}` : `this ${subject}`}`
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
