/** The error of a store that cannot answer. */

/** A store rejected, threw or answered nonsense: nothing could be decided. `cause` is for the log, never for the client. */
export class StoreUnavailable extends Error {
  readonly code = 'FST_GATEHOUSE_STORE_UNAVAILABLE'

  constructor (cause: unknown) {
    super('A store could not answer', { cause })
    this.name = 'StoreUnavailable'
  }
}
