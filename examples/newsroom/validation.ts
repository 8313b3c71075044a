/** How input is validated: texts of the URL are converted to the type that the schema names, values of a body never are. */
import { Ajv } from 'ajv'
import type { FastifySchemaCompiler } from 'fastify'

export function validation (): FastifySchemaCompiler<object> {
  const urls = new Ajv({ coerceTypes: true, useDefaults: true })
  const bodies = new Ajv()
  return ({ schema, httpPart }) => (httpPart === 'body' ? bodies : urls).compile(schema)
}

/** PostgreSQL stores every character of a text but U+0000. */
export const STORABLE = '^[^\\u0000]*$'
