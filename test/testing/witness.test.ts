/** Without a test that asks, nothing is kept of any decision. */
import t from 'tap'
import { noted, noteDecision, takeNotes, testimonyOf } from '../../lib/requests/witness.ts'

const event = {} as never
const request = {} as never
const passage = {} as never
const decision = { action: 'read', resource: {} as never, record: {}, no: null }

t.test('notes are taken from the first time on that somebody asks for them', async (t) => {
  noteDecision(passage, decision)
  t.equal(noted(event, request, passage), event)
  t.equal(testimonyOf(event), undefined)
  takeNotes()
  t.equal(testimonyOf(event), undefined, 'not of before')
  noted(event, request, passage)
  t.strictSame(testimonyOf(event), { request, passage, asked: [] })
  noteDecision(passage, decision)
  noteDecision(passage, { ...decision, action: 'update' })
  takeNotes()
  t.strictSame(testimonyOf(event)?.asked.map(({ action }) => action), ['read', 'update'], 'a second recorder loses nothing')
})
