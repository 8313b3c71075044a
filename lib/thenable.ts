/** Values of the application's that may be still to come. */

/** Whether one is: query builders and promises of other makes count, not only `Promise`. */
export function isThenable<T> (value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
}

/** A promise of our own for it. What its own `then` gives back can be anything, also what is no promise and so would be taken for the value. */
export async function awaited<T> (value: PromiseLike<T>): Promise<T> {
  return await value
}
