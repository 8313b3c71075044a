/** The rows of law 12 in tables, and as an application reads them from there. */
import { PGlite } from '@electric-sql/pglite'
import initSqlJs from 'sql.js'
import type { Test } from 'tap'
import type { Columns } from '../../lib/authorization/filters/sql-columns.ts'
import type { PostgresqlType } from '../../lib/authorization/filters/postgresql.ts'
import type { SqliteType } from '../../lib/authorization/filters/sqlite.ts'
import type { Attribute, Row } from './law-12-cases.ts'

export type Run = (sql: string, values?: readonly unknown[]) => Promise<readonly Record<string, unknown>[]>

/** PostgreSQL in the process, until the test ends. */
export async function pglite (t: Test): Promise<Run> {
  const db = await PGlite.create()
  t.teardown(() => db.close())
  return async (sql, values = []) => (await db.query<Record<string, unknown>>(sql, [...values])).rows
}

/** SQLite in the process, until the test ends. */
export async function sqljs (t: Test): Promise<Run> {
  const { Database } = await initSqlJs()
  const db = new Database()
  t.teardown(() => db.close())
  return async (sql, values = []) => {
    const statement = db.prepare(sql)
    statement.bind([...values] as (string | number | null)[])
    const rows: Record<string, unknown>[] = []
    while (statement.step()) rows.push(statement.getAsObject())
    statement.free()
    return rows
  }
}

/** The rows that a query finds. */
export async function idsOf (rows: Promise<readonly Record<string, unknown>[]>): Promise<ReadonlySet<number>> {
  return new Set((await rows).map(({ id }) => id as number))
}

export const POSTGRESQL_COLUMNS: Columns<PostgresqlType> = {
  txt: 'text',
  num: 'number',
  int: 'integer',
  yes: 'boolean',
  at: 'timestamp',
  tags: { column: 'rows.the "tags"', type: 'text[]' },
  ints: 'integer[]',
  org: 'json',
  doc: 'json',
}
export const POSTGRESQL_ATTRIBUTES: readonly Attribute[] = ['txt', 'num', 'int', 'yes', 'at', 'tags', 'ints', 'org', 'org.name', 'org.locked', 'doc', 'doc.a']

/** Instants are finer than a millisecond in some of them. */
export async function postgresqlRecords (run: Run, rows: readonly Row[]): Promise<object[]> {
  await run('CREATE TABLE rows (id integer PRIMARY KEY, txt text, num double precision, int integer, yes boolean, at timestamptz, "the ""tags""" text[], ints integer[], org jsonb, doc jsonb)')
  for (const { id, txt, num, int, yes, at, tags, ints, org, doc } of rows) {
    await run('INSERT INTO rows VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::text::jsonb, $10::text::jsonb)', [id, txt, num, int, yes, at, tags, ints, jsonOrNull(org), jsonOrNull(doc)])
  }
  await run("UPDATE rows SET at = at + interval '999 microseconds' WHERE id % 3 = 0")
  const stored = await run('SELECT id, txt, num, int, yes, at, "the ""tags""" AS tags, ints, org, doc FROM rows ORDER BY id')
  return [...stored]
}

export const SQLITE_COLUMNS: Columns<SqliteType> = {
  txt: 'text',
  num: 'number',
  int: 'integer',
  yes: 'boolean',
  at: 'timestamp',
  tags: 'json',
  ints: 'json',
  'org.name': { column: 'rows.org "name"', type: 'text' },
  'org.locked': { column: 'org_locked', type: 'boolean' },
  doc: 'json',
}
export const SQLITE_ATTRIBUTES: readonly Attribute[] = ['txt', 'num', 'int', 'yes', 'at', 'tags', 'ints', 'org.name', 'org.locked', 'doc']

export async function sqliteRecords (run: Run, rows: readonly Row[]): Promise<object[]> {
  await run('CREATE TABLE rows (id INTEGER PRIMARY KEY, txt TEXT, num REAL, int INTEGER, yes INTEGER, at TEXT, tags TEXT, ints TEXT, "org ""name""" TEXT, org_locked INTEGER, doc TEXT)')
  for (const { id, txt, num, int, yes, at, tags, ints, org, doc } of rows) {
    await run('INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)', [id, txt, num, int, bit(yes), at?.toISOString() ?? null, jsonOrNull(tags), jsonOrNull(ints), org?.name ?? null, bit(org?.locked ?? null), jsonOrNull(doc)])
  }
  const stored = await run('SELECT id, txt, num, int, yes, at, tags, ints, "org ""name""" AS name, org_locked AS locked, doc FROM rows ORDER BY id')
  return stored.map(({ id, txt, num, int, yes, at, tags, ints, name, locked, doc }) => ({
    id, txt, num, int, yes: bool(yes), at: at === null ? null : new Date(at as string), tags: parsed(tags), ints: parsed(ints), org: { name, locked: bool(locked) }, doc: parsed(doc),
  }))
}

function jsonOrNull (value: unknown): string | null {
  return value === null ? null : JSON.stringify(value)
}

function parsed (text: unknown): unknown {
  return text === null ? null : JSON.parse(text as string)
}

function bit (value: boolean | null): number | null {
  return value === null ? null : Number(value)
}

function bool (value: unknown): boolean | null {
  return value === null ? null : value === 1
}
