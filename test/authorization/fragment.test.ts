import t from 'tap'
import { ALWAYS, and, identifier, marked, NEVER, numbered, or, sql, text, value } from '../../lib/authorization/filters/fragment.ts'

t.test('a value is a placeholder wherever it stands, and text stays where it was', async (t) => {
  const inner = sql`${identifier('t.a"b')} = ${value('$1 ?')}`
  const outer = sql`(${inner}) AND x < ${value(2)} ${text('LIMIT')} ${value(3)}`
  t.equal(numbered(outer, 1), '("t"."a""b" = $1) AND x < $2 LIMIT $3')
  t.equal(numbered(outer, 10), '("t"."a""b" = $10) AND x < $11 LIMIT $12')
  t.equal(marked(outer), '("t"."a""b" = ?) AND x < ? LIMIT ?')
  t.same(outer.values, ['$1 ?', 2, 3])
  t.equal(numbered(text('$9'), 1), '$9')
})

t.test('nothing in an AND is always true, nothing in an OR never', async (t) => {
  const [a, b] = [text('a'), text('b')]
  t.equal(and([]), ALWAYS)
  t.equal(and([ALWAYS, ALWAYS]), ALWAYS)
  t.equal(and([a, NEVER]), NEVER)
  t.equal(and([ALWAYS, a]), a)
  t.equal(or([]), NEVER)
  t.equal(or([NEVER]), NEVER)
  t.equal(or([a, ALWAYS]), ALWAYS)
  t.equal(or([NEVER, a]), a)
  t.equal(marked(and([a, or([a, b]), and([a, b])])), 'a AND (a OR b) AND a AND b')
  t.equal(marked(or([and([a, b]), or([a, b])])), '(a AND b) OR a OR b')
})
