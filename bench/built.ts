/** The package as users run it: `dist/`, compiled. With `tsx` in between, every closure would get its name at run time. */

const dist = (file: string): string => new URL(`../dist/${file}`, import.meta.url).href

export const { Abilities } = await import(dist('authorization/abilities.js')) as typeof import('../lib/authorization/abilities.ts')
export const { explain } = await import(dist('authorization/explanation.js')) as typeof import('../lib/authorization/explanation.ts')
export const { compilePolicies } = await import(dist('policies/compile.js')) as typeof import('../lib/policies/compile.ts')
export const { sourcesOf } = await import(dist('policies/read.js')) as typeof import('../lib/policies/read.ts')
export const { loadPolicies } = await import(dist('policies/index.js')) as typeof import('../lib/policies/index.ts')
export const { memoryAttempts, memoryQuotas, redisCounters } = await import(dist('stores/index.js')) as typeof import('../lib/stores/index.ts')
