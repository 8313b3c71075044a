import t from 'tap'
import { lackingTexts, placeText, whyNot } from '../../lib/authorization/why-not.ts'
import { abilityOf } from './abilities.ts'

t.test('an inverted rule is named, with its reason where it has one', async (t) => {
  const ability = abilityOf([
    { action: ['update', 'delete'], subject: 'Post' },
    { action: 'update', subject: 'Post', inverted: true, conditions: { status: 'archived' }, reason: 'archived articles stay as they are' },
    { action: 'delete', subject: 'Post', inverted: true },
  ])
  t.equal(whyNot(ability, 'update', 'Post', { status: 'archived' }), 'rule member/2 forbids it: archived articles stay as they are')
  t.equal(whyNot(ability, 'delete', 'Post', {}), 'rule member/3 forbids it')
  t.equal(whyNot(ability, 'delete', 'Post'), 'rule member/3 forbids it')
})

t.test('authz T15: where no rule allows it, the log learns names and no values', async (t) => {
  const ability = abilityOf([{ action: 'read', subject: 'Post', conditions: { authorId: 'ada' } }])
  t.equal(whyNot(ability, 'read', 'Post', { authorId: 'grace', ssn: '078-05-1120' }), 'no rule allows "read" on this Post')
  t.equal(whyNot(ability, 'burn', 'Post'), 'no rule allows "burn" on any Post')
})

t.test('each rule that could not be judged is told once, with what it needs', async (t) => {
  const ability = abilityOf([
    { action: 'read', subject: 'Post', conditions: { 'org.id': '$user.org.id' } },
    { action: 'read', subject: 'Post', conditions: { level: { $lt: 5 } } },
  ])
  for (let times = 0; times < 3; times++) ability.allows('read', 'Post', {})
  t.same(lackingTexts(ability.lacking).toSorted(), ['member/1 needs user.org.id', 'member/2 needs a value of the record'])
  t.same(lackingTexts([]), [])
})

t.test('a place is a file, with its line where that is known', async (t) => {
  t.equal(placeText({ file: 'policies/author.yaml', line: 9, column: 5 }), 'policies/author.yaml:9')
  t.equal(placeText({ file: 'account-state' }), 'account-state')
})
