/** A copy of a policy's content that is plain data only, so that nothing in it can change, hide or vanish later. */
import type { Keys } from './policy.ts'
import type { Report } from './problems.ts'

export const MAX_DEPTH = 64
export const TOO_DEEP = `nested more than ${MAX_DEPTH} levels deep`

/** A map of the copy. It inherits nothing: a key `__proto__` is an ordinary key. */
export type PlainMap = Record<string, unknown>

/** `Object.create(null)` makes a hash table, which takes three times the memory of a small map. */
export const EmptyMap = function EmptyMap () {} as unknown as new () => PlainMap
EmptyMap.prototype = Object.freeze(Object.create(null))

/**
 * Reports everything that is not plain data. `undefined` is refused wherever it stands: a condition that lost its value
 * would otherwise become an unconditional grant (facts: authorization T3); so is a key that is a symbol. A function is
 * allowed as `when` of a pre-check. `isOurs`: a reader made it for nobody else, so that it is its own copy.
 */
export function plainCopy (value: unknown, report: Report, isOurs = false): unknown {
  const around = new Set<object>()
  /** Of the value that is being copied. */
  const path: (string | number)[] = []
  return copy(value)

  function copy (given: unknown): unknown {
    const isObject = typeof given === 'object' && given !== null
    const problem = isObject ? objectProblem(given) : scalarProblem(given, path)
    if (problem === null) return isObject ? copyObject(given) : given
    report([...path], problem)
    return null
  }

  function copyBelow (key: string | number, given: unknown): unknown {
    path.push(key)
    const result = copy(given)
    path.pop()
    return result
  }

  function copyObject (given: object): unknown {
    if (isOurs) return checkEach(given as PlainMap)
    around.add(given)
    const result = Array.isArray(given) ? Array.from(given, (item, index) => copyBelow(index, item)) : copyMap(given)
    around.delete(given)
    return result
  }

  function checkEach (given: PlainMap): PlainMap {
    const isList = Array.isArray(given)
    for (const key of Object.keys(given)) {
      const value = given[key]
      const checked = copyBelow(isList ? Number(key) : key, value)
      if (checked !== value) given[key] = checked
    }
    return given
  }

  function objectProblem (given: object): string | null {
    if (around.has(given)) return 'contains itself'
    if (path.length > MAX_DEPTH) return TOO_DEEP
    if (Array.isArray(given)) return null
    const prototype = Object.getPrototypeOf(given)
    if (prototype === null || Object.getPrototypeOf(prototype) === null) return null
    const kind: unknown = given.constructor?.name
    return `${typeof kind === 'string' && kind !== '' ? `a ${kind}` : 'an instance of a class'} is not plain data`
  }

  function copyMap (given: object): PlainMap {
    const map = new EmptyMap()
    for (const key of Reflect.ownKeys(given)) {
      const property = Object.getOwnPropertyDescriptor(given, key)
      if (typeof key === 'symbol') {
        report([...path], `unknown key ${String(key)}: a key must be a text`)
        continue
      }
      if (property === undefined || !('value' in property)) {
        report([...path, key], `"${key}" is a getter, not plain data`, 'key')
        map[key] = null
        continue
      }
      map[key] = copyBelow(key, property.value)
    }
    return map
  }
}

function scalarProblem (given: unknown, path: Keys): string | null {
  switch (typeof given) {
    case 'undefined':
      return `${path.length === 0 ? 'the policy' : `"${path.at(-1)}"`} is undefined: its value was lost; to have no such key, leave it out`
    case 'number':
      if (!Number.isFinite(given)) return `${given} is not a value`
      if (Number.isInteger(given) && !Number.isSafeInteger(given)) return 'a whole number beyond 2^53 is not exact; write it as a text'
      return null
    case 'function':
      return path.length === 3 && path[0] === 'deny' && path[2] === 'when' ? null : 'a function is allowed only as "when" of deny()'
    case 'symbol':
      return 'a symbol is not plain data'
    default:
      return null
  }
}
