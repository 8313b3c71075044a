/** How large one condition may be: it is compiled while requests wait, and asked for each record. */

/** Comparisons and connectives; far more than people write. Lists of values count once. */
export const MOST_PARTS = 1_000

/** Whether a condition, which is plain data and may be anything else, has more parts. Looks at no more of it than that. */
export function isTooLarge (raw: unknown): boolean {
  const open: unknown[] = [raw]
  let parts = 0
  for (let condition = open.pop(); condition !== undefined; condition = open.pop()) {
    if (!isObject(condition)) continue
    const keys = Object.keys(condition)
    parts += keys.length
    if (parts > MOST_PARTS) return true
    for (const key of keys) {
      const value = condition[key]
      if (!Array.isArray(value)) open.push(value)
      else if (CONNECTIVES.includes(key)) {
        parts += value.length
        if (parts > MOST_PARTS) return true
        open.push(...value)
      }
    }
  }
  return false
}

const CONNECTIVES: readonly string[] = ['$and', '$or', '$nor']

function isObject (value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
