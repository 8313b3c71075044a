/** Passwords: argon2id (RFC 9106), with the parameters that OWASP recommends, which are the library's defaults. */
import { randomUUID } from 'node:crypto'
import { hash, verify } from '@node-rs/argon2'

export interface Passwords {
  /** Whether the password belongs to the hash. `null`, for an account that does not exist, takes as long as any. */
  readonly match: (hashed: string | null, password: string) => Promise<boolean>
}

export async function hashed (password: string): Promise<string> {
  return await hash(password)
}

export async function passwords (): Promise<Passwords> {
  const nobodys = await hash(randomUUID())
  return {
    async match (hashed, password) {
      const right = await verify(hashed ?? nobodys, password)
      return right && hashed !== null
    },
  }
}
