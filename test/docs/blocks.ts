/** The fenced blocks of the README and of docs/, with the words after their fence. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Block {
  /** `docs/policies.md` */
  readonly file: string
  readonly line: number
  readonly language: string
  /** The word after the language: what a test does with the block. */
  readonly label: string
  readonly text: string
}

const FENCE = /^```(\w*) ?(\S*)$/

export const root = join(import.meta.dirname, '..', '..')

export const pages: readonly string[] = ['README.md', ...readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)]

export function blocksOf (file: string): Block[] {
  const blocks: Block[] = []
  let open: { line: number, language: string, label: string, lines: string[] } | null = null
  for (const [index, text] of readFileSync(join(root, file), 'utf8').split('\n').entries()) {
    const fence = FENCE.exec(text)
    if (open !== null && text === '```') {
      const { lines, ...rest } = open
      blocks.push({ file, ...rest, text: `${lines.join('\n')}\n` })
      open = null
    } else if (open !== null) {
      open.lines.push(text)
    } else if (fence !== null) {
      open = { line: index + 2, language: fence[1] as string, label: fence[2] as string, lines: [] }
    }
  }
  return blocks
}

export const blocks: readonly Block[] = pages.flatMap(blocksOf)
