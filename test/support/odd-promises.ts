/** Promises as applications may give them, that come to the same value. */

/** Each with its name. Its `then` is its own, or gives back what is no promise. */
export function oddPromises<T> (value: T): readonly (readonly [name: string, promise: PromiseLike<T>])[] {
  const plain = Promise.resolve(value)
  const lazy = Promise.resolve(value)
  lazy.then = ((...given: Parameters<typeof plain.then>) => {
    const next = plain.then(...given as [])
    return { then: (...later: []) => next.then(...later) }
  }) as never
  return [
    ['a promise whose own then gives a thenable', lazy],
    ['a thenable that gives nothing back', { then: (done: (value: T) => unknown) => { done(value) } } as unknown as PromiseLike<T>],
    ['a promise of a class of its own', new (class Own<V> extends Promise<V> {})<T>((resolve) => { resolve(value) })],
  ]
}
