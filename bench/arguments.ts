/** What a bench is asked for on the command line. What it does not know it says in a line, with what there is, before anything is measured. */
import { parseArgs } from 'node:util'

export interface Known {
  /** The options, and their defaults as they are written; `null`: none. */
  readonly options?: Readonly<Record<string, string | null>>
  /** The parts that can be run alone. */
  readonly parts?: readonly string[]
}

export interface Asked {
  readonly options: Readonly<Record<string, string | undefined>>
  /** All of them, unless some were named. */
  readonly parts: readonly string[]
}

/** Ends the process with status 2 for what is not known, and with 0 after `--help`. */
export function asked ({ options = {}, parts = [] }: Known): Asked {
  try {
    const strings = Object.entries(options).map(([name, value]) => [name, { type: 'string' as const, ...value === null ? {} : { default: value } }])
    const { values, positionals } = parseArgs({ allowPositionals: true, options: { ...Object.fromEntries(strings) as Record<string, { type: 'string' }>, help: { type: 'boolean', short: 'h' } } })
    const { help, ...given } = values
    if (help === true) {
      console.log(usage(options, parts))
      process.exit(0)
    }
    for (const part of positionals) oneOf('the parts', part, parts)
    return { options: given as Asked['options'], parts: positionals.length === 0 ? parts : positionals }
  } catch (error) {
    return fail(`${problemOf(error as NodeJS.ErrnoException, options)}\n${usage(options, parts)}`)
  }
}

type Options = NonNullable<Known['options']>

/** Node.js's own words about an unknown option advise to write it after `--`, where it would be a part. */
function problemOf ({ code, message }: NodeJS.ErrnoException, options: Options): string {
  const [, given] = code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION' ? /'(.*?)'/.exec(message) ?? [] : []
  return given === undefined ? message : unknown('the options', given, [...Object.keys(options), 'help'].map((name) => `--${name}`))
}

function usage (options: Options, parts: readonly string[]): string {
  const flags = Object.entries(options)
  if (parts.length + flags.length === 0) return 'It takes no arguments.'
  const lines = [`usage: ${[...parts, ...flags.map(([name, value]) => `--${name} ${value ?? '…'}`)].map((text) => `[${text}]`).join(' ')}`]
  if (parts.length > 0) lines.push(`The parts are ${parts.join(', ')}: all of them, unless some are named.`)
  if (flags.length > 0) lines.push(`After each option stands its default${flags.some(([, value]) => value === null) ? '; … is none' : ''}.`)
  return [...lines, 'bench/README.md says what they are.'].join('\n')
}

export function oneOf (what: string, given: string, allowed: readonly string[]): string {
  if (allowed.includes(given)) return given
  return fail(unknown(what, given, allowed))
}

function unknown (what: string, given: string, allowed: readonly string[]): string {
  return `${what}: there is no "${given}"; there are ${allowed.join(', ') || 'none'}`
}

/** A number of at least so much. */
export function numberOf ({ options }: Asked, name: string, least: number, whole = true): number {
  const given = options[name]
  const number = Number(given)
  if (number >= least && number < Infinity && (!whole || Number.isInteger(number))) return number
  return fail(`--${name}: expected a ${whole ? 'whole ' : ''}number of ${least} or more, got "${given}"`)
}

export function fail (message: string): never {
  console.error(message)
  process.exit(2)
}
