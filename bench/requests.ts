/** The requests of a scenario: what the load sends one after the other. */
import { forgerOf, signerOf, type Algorithm, type Signer } from './signer.ts'

/** A token that comes again and again; one that was not there before; one with a wrong signature, never the same; or none. */
export type Sends = 'the same' | 'a new one' | 'a forged one' | 'none'

/** More than any cache of tokens holds: when the first comes again it is forgotten. */
const DISTINCT = 200_000

/** They are made once and shared by all scenarios. */
const made = new Map<Signer, readonly string[]>()

/** Gives the text of the next request. */
export function requestsOf (path: string, sends: Sends, algorithm: Algorithm): () => string {
  const tokens = tokensOf(sends, algorithm)
  let index = 0
  return () => requestOf(path, tokens[index++ % tokens.length] as string | null)
}

/** Of as many distinct users as tokens, each once: for what is kept of them. */
export function strangers (path: string, from: number): () => string {
  let index = from
  return () => requestOf(path, signerOf('HS256').token({ sub: `user-${index++}` }))
}

export function tokensOf (sends: Sends, algorithm: Algorithm): readonly (string | null)[] {
  switch (sends) {
    case 'the same': return [signerOf(algorithm).token()]
    case 'a new one': return distinct(signerOf(algorithm))
    case 'a forged one': return distinct(forgerOf(algorithm))
    case 'none': return [null]
  }
}

function distinct (signer: Signer): readonly string[] {
  const tokens = made.get(signer) ?? Array.from({ length: DISTINCT }, (_, index) => signer.token({ jti: `token-${index}` }))
  made.set(signer, tokens)
  return tokens
}

export function requestOf (path: string, token: string | null): string {
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${token === null ? '' : `Authorization: Bearer ${token}\r\n`}\r\n`
}
