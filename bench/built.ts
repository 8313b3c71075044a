/** The package as users run it: `dist/`, compiled. With `tsx` in between, every closure would get its name at run time. */

const dist = (file: string): string => new URL(`../dist/${file}`, import.meta.url).href

export const { Abilities } = await import(dist('authorization/abilities.js')) as typeof import('../lib/authorization/abilities.ts')
export const { explain } = await import(dist('authorization/explanation.js')) as typeof import('../lib/authorization/explanation.ts')
export const { compilePolicies } = await import(dist('policies/compile.js')) as typeof import('../lib/policies/compile.ts')
export const { sourcesOf } = await import(dist('policies/read.js')) as typeof import('../lib/policies/read.ts')
export const { loadPolicies } = await import(dist('policies/index.js')) as typeof import('../lib/policies/index.ts')
export const { memoryAttempts, memoryQuotas, redisCounters } = await import(dist('stores/index.js')) as typeof import('../lib/stores/index.ts')

// The steps of a request.
export const { authorizationFields } = await import(dist('authentication/authorization-field.js')) as typeof import('../lib/authentication/authorization-field.ts')
export const { surveyCredentials } = await import(dist('authentication/survey.js')) as typeof import('../lib/authentication/survey.ts')
export const { attempt } = await import(dist('authentication/attempt.js')) as typeof import('../lib/authentication/attempt.ts')
export const { bearer } = await import(dist('authentication/schemes/index.js')) as typeof import('../lib/authentication/schemes/index.ts')
export const { readable } = await import(dist('authorization/fields.js')) as typeof import('../lib/authorization/fields.ts')
export const { can, quota, resource } = await import(dist('index.js')) as typeof import('../lib/index.ts')
export const { settingsOf } = await import(dist('options.js')) as typeof import('../lib/options.ts')
export const { planOf } = await import(dist('routes/plan.js')) as typeof import('../lib/routes/plan.ts')
export const { Passage } = await import(dist('requests/passage.js')) as typeof import('../lib/requests/passage.ts')
export const { Judge } = await import(dist('requests/judge.js')) as typeof import('../lib/requests/judge.ts')
export const { QuotaKeeper } = await import(dist('requests/quota-keeper.js')) as typeof import('../lib/requests/quota-keeper.ts')
export const { refusedOutcome } = await import(dist('requests/refusal-of.js')) as typeof import('../lib/requests/refusal-of.ts')
export const { guardAnswer } = await import(dist('requests/guard.js')) as typeof import('../lib/requests/guard.ts')
export const { eventOf } = await import(dist('requests/event-of.js')) as typeof import('../lib/requests/event-of.ts')
export const { DECISIONS, report } = await import(dist('reporting/decision-event.js')) as typeof import('../lib/reporting/decision-event.ts')
