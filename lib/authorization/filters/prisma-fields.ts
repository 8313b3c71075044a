/** What is known about a field of a Prisma model, and how its values are asked for. */
import { knownOptionsOnly, wrongOption } from '../../option-error.ts'
import { KINDS } from './prisma-kinds.ts'
import type { Kind, PrismaType } from './prisma-kinds.ts'

/** Types whose lists can be asked about exactly. */
type Item = Exclude<PrismaType, 'float' | 'datetime'>

/**
 * As in the Prisma schema: `?` for a field that may be null, `[]` for a list. `collation: 'C'` says that the column of a text is declared `COLLATE "C"`;
 * without it texts have no order.
 */
export type PrismaField =
  | PrismaType | `${PrismaType}?` | `${Item}[]`
  | { readonly type: 'string' | 'string?', readonly collation: 'C' }
  | { readonly enum: readonly string[], readonly type?: 'enum' | 'enum?' | 'enum[]' }

export interface Field {
  readonly shape: 'required' | 'optional' | 'list'
  readonly kind: Kind
}

const ITEMS: readonly string[] = ['string', 'uuid', 'integer', 'bigint', 'boolean'] satisfies Item[]
const SHAPES = { '': 'required', '?': 'optional', '[]': 'list' } as const

/** Throws FST_GATEHOUSE_OPTION where the declaration makes no sense; `where` says which one it is. */
export function fieldOf (declared: PrismaField, where: string): Field {
  if (typeof declared === 'string') return plainField(declared, where)
  knownOptionsOnly(where, declared, ['type', 'collation', 'enum'])
  if ('enum' in declared) {
    const { type = 'enum', enum: values, ...rest } = declared
    knownOptionsOnly(where, rest, [])
    if (!Array.isArray(values) || values.length === 0) throw wrongOption(`${where}.enum`, values, 'a list of the values')
    const [, suffix] = /^enum(\??|\[\])$/.exec(type) ?? []
    if (suffix === undefined) throw wrongOption(`${where}.type`, type, "'enum', 'enum?' or 'enum[]'")
    return { shape: SHAPES[suffix as keyof typeof SHAPES], kind: KINDS.enum(values) }
  }
  const { type, collation } = declared
  if (type !== 'string' && type !== 'string?') throw wrongOption(`${where}.type`, type, "'string' or 'string?'")
  if (collation !== 'C') throw wrongOption(`${where}.collation`, collation, "'C'")
  return { shape: type === 'string' ? 'required' : 'optional', kind: KINDS.ordered }
}

function plainField (declared: string, where: string): Field {
  const [, type = '', suffix = ''] = /^(\w+)(\?|\[\]|)$/.exec(declared) ?? []
  const shape = SHAPES[suffix as keyof typeof SHAPES]
  const known = shape === 'list' ? ITEMS.includes(type) : Object.hasOwn(KINDS.plain, type)
  if (!known) throw wrongOption(where, declared, `one of ${Object.keys(KINDS.plain).join(', ')}, with ? where it may be null; ${ITEMS.map((item) => `${item}[]`).join(', ')}; or { enum: [...] }`)
  return { shape, kind: KINDS.plain[type as PrismaType] }
}
