/** What to do about a text that is no YAML: the parser's own message says what it met, and seldom what was meant. */

export interface Hint {
  readonly offset: number
  readonly message: string
}

/** What is wrong is often the line before the one where the parser noticed it. */
export function hintFor (text: string, offset: number, reason: string): Hint {
  const lines = new Near(text, offset)
  const found = lines.tab() ?? lines.alias(reason) ?? lines.reserved() ?? lines.glued() ?? lines.colonInText() ?? lines.bracket()
  return found ?? { offset, message: `${reason}${lines.unclosed(reason) ?? lines.indentation(reason) ?? ''}` }
}

/** A key, or the dash of an entry, and the next sign. */
const GLUED_KEY = /^[ \t]*(?:- +)*([\w$.]+):(?=[^\s:])/
const GLUED_DASH = /^ *-(?=[\p{L}_$"'{[])/u
const COLON_IN_TEXT = /^ *(?:- +)*[^\s:]+: +[^\s"'[{|>&*!%#@`].*?: /

/** The line with the mistake, and those before it. */
class Near {
  readonly #text: string
  readonly #offset: number
  /** Where each line up to the offset begins; the last is that of the offset. */
  readonly #starts: readonly number[]

  constructor (text: string, offset: number) {
    this.#text = text
    this.#offset = offset
    const starts = [0]
    for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
    this.#starts = starts
  }

  tab (): Hint | null {
    for (const start of this.#suspects()) {
      const [indentation] = /^[ \t]*/.exec(this.#line(start)) as RegExpExecArray
      const tab = indentation.indexOf('\t')
      if (tab !== -1) return { offset: start + tab, message: 'tab characters must not be used in indentation: write spaces' }
    }
    return null
  }

  alias (reason: string): Hint | null {
    return reason.startsWith('name of an alias') ? { offset: this.#offset - 1, message: '"*" begins an alias: put it in quotes to mean the sign itself' } : null
  }

  /** YAML 1.2.2 section 5.3: no text without quotes begins with one of these. */
  reserved (): Hint | null {
    const sign = this.#text.charAt(this.#offset)
    return sign !== '' && '@`%'.includes(sign) ? { offset: this.#offset, message: `a text that begins with "${sign}" needs quotes` } : null
  }

  /** `subject:Ticket` and `-action` are texts. */
  glued (): Hint | null {
    for (const start of this.#suspects()) {
      const line = this.#line(start)
      const key = GLUED_KEY.exec(line)
      if (key !== null) return { offset: start + key[0].length, message: `a space is missing after ":": write "${key[1]}: …"` }
      const dash = GLUED_DASH.exec(line)
      if (dash !== null) return { offset: start + dash[0].length, message: 'a space is missing after "-"' }
    }
    return null
  }

  colonInText (): Hint | null {
    const start = this.#starts.at(-1) as number
    const before = COLON_IN_TEXT.exec(this.#line(start))
    return before !== null && start + before[0].length >= this.#offset ? { offset: this.#offset, message: 'a text with ": " in it needs quotes' } : null
  }

  bracket (): Hint | null {
    const sign = this.#text.charAt(this.#offset)
    return sign === '}' || sign === ']' ? { offset: this.#offset, message: `"${sign}" closes nothing` } : null
  }

  unclosed (reason: string): string | null {
    return reason === 'deficient indentation' ? ': a list or map in brackets, or a text in quotes, is not closed above, or goes on here without being indented' : null
  }

  /** Where the keys, or the entries, around this line begin. */
  indentation (reason: string): string | null {
    if (!reason.startsWith('bad indentation')) return null
    const [spaces] = /^ */.exec(this.#line(this.#starts.at(-1) as number)) as RegExpExecArray
    const isEntry = this.#line(this.#starts.at(-1) as number).startsWith('- ', spaces.length)
    const columns = this.#columnsAbove(isEntry)
    const others = columns.length === 0 ? '' : `, ${isEntry ? 'entries' : 'keys'} above it after ${columns.join(' or ')}`
    return `: this line begins after ${spaces.length} space${spaces.length === 1 ? '' : 's'}${others}`
  }

  #columnsAbove (ofEntries: boolean): number[] {
    const columns = new Set<number>()
    let limit = Infinity
    for (const start of this.#starts.slice(0, -1).reverse()) {
      const [, spaces = '', dashes = '', rest = ''] = /^( *)((?:- +)*)(.*)$/s.exec(this.#line(start)) as RegExpExecArray
      if (rest === '' || rest.startsWith('#')) continue
      const column = ofEntries ? spaces.length : spaces.length + dashes.length
      if (spaces.length < limit && (ofEntries ? dashes !== '' : /^\S[^:]*:(?:\s|$)/.test(rest))) columns.add(column)
      limit = Math.min(limit, spaces.length)
    }
    return [...columns]
  }

  /** The line of the offset, and the last one before it that says something. */
  #suspects (): readonly number[] {
    const before = this.#starts.slice(0, -1).findLast((start) => /^\s*[^\s#]/.test(this.#line(start)))
    return [this.#starts.at(-1) as number, ...before === undefined ? [] : [before]]
  }

  #line (start: number): string {
    const end = this.#text.indexOf('\n', start)
    return this.#text.slice(start, end === -1 ? undefined : end).replace(/\r$/, '')
  }
}
