/**
 * Families of tokens: all that come of one sign-in. A refresh token is used once, and brings the next; one that is used again was stolen from
 * somebody, and nobody can tell from whom, so the whole family ends (RFC 9700 section 4.14.2). A client that refreshes twice at once signs itself out.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { refusal } from 'fastify-gatehouse'
import type { RevocationList } from 'fastify-gatehouse/schemes'
import type { Query } from './database.ts'
import { PERSON, type Person } from './people.ts'
import { ISSUER, newAccessToken, type Grant } from './tokens.ts'

export interface Families {
  /** A new family, for somebody who has just signed in. */
  readonly start: (person: Person) => Promise<Grant>
  /** The next tokens of the family, and the person as they are now; throws a 401 for a refresh token that is unknown, expired, ended or used. */
  readonly refresh: (refreshToken: string) => Promise<Grant>
  /** Nothing of the family counts any more. To end it again does no harm. */
  readonly end: (family: string) => Promise<void>
}

/** A family lives this long after its sign-in, whatever is refreshed. */
const LIFETIME = "interval '30 days'"

/** How far the clocks of the processes and of the database may differ. */
const TOLERANCE = "interval '5 minutes'"

/** One statement: of any number of uses at once one finds the token unused, and a family that is being ended gets no new one. */
const ROTATE = `
  WITH used AS (
    UPDATE refresh_tokens SET used = true FROM families JOIN users ON users.name = families.person
    WHERE hash = $1 AND NOT used AND families.id = family AND NOT ended AND families.expires_at > now()
    RETURNING families.id AS family, auth_time AS "authTime", ${PERSON}
  ), alive AS (
    SELECT used.* FROM used JOIN families ON families.id = used.family WHERE NOT ended FOR SHARE OF families
  ), next AS (
    INSERT INTO refresh_tokens (hash, family, jti, access_expires_at) SELECT $2, family, $3, to_timestamp($4) FROM alive
  )
  SELECT * FROM alive`

/** `query` refuses where there is no answer. */
export function familiesIn (query: Query, revocations: RevocationList): Families {
  return { start, refresh, end }

  async function start (person: Person): Promise<Grant> {
    await query(`DELETE FROM families WHERE person = $1 AND expires_at < now() - ${TOLERANCE}`, [person.name])
    const { refreshToken, hash } = newRefreshToken()
    const grant = { person, family: randomUUID(), authTime: new Date(), access: newAccessToken(), refreshToken }
    const { jti, expiresAt } = grant.access
    await query(
      `WITH family AS (INSERT INTO families (id, person, auth_time, expires_at) VALUES ($1, $2, $3, now() + ${LIFETIME}) RETURNING id) ` +
      'INSERT INTO refresh_tokens (hash, family, jti, access_expires_at) SELECT $4, id, $5, to_timestamp($6) FROM family',
      [grant.family, person.name, grant.authTime, hash, jti, expiresAt]
    )
    return grant
  }

  async function refresh (sent: string): Promise<Grant> {
    const { refreshToken, hash } = newRefreshToken()
    const access = newAccessToken()
    const [row] = await query<Person & { family: string, authTime: Date }>(ROTATE, [hashOf(sent), hash, access.jti, access.expiresAt])
    if (row === undefined) throw await refused(hashOf(sent))
    const { family, authTime, ...person } = row
    return { person, family, authTime, access, refreshToken }
  }

  async function refused (hash: string): Promise<Error> {
    const [row] = await query<{ family: string, used: boolean }>('SELECT family, used FROM refresh_tokens WHERE hash = $1', [hash])
    if (row?.used !== true) return invalid('the refresh token is unknown, has expired, or was ended')
    await end(row.family)
    return invalid('the refresh token was used before, so its family has ended')
  }

  async function end (family: string): Promise<void> {
    // First, so that no token is added to those that are read next.
    await query('UPDATE families SET ended = true WHERE id = $1', [family])
    const tokens = await query<{ person: string, jti: string, expiresAt: Date }>(
      'SELECT person, jti, access_expires_at AS "expiresAt" FROM refresh_tokens JOIN families ON families.id = family ' +
      `WHERE family = $1 AND access_expires_at > now() - ${TOLERANCE}`, [family]
    )
    await Promise.all(tokens.map(({ person, jti, expiresAt }) => (
      revocations.revokeToken({ issuer: ISSUER, subject: person, jti, expiresAt: expiresAt.getTime() / 1000 })
    )))
  }
}

/** Opaque, and too long to be guessed: so no throttle has to count those that are wrong, and a fast hash is enough. */
function newRefreshToken (): { readonly refreshToken: string, readonly hash: string } {
  const refreshToken = `newsroom_refresh_${randomBytes(32).toString('base64url')}`
  return { refreshToken, hash: hashOf(refreshToken) }
}

/** All that is stored of a refresh token. */
function hashOf (refreshToken: string): string {
  return createHash('sha256').update(refreshToken).digest('base64url')
}

function invalid (reason: string): Error {
  return refusal('invalid_credentials', { reason })
}
