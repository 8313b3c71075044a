/** What a user imports from `fastify-gatehouse/stores`: the stores that come with the package, and the contracts for writing another. */
export type { AttemptState, AttemptStore, Charge, Ladder } from './counters.ts'
export type { MarkStore } from './marks.ts'
export { memoryAttempts, type MemoryAttempts, type MemoryAttemptsOptions } from './memory.ts'
export { memoryMarks, type MemoryMarks, type MemoryMarksOptions } from './memory-marks.ts'
export { redisMarks, type RedisClient, type RedisMarks, type RedisMarksOptions } from './redis-marks.ts'
export { StoreUnavailable } from './unavailable.ts'
