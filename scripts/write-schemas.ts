/** Writes the JSON Schemas that editors read into dist/schemas/, or into the folder that is named. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { publishedSchemas } from '../lib/policies/published-schema.ts'

const folder = process.argv[2] ?? join(import.meta.dirname, '..', 'dist', 'schemas')

mkdirSync(folder, { recursive: true })
for (const [name, schema] of Object.entries(publishedSchemas())) writeFileSync(join(folder, name), `${JSON.stringify(schema, null, 2)}\n`)
