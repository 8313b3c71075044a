/** Medians, and how far the rounds lie apart. */

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** Of at least one value. */
export function spreadOf (values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  const median = ((sorted[Math.floor(middle)] as number) + (sorted[Math.ceil(middle)] as number)) / 2
  return { median, min: sorted[0] as number, max: sorted.at(-1) as number }
}

/** `0.344 [0.331-0.360]` */
export function shown ({ median, min, max }: Spread, digits = 3): string {
  return `${median.toFixed(digits)} [${min.toFixed(digits)}-${max.toFixed(digits)}]`
}

/** The list, beginning with another entry each round: nobody is always first or always after the same neighbour's heat. */
export function rotated<T> (list: readonly T[], round: number): T[] {
  const from = round % list.length
  return [...list.slice(from), ...list.slice(0, from)]
}
