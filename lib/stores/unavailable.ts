/** The error of a store that cannot answer. */

/** A store rejected, threw or answered nonsense: nothing could be decided. `cause` is for the log, never for the client. */
export class StoreUnavailable extends Error {
  readonly code = 'FST_GATEHOUSE_STORE_UNAVAILABLE'

  /** Law 10, where a handler lets it through. */
  readonly statusCode = 503

  /** Whether it said nothing in time: who asks again waits again. */
  readonly silent: boolean

  constructor (cause: unknown, silent = false) {
    super('A store could not answer', { cause: withoutCommand(cause) })
    this.name = 'StoreUnavailable'
    this.silent = silent
  }
}

/** Errors of ioredis carry the command that failed with its arguments, which may be the password. */
function withoutCommand (cause: unknown): unknown {
  if (cause instanceof Error && 'command' in cause) delete cause.command
  return cause
}
