import t from 'tap'
import { allOf, anyOf, authenticated, can, role } from '../../lib/routes/access.ts'
import { parts, subjectOf } from '../../lib/authorization/requirement.ts'
import { resource } from '../../lib/authorization/resource.ts'

const article = resource('Article')

t.test('the parts of a requirement are it and everything within it, outermost first', async (t) => {
  const { requirement } = allOf(authenticated(), anyOf(role('editor'), can('read', 'Report')))
  t.same([...parts(requirement)].map(({ kind }) => kind), ['all_of', 'authenticated', 'any_of', 'role', 'can'])
})

t.test('every target has a subject', async (t) => {
  t.equal(subjectOf({ kind: 'type', subject: 'Report' }), 'Report')
  t.same([article.record, article.list, article.proposed(() => ({}))].map(subjectOf), ['Article', 'Article', 'Article'])
})
