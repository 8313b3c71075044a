/** The user's values that a condition needs. */
import type { Condition, Path } from './condition.ts'

/** Each path once, in the order in which they stand. */
export function userPaths (condition: Condition | null): Path[] {
  const found = new Map<string, Path>()
  if (condition !== null) collect(condition, found)
  return [...found.values()]
}

function collect (condition: Condition, found: Map<string, Path>): void {
  switch (condition.kind) {
    case 'all':
    case 'any':
      for (const part of condition.of) collect(part, found)
      return
    case 'not':
      return collect(condition.of, found)
    case 'compare':
      if (condition.operand.from === 'user') found.set(condition.operand.path.join('.'), condition.operand.path)
  }
}
