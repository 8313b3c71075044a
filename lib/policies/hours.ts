/** Hours of the day, in a zone that is always named: `{ from: '09:00', to: '17:30', zone: 'Europe/Berlin', days: [mon, tue] }`. */

export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const

export interface Hours {
  /** As written, for messages. */
  readonly text: string
  /** `undefined` for what is no instant. `from` is within, `to` is not; hours that end before they begin go over midnight, and belong to the day on which they began. */
  readonly include: (instant: unknown) => boolean | undefined
}

export type ReadHours =
  | { readonly kind: 'hours', readonly hours: Hours }
  | { readonly kind: 'wrong', readonly message: string }

const KEYS = ['from', 'to', 'zone', 'days']
const TIME = /^([01]\d|2[0-3]):([0-5]\d)$/
const WANTED = '"$between" needs { from: "09:00", to: "17:30", zone: "Europe/Berlin" } and, if not every day, days: [mon, tue]'

export function hoursOf (raw: unknown): ReadHours {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return wrong(WANTED)
  const given = raw as Readonly<Record<string, unknown>>
  const odd = Object.keys(given).find((key) => !KEYS.includes(key))
  if (odd !== undefined) return wrong(`unknown key "${odd}": ${WANTED}`)
  const { zone, days = DAYS } = given
  const from = minutes(given['from'])
  const to = minutes(given['to'])
  if (from === null || to === null) return wrong(`"from" and "to" are times of 24 hours, "09:00": ${WANTED}`)
  if (from === to) return wrong('"from" and "to" are the same time: leave "$between" out for the whole day')
  const clock = typeof zone === 'string' ? clockOf(zone) : null
  if (clock === null) return wrong(`"zone" must be a time zone, "Europe/Berlin" or "UTC": ${WANTED}`)
  if (!isDays(days)) return wrong(`"days" must be a list of ${DAYS.join(', ')}, each once`)
  return {
    kind: 'hours',
    hours: {
      text: `${given['from'] as string} to ${given['to'] as string} in ${zone as string}${days.length === DAYS.length ? '' : ` on ${days.join(', ')}`}`,
      include: (instant) => {
        if (!(instant instanceof Date) || Number.isNaN(instant.getTime())) return undefined
        const { day, minute } = clock(instant)
        if (from < to) return minute >= from && minute < to && days.includes(day)
        return (minute >= from && days.includes(day)) || (minute < to && days.includes(before(day)))
      },
    },
  }
}

type Day = typeof DAYS[number]

/** Minutes since midnight. */
function minutes (text: unknown): number | null {
  const [, hour, minute] = (typeof text === 'string' ? TIME.exec(text) : null) ?? []
  return hour === undefined || minute === undefined ? null : Number(hour) * 60 + Number(minute)
}

function isDays (given: unknown): given is readonly Day[] {
  return Array.isArray(given) && given.length > 0 && new Set(given).size === given.length && given.every((day) => (DAYS as readonly unknown[]).includes(day))
}

function before (day: Day): Day {
  return DAYS[(DAYS.indexOf(day) + DAYS.length - 1) % DAYS.length] as Day
}

/** What a clock on a wall of that zone shows; `null` where there is no such zone. */
function clockOf (zone: string): ((instant: Date) => { readonly day: Day, readonly minute: number }) | null {
  try {
    const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
    return (instant) => {
      const parts = new Map(format.formatToParts(instant).map(({ type, value }) => [type, value]))
      return { day: (parts.get('weekday') as string).toLowerCase() as Day, minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')) }
    }
  } catch {
    return null
  }
}

function wrong (message: string): ReadHours {
  return { kind: 'wrong', message }
}
