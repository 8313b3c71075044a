/** The option `columns` of the SQL backends: where the attributes that rules mention are kept, and of what type they are. */
import { didYouMean } from '../../nearest.ts'
import { knownOptionsOnly, OptionError, wrongOption } from '../../option-error.ts'
import type { Path } from '../../policies/condition.ts'
import type { Stored } from '../backend.ts'
import type { Dialect, Kind } from './dialect.ts'
import { identifier, type Fragment } from './fragment.ts'
import { storedAs } from './stored-as.ts'

/** For each attribute that rules mention (`status`, `org.id`) its column's type, or the column's name too where it differs; dots in that separate a table's name. */
export type Columns<Type extends string> = Readonly<Record<string, Type | { readonly column: string, readonly type: Type }>>

/** A column, or a value within one. */
export interface Column {
  readonly column: Fragment
  readonly kind: Kind
  /** For messages. */
  readonly type: string
}

export class ColumnMap {
  readonly #columns = new Map<string, Column>()

  /** Throws FST_GATEHOUSE_OPTION. `where` is for its message, `postgresql({ columns })`. */
  constructor (where: string, columns: Columns<string>, { kinds }: Dialect) {
    if (typeof columns !== 'object' || columns === null || Array.isArray(columns)) {
      throw wrongOption(where, columns, 'an object from attributes to the types of their columns')
    }
    for (const [name, declared] of Object.entries(columns)) {
      const at = `${where}: "${name}"`
      if (typeof declared !== 'string') knownOptionsOnly(at, declared, ['column', 'type'])
      const { column, type } = typeof declared === 'string' ? { column: name, type: declared } : declared
      if (typeof column !== 'string' || column === '' || column.includes('\0')) throw wrongOption(`${at}.column`, column, "a column's name")
      if (typeof type !== 'string' || !Object.hasOwn(kinds, type)) {
        throw new OptionError(`${wrongOption(`${at}.type`, type, `one of ${Object.keys(kinds).join(', ')}`).message}${didYouMean(String(type), Object.keys(kinds))}`)
      }
      this.#columns.set(name, { column: identifier(column), kind: kinds[type] as Kind, type })
    }
  }

  get stored (): Stored {
    return { option: 'columns', attributes: new Map([...this.#columns].map(([name, { type }]) => [name, { type, holds: storedAs(type) }])) }
  }

  /** Where an attribute is kept, or why that cannot be told. */
  find (path: Path): Column | string {
    const name = path.join('.')
    const own = this.#columns.get(name)
    if (own !== undefined) return own
    for (let length = path.length - 1; length > 0; length--) {
      const around = this.#columns.get(path.slice(0, length).join('.'))
      if (around === undefined) continue
      const { column, kind: { within, closed }, type } = around
      if (closed !== undefined) return `"${name}" lies within a column of the type ${type}: ${closed}`
      if (within !== undefined) return { ...within(column, path.slice(length)), type }
    }
    return `there is no column for the attribute "${name}".${didYouMean(name, this.#columns.keys())} Add it to "columns"`
  }
}
