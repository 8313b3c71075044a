/** Whether a value is still to come: query builders and promises of other makes count, not only `Promise`. */
export function isThenable<T> (value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
}
