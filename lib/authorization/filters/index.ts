/** What a user imports from `fastify-gatehouse/filters`: one function for each backend. */
export { keeps as inMemory } from '../filter.ts'
export { postgresql } from './postgresql.ts'
export type { ColumnType, PostgresqlOptions, SqlCondition } from './postgresql.ts'
