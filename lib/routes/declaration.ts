/** Whether what a route declares is a declaration at all, and what is special to the route makes sense. */
import { checkSchemes } from '../authentication/way.ts'
import { checkDisclosure } from '../authorization/disclosure.ts'
import { didYouMean } from '../nearest.ts'
import { knownOptionsOnly, OptionError, wrongOption } from '../option-error.ts'
import { quotaList } from '../throttling/quota-options.ts'
import { isAccess, ROUTE_OPTIONS, type RouteOptions } from './access.ts'

/** Checks what is special to a route. */
export function checkRouteOptions (where: string, options: RouteOptions): void {
  knownOptionsOnly(where, options, ROUTE_OPTIONS)
  const { optional, schemes, disclose, despite, fields, quota } = options
  if (optional !== undefined && typeof optional !== 'boolean') throw wrongOption(`${where}: optional`, optional, 'true or false')
  if (schemes !== undefined) checkSchemes(`${where}: schemes`, schemes)
  if (schemes?.length === 0) throw new OptionError(`${where}: an empty list of schemes lets nobody in; leave "schemes" out for the plugin's list`)
  if (disclose !== undefined) checkDisclosure(`${where}: disclose`, disclose)
  if (despite !== undefined && !(Array.isArray(despite) && despite.every((code) => typeof code === 'string'))) {
    throw wrongOption(`${where}: despite`, despite, 'a list of pre-check codes')
  }
  if (fields !== undefined && fields !== false && typeof fields !== 'function') {
    throw wrongOption(`${where}: fields`, fields, 'false, or a function from the request to field names')
  }
  if (quota !== undefined && quota !== false) quotaList(`${where}: quota`, quota)
}

/** Why a value is no declaration, or `null` where it is one. */
export function declarationProblem (value: unknown): string | null {
  if (value === 'public' || isAccess(value)) return null
  const close = typeof value === 'string' ? didYouMean(value, ['public']) : ''
  return wrongOption('config.access', value, '\'public\', or what authenticated(), optional(), can(), role() and the like return').message + close
}
