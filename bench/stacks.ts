/** The stacks that stand side by side, and what each has to answer before it is measured. */
import { existsSync } from 'node:fs'
import type { Server } from 'node:http'
import type { Algorithm } from './signer.ts'

/** What a stack is built for. */
export interface Setting {
  /** Rules of the editor's policy. */
  readonly rules: number
  readonly algorithm: Algorithm
  /** The secret, or the public key in PEM. */
  readonly key: string
  /** Whether verified tokens and abilities are kept, where the stack leaves that to its user. */
  readonly keeps: boolean
  /** Further routes, and further roles of ten rules each. */
  readonly routes: number
  readonly roles: number
}

/** What the file of a stack exports. */
export interface StackFile {
  /** Resolves once it listens at 127.0.0.1. */
  readonly start: (setting: Setting) => Promise<Server>
}

interface StackFacts {
  readonly file: string
  /** Whether it knows a 401, and a 403. */
  readonly authenticates: boolean
  readonly authorizes: boolean
  /** The header that tells what is left of a quota. */
  readonly tells: string | null
}

export const STACKS = {
  bare: { file: './stacks/bare.ts', authenticates: false, authorizes: false, tells: null },
  jwt: { file: './stacks/jwt.ts', authenticates: true, authorizes: false, tells: null },
  hand: { file: './stacks/hand.ts', authenticates: true, authorizes: true, tells: 'x-ratelimit-remaining' },
  gatehouse: { file: './stacks/gatehouse.ts', authenticates: true, authorizes: true, tells: 'ratelimit' },
  casbin: { file: './stacks/casbin.ts', authenticates: true, authorizes: true, tells: null },
  nest: { file: './peers/nest.js', authenticates: true, authorizes: true, tells: null },
  express: { file: './peers/express.js', authenticates: true, authorizes: true, tells: 'ratelimit' },
} as const satisfies Readonly<Record<string, StackFacts>>

export type Stack = keyof typeof STACKS

/** The packages of those in `peers/` are installed apart, so that nobody else has to have them. */
export function isInstalled (stack: Stack): boolean {
  return !STACKS[stack].file.startsWith('./peers/') || existsSync(new URL('./peers/node_modules/', import.meta.url))
}
