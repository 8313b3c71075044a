/** Reads a YAML policy: strict YAML 1.2 with its core schema, one document, no tags, no anchors. */
import { EVENT_ID, NOT_RESOLVED, SCALAR_STYLE, YAMLException, boolCoreTag, floatCoreTag, getScalarValue, intCoreTag, nullCoreTag, parseEvents } from 'js-yaml'
import type { Event, ScalarEvent } from 'js-yaml'
import type { PolicySource } from './policy.ts'
import { Positions, Spot } from './positions.ts'
import { EmptyMap, MAX_DEPTH, TOO_DEEP } from './plain-data.ts'
import type { PlainMap } from './plain-data.ts'
import type { Problem } from './problems.ts'
import { hintFor } from './yaml-hints.ts'

/** As the parser counts: with the document, and with the value in the deepest list. */
const DEEPEST = MAX_DEPTH + 2

/** Messages of ours for errors of the parser whose own text does not say what to do. */
const MESSAGES: Readonly<Record<string, string>> = {
  [`nesting exceeded maxDepth (${DEEPEST})`]: TOO_DEEP,
}

/** What a text without quotes can be but a text; YAML 1.2.2 section 10.3.2. */
const PLAIN_TYPES = [nullCoreTag, boolCoreTag, intCoreTag, floatCoreTag]

/** A broken file can make thousands of errors; the first ones tell enough. */
const MAX_ERRORS = 10

/** What the parser writes for an offset that there is not. */
const ABSENT = -1

type NodeEvent = Exclude<Event, { type: typeof EVENT_ID.DOCUMENT | typeof EVENT_ID.POP }>

type Report = (offset: number, message: string) => void

export function readYaml (file: string, text: string, problems: Problem[]): PolicySource {
  const positions = new Positions(file, text)
  const found: Problem[] = []
  const report: Report = (offset, message) => { found.push({ place: positions.at(offset), message }) }
  const content = documentOf(text, positions, report)
  problems.push(...found.slice(0, MAX_ERRORS))
  return { file, content: found.length > 0 ? null : content, locate: positions.locate, isText: true }
}

function documentOf (text: string, positions: Positions, report: Report): unknown {
  try {
    return new Reader(text, parseEvents(text, { maxDepth: DEEPEST }), positions, report).document(positions.root)
  } catch (error) {
    // The parser says why and where.
    const { reason, mark } = error as Required<YAMLException>
    const ours = MESSAGES[reason]
    const { offset, message } = ours === undefined ? hintFor(text, mark.position, reason) : { offset: mark.position, message: ours }
    report(offset, message)
    return null
  }
}

/** Walks through the parser's events, which are a tree in the order of the text. */
class Reader {
  readonly #text: string
  readonly #events: readonly Event[]
  readonly #positions: Positions
  readonly #report: Report
  #next = 0
  /** Where a value would stand that was left out. */
  #here = 0

  constructor (text: string, events: readonly Event[], positions: Positions, report: Report) {
    this.#text = text
    this.#events = events
    this.#positions = positions
    this.#report = report
  }

  /** `null` for a text without a document. */
  document (root: Spot): unknown {
    const begin = this.#took()
    if (begin?.type !== EVENT_ID.DOCUMENT) return null
    for (const directive of begin.directives) {
      if (directive.kind === 'yaml' && directive.version !== '1.2') this.#report(0, 'policies are YAML 1.2: take the %YAML directive away')
    }
    const content = this.#value(root)
    this.#took()
    if (this.#took() !== undefined) this.#report(this.#marker() ?? this.#startOf(this.#took() as NodeEvent), 'a policy file holds one YAML document; put the second one into a file of its own')
    return content
  }

  /** `inList`: the value is an entry of a list. */
  #value (spot: Spot, inList = false): unknown {
    const event = this.#took() as NodeEvent
    spot.value = this.#place(event)
    switch (event.type) {
      case EVENT_ID.SEQUENCE: return this.#list(spot)
      case EVENT_ID.MAPPING: return this.#map(spot, inList)
      case EVENT_ID.SCALAR: return this.#scalar(event)
      case EVENT_ID.ALIAS: return null
    }
  }

  #list (spot: Spot): unknown[] {
    const list: unknown[] = []
    while (!this.#ended()) list.push(this.#value(spot.add(list.length), true))
    return list
  }

  #map (spot: Spot, inList: boolean): PlainMap {
    const map = new EmptyMap()
    while (!this.#ended()) {
      const key = this.#key(spot, inList)
      const below = key.name === null ? new Spot() : spot.add(key.name)
      below.key = key.offset
      const value = this.#value(below)
      if (key.name !== null) map[key.name] = value
    }
    return map
  }

  /** `null` for a key that was refused. */
  #key (map: Spot, inList: boolean): { name: string | null, offset: number } {
    const event = this.#events[this.#next] as NodeEvent
    const spot = new Spot()
    const name = this.#value(spot)
    const offset = spot.value
    const mistake = keyMistake(name, event) ?? this.#glued(event) ?? this.#again(name as string, map, inList)
    if (mistake !== null) this.#report(offset, mistake)
    return { name: mistake === null ? name as string : null, offset }
  }

  /** Within braces `{ a:1 }` is a key `a:1` without a value. */
  #glued (event: NodeEvent): string | null {
    const value = this.#events[this.#next] as NodeEvent
    if (event.type !== EVENT_ID.SCALAR || event.style !== SCALAR_STYLE.PLAIN || value.type !== EVENT_ID.SCALAR || value.valueStart !== ABSENT) return null
    const [key, rest] = getScalarValue(this.#text, event).split(/:(.*)/s)
    return rest === undefined || this.#text.slice(event.valueEnd).trimStart().startsWith(':') ? null : `a space is missing after ":": write "${key}: ${rest}"`
  }

  #again (name: string, map: Spot, inList: boolean): string | null {
    const first = map.at(name)?.key ?? null
    if (first === null) return null
    return `this key is written twice; the first stands in line ${this.#positions.at(first).line}${inList ? '. Where another entry of the list begins, "- " is missing' : ''}`
  }

  #scalar (event: ScalarEvent): unknown {
    const text = getScalarValue(this.#text, event)
    if (event.valueStart !== ABSENT) this.#here = this.#afterColon(event.valueEnd + (isQuoted(event) ? 1 : 0))
    return event.style === SCALAR_STYLE.PLAIN ? plainValue(text) : text
  }

  /** Where a value begins; what no policy may have is reported. */
  #place (event: NodeEvent): number {
    if (event.anchorStart !== ABSENT) this.#report(event.anchorStart - 1, `anchors and aliases are not allowed: write the value out where it is used${event.type === EVENT_ID.ALIAS ? '; a text that begins with "*" needs quotes' : ''}`)
    if (event.type !== EVENT_ID.ALIAS && event.tagStart !== ABSENT) this.#report(event.tagStart, 'tags are not allowed: a value in quotes is a text, and one without says by itself what it is')
    return this.#startOf(event)
  }

  #startOf (event: NodeEvent): number {
    switch (event.type) {
      case EVENT_ID.ALIAS: return event.anchorStart - 1
      case EVENT_ID.SCALAR: return event.valueStart === ABSENT ? this.#here : event.valueStart - (isQuoted(event) ? 1 : 0)
      default: return event.start
    }
  }

  /** Where the next document begins with a marker of its own. */
  #marker (): number | undefined {
    const marker = /^---(?!\S)/gm
    marker.lastIndex = this.#here
    return marker.exec(this.#text)?.index
  }

  #afterColon (offset: number): number {
    return this.#text[offset] === ':' ? offset + 1 : offset
  }

  #took (): Event | undefined {
    return this.#events[this.#next++]
  }

  /** Whether the list or map ends here, which takes its end. */
  #ended (): boolean {
    const ends = this.#events[this.#next]?.type === EVENT_ID.POP
    if (ends) this.#next++
    return ends
  }
}

function keyMistake (name: unknown, event: NodeEvent): string | null {
  if (typeof name !== 'string') return 'a key must be a text; write it in quotes'
  return name === '<<' && event.type === EVENT_ID.SCALAR && event.style === SCALAR_STYLE.PLAIN ? '"<<" merges nothing in YAML 1.2: write the keys out' : null
}

function isQuoted ({ style }: ScalarEvent): boolean {
  return style === SCALAR_STYLE.SINGLE_QUOTED || style === SCALAR_STYLE.DOUBLE_QUOTED
}

function plainValue (text: string): unknown {
  const first = text.charAt(0)
  for (const { implicitFirstChars, resolve, tagName } of PLAIN_TYPES) {
    if (implicitFirstChars?.includes(first) === false) continue
    const value = resolve(text, false, tagName)
    if (value !== NOT_RESOLVED) return value
  }
  return text
}
