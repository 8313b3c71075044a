/** Whether a figure grows with time: the straight line through its samples. */

export interface Sample {
  readonly at: number
  readonly value: number
}

/** What the line (least squares) gains from the first sample to the last, as a part of where it begins; 0 for fewer than two. */
export function growthOf (samples: readonly Sample[]): number {
  const [first, last] = [samples[0], samples.at(-1)]
  if (first === undefined || last === undefined || first.at === last.at) return 0
  const [at, value] = [mean(samples.map((sample) => sample.at)), mean(samples.map((sample) => sample.value))]
  const slope = sum(samples.map((sample) => (sample.at - at) * (sample.value - value))) / sum(samples.map((sample) => (sample.at - at) ** 2))
  return slope * (last.at - first.at) / (value + slope * (first.at - at))
}

function mean (values: readonly number[]): number {
  return sum(values) / values.length
}

function sum (values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
