/** Why newsroom could not start, in one line. */

/** The message of an error; of several attempts in one (`AggregateError`), the first. */
export function oneLine (error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return oneLine(error.errors[0])
  const text = error instanceof Error ? error.message : String(error)
  return text.trim().split(/\s*\n\s*/).join('; ')
}
