import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import { DAYS, hoursOf, type Hours } from '../../lib/policies/hours.ts'

function hours (raw: unknown): Hours {
  const read = hoursOf(raw)
  assert.ok(read.kind === 'hours', JSON.stringify(read))
  return read.hours
}

function within (raw: object, ...instants: readonly string[]): (boolean | undefined)[] {
  const { include } = hours(raw)
  return instants.map((instant) => include(new Date(instant)))
}

t.test('from is within, to is not', async (t) => {
  const office = { from: '09:00', to: '17:30', zone: 'UTC' }
  t.same(within(office, '2026-01-05T08:59:59.999Z', '2026-01-05T09:00:00Z', '2026-01-05T17:29:59.999Z', '2026-01-05T17:30:00Z'), [false, true, true, false])
})

t.test('the clock is that of the zone, in summer and in winter', async (t) => {
  const office = { from: '09:00', to: '17:00', zone: 'Europe/Berlin' }
  t.same(within(office, '2026-01-05T08:00:00Z', '2026-01-05T07:59:00Z', '2026-07-06T07:00:00Z', '2026-07-06T06:59:00Z'), [true, false, true, false])
  t.same(within({ ...office, zone: 'Asia/Kathmandu' }, '2026-01-05T03:14:00Z', '2026-01-05T03:15:00Z'), [false, true], 'also in one of five and three quarters of an hour')
})

t.test('where the clock is put forward, the hour that does not exist is in nobody\'s way; where it is put back, both hours count', async (t) => {
  // In Berlin 02:00 became 03:00 on 2026-03-29, and 03:00 became 02:00 on 2026-10-25, at 01:00 UTC each.
  const night = { from: '02:00', to: '03:00', zone: 'Europe/Berlin' }
  t.same(within(night, '2026-03-29T00:59:59Z', '2026-03-29T01:00:00Z', '2026-03-29T01:59:59Z'), [false, false, false])
  t.same(within(night, '2026-10-24T23:59:59Z', '2026-10-25T00:00:00Z', '2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z', '2026-10-25T02:00:00Z'), [false, true, true, true, false])
  t.same(within({ from: '22:00', to: '02:30', zone: 'Europe/Berlin' }, '2026-03-29T00:59:59Z', '2026-03-29T01:00:00Z'), [true, false], '02:30 is past when it is 03:00')
})

t.test('hours that end before they begin go over midnight, and belong to the day on which they began', async (t) => {
  const late = { from: '22:00', to: '06:00', zone: 'UTC', days: ['fri'] }
  // 2026-01-09 was a Friday.
  t.same(within(late, '2026-01-09T21:59:00Z', '2026-01-09T22:00:00Z', '2026-01-10T05:59:00Z', '2026-01-10T06:00:00Z'), [false, true, true, false])
  t.same(within(late, '2026-01-09T05:00:00Z', '2026-01-10T22:00:00Z', '2026-01-08T23:00:00Z'), [false, false, false], 'neither the night before nor the night after')
  t.same(within({ ...late, days: ['sun'] }, '2026-01-11T23:00:00Z', '2026-01-12T01:00:00Z', '2026-01-11T01:00:00Z'), [true, true, false], 'over the end of the week')
  t.same(within({ from: '18:00', to: '00:00', zone: 'UTC' }, '2026-01-09T23:59:59Z', '2026-01-10T00:00:00Z'), [true, false], 'until midnight')
  t.same(within({ from: '00:00', to: '06:00', zone: 'UTC', days: ['sat'] }, '2026-01-10T00:00:00Z', '2026-01-11T00:00:00Z'), [true, false], 'from midnight')
})

t.test('the day is that of the zone', async (t) => {
  const monday = { from: '00:00', to: '12:00', zone: 'Pacific/Auckland', days: ['mon'] }
  t.same(within(monday, '2026-01-04T11:00:00Z', '2026-01-05T11:00:00Z'), [true, false])
  t.same(within({ ...monday, zone: 'Pacific/Honolulu' }, '2026-01-05T11:00:00Z', '2026-01-06T09:59:00Z'), [true, false])
})

t.test('law 11: of what is no instant nothing is known', async (t) => {
  const { include } = hours({ from: '00:00', to: '23:59', zone: 'UTC' })
  for (const odd of [undefined, null, NaN, 0, Date.now(), '2026-01-05T12:00:00Z', new Date(NaN), {}, { getTime: () => 0 }]) t.equal(include(odd), undefined, String(odd))
})

t.test('what they are, in a text', async (t) => {
  t.equal(hours({ from: '09:00', to: '17:30', zone: 'Europe/Berlin' }).text, '09:00 to 17:30 in Europe/Berlin')
  t.equal(hours({ from: '09:00', to: '17:30', zone: 'UTC', days: ['mon', 'tue'] }).text, '09:00 to 17:30 in UTC on mon, tue')
  t.equal(hours({ from: '09:00', to: '17:30', zone: 'UTC', days: [...DAYS].reverse() }).text, '09:00 to 17:30 in UTC')
})

t.test('what makes no sense is refused, and the message says what would', async (t) => {
  const good = { from: '09:00', to: '17:00', zone: 'UTC' }
  const cases: [unknown, RegExp][] = [
    [null, /needs \{ from: "09:00"/], ['09:00-17:00', /needs/], [[], /needs/], [7, /needs/],
    [{ ...good, until: '18:00' }, /unknown key "until"/],
    [{ to: '17:00', zone: 'UTC' }, /"from" and "to" are times of 24 hours/], [{ ...good, to: undefined }, /24 hours/],
    [{ ...good, from: '9:00' }, /24 hours/], [{ ...good, from: '24:00' }, /24 hours/], [{ ...good, to: '17:60' }, /24 hours/], [{ ...good, to: '5pm' }, /24 hours/], [{ ...good, from: 540 }, /24 hours/], [{ ...good, from: '09:00:00' }, /24 hours/],
    [{ ...good, to: '09:00' }, /same time/],
    [{ from: '09:00', to: '17:00' }, /"zone" must be a time zone/], [{ ...good, zone: 'Europe/Berln' }, /"zone"/], [{ ...good, zone: '' }, /"zone"/], [{ ...good, zone: 1 }, /"zone"/], [{ ...good, zone: null }, /"zone"/],
    [{ ...good, days: [] }, /"days"/], [{ ...good, days: 'mon' }, /"days"/], [{ ...good, days: ['Mon'] }, /"days"/], [{ ...good, days: ['mon', 'mon'] }, /"days"/], [{ ...good, days: [1] }, /"days"/], [{ ...good, days: null }, /"days"/],
  ]
  for (const [raw, message] of cases) t.match(hoursOf(raw), { kind: 'wrong', message }, JSON.stringify(raw))
})

t.test('at every instant one of two halves of the day holds, and the days of the week share out the time', async (t) => {
  const time = fc.tuple(fc.nat(23), fc.nat(59)).map(([hour, minute]) => `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`)
  const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Pacific/Apia')
  const instant = fc.date({ min: new Date('1990-01-01'), max: new Date('2060-01-01'), noInvalidDate: true })
  fc.assert(fc.property(time, time, zone, instant, (from, to, zone, now) => {
    if (from === to) return
    const half = hours({ from, to, zone }).include(now)
    assert.equal(hours({ from: to, to: from, zone }).include(now), half === false)
    const days = DAYS.filter((day) => hours({ from, to, zone, days: [day] }).include(now))
    assert.equal(days.length, half === true ? 1 : 0)
  }), { numRuns: 60 })
  t.pass()
})
