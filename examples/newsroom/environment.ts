/** What newsroom takes from its environment, checked before anything is opened. */
import { randomBytes } from 'node:crypto'

export interface Environment {
  /** `HOST`, default `127.0.0.1`. */
  readonly host: string
  /** `PORT`, default 3000; 0 takes any that is free. */
  readonly port: number
  /** `LOG_LEVEL`, default `info`. */
  readonly logLevel: string
  /** `DATABASE_URL` of a PostgreSQL server; `null`: an embedded one, in memory. */
  readonly databaseUrl: string | null
  /** `REDIS_URL` of a Redis or Valkey server that keeps which tokens have ended, and the counters; `null`: in memory. */
  readonly redisUrl: string | null
  /** `JWT_SECRET`, at least 32 bytes; default random, so that tokens end with the process. */
  readonly secret: string
  /** `POLICIES`, a folder; default the policies of this repository. */
  readonly policies: URL | string
}

export const POLICIES = new URL('../../policies/', import.meta.url)

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

/** An empty variable counts as one that is not set. @throws {Error} for a value that makes no sense */
export function environmentOf (env: NodeJS.ProcessEnv): Environment {
  return {
    host: env['HOST'] || '127.0.0.1',
    port: portOf(env['PORT'] || '3000'),
    logLevel: logLevelOf(env['LOG_LEVEL'] || 'info'),
    databaseUrl: databaseUrlOf(env['DATABASE_URL'] || null),
    redisUrl: redisUrlOf(env['REDIS_URL'] || null),
    secret: env['JWT_SECRET'] || randomSecret(),
    policies: env['POLICIES'] || POLICIES,
  }
}

export function randomSecret (): string {
  return randomBytes(48).toString('base64url')
}

function portOf (text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
  throw new Error(`PORT: expected a number from 0 to 65535, got ${JSON.stringify(text)}`)
}

function logLevelOf (text: string): string {
  if (LOG_LEVELS.includes(text)) return text
  throw new Error(`LOG_LEVEL: expected one of ${LOG_LEVELS.join(', ')}, got ${JSON.stringify(text)}`)
}

/** The value stays out of the message: it may hold a password. */
function databaseUrlOf (text: string | null): string | null {
  if (text === null || (URL.canParse(text) && /^postgres(?:ql)?:$/.test(new URL(text).protocol))) return text
  throw new Error('DATABASE_URL: expected postgres://user:password@host:port/database')
}

/** This one too. */
function redisUrlOf (text: string | null): string | null {
  if (text === null || (URL.canParse(text) && isRedis(new URL(text)))) return text
  throw new Error('REDIS_URL: expected redis://user:password@host:port or rediss://user:password@host:port')
}

/** The path is the number of a database, or nothing. */
function isRedis ({ protocol, hostname, pathname, username, password }: URL): boolean {
  return /^rediss?:$/.test(protocol) && hostname !== '' && /^\/?\d*$/.test(pathname) && isEncoded(username) && isEncoded(password)
}

/** A `%` of the value itself has to be written `%25`. */
function isEncoded (text: string): boolean {
  try {
    return decodeURIComponent(text) !== null
  } catch {
    return false
  }
}
