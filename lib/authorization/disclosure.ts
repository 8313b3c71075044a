/** What refusals may disclose, because the application says so. */
import { knownOptionsOnly, wrongOption } from '../option-error.ts'

export interface Disclosure {
  /** Send `details`: action, subject, required and current roles. Default `false`. */
  readonly details?: boolean
  /** Send the reason in this header. Default: not at all. */
  readonly reasonHeader?: string
  /** A help page for each code, sent as the problem's `type`: an absolute URL in which `{code}` is replaced. */
  readonly help?: string
}

const OPTIONS: readonly (keyof Disclosure)[] = ['details', 'reasonHeader', 'help']

/** Checks what the plugin, a resource or a route discloses. Throws FST_GATEHOUSE_OPTION. */
export function checkDisclosure (where: string, disclose: Disclosure): Disclosure {
  knownOptionsOnly(where, disclose, OPTIONS)
  const { details, reasonHeader, help } = disclose
  if (details !== undefined && typeof details !== 'boolean') throw wrongOption(`${where}.details`, details, 'true or false')
  if (reasonHeader !== undefined && !(typeof reasonHeader === 'string' && /^[A-Za-z0-9-]+$/.test(reasonHeader))) {
    throw wrongOption(`${where}.reasonHeader`, reasonHeader, 'a header name')
  }
  if (help !== undefined && !isHelp(help)) throw wrongOption(`${where}.help`, help, 'an absolute http: or https: URL, in which {code} is replaced')
  return disclose
}

function isHelp (help: unknown): boolean {
  return typeof help === 'string' && URL.canParse(help) && /^https?:$/.test(new URL(help).protocol)
}
