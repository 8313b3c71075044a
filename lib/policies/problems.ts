/** Everything that is wrong with a set of policies, told at once. */
import { createError } from '@fastify/error'
import type { Keys, Place } from './policy.ts'

/** One mistake and where it stands. */
export interface Problem {
  readonly place: Place
  readonly message: string
  /** The error of a module that could not be imported, or of the file system. */
  readonly cause?: unknown
}

/** Notes a mistake at a path of one policy's content: at the value, or at its key. */
export type Report = (path: Keys, message: string, part?: 'key' | 'value') => void

const Base = createError<'FST_GATEHOUSE_POLICY', 500, [string, { cause: unknown }]>('FST_GATEHOUSE_POLICY', '%s', 500)

/**
 * Thrown when policies do not make sense; `code` is `FST_GATEHOUSE_POLICY`. The message holds one line for each problem,
 * `policies/author.yaml:4:5 unknown key "condition" in a rule. Did you mean "conditions"?`, in the order of the files. `cause` is the first error of others behind it.
 */
export class PolicyError extends Base {
  readonly problems: readonly Problem[]

  constructor (problems: readonly Problem[]) {
    const sorted = problems.toSorted(byPlace)
    const cause = sorted.find((problem) => problem.cause !== undefined)?.cause
    super(sorted.map((problem) => `${placeText(problem.place)} ${problem.message}`).join('\n'), { cause })
    this.problems = sorted
  }
}

/** `policies/author.yaml:4:5`, or the file alone where the position is not known. */
export function placeText (place: Place): string {
  return place.line === undefined ? place.file : `${place.file}:${place.line}:${place.column}`
}

function byPlace (a: Problem, b: Problem): number {
  if (a.place.file !== b.place.file) return a.place.file < b.place.file ? -1 : 1
  return order(a.place.line, b.place.line) || order(a.place.column, b.place.column)
}

function order (a = 0, b = 0): number {
  return a - b
}
