/** A slip in the name of an action or a subject opens nothing: it stops the start. */
import t from 'tap'
import fc from 'fast-check'
import { Slips } from '../../lib/policies/slips.ts'
import { compiled, problemsOf } from './sources.ts'
import type { Files } from './sources.ts'

/** A policy of a role from its rules, each a flow map. */
function role (name: string, ...rules: readonly string[]): string {
  return `role: ${name}\nrules:\n${rules.map((rule) => `  - { ${rule} }\n`).join('')}`
}

const told = (files: Files): string[] => problemsOf(() => compiled(files))

const UPDATE = 'action: update, subject: Article'

const STRAY: readonly (readonly [what: string, files: Files, ...problems: string[]])[] = [
  ['an inverted rule about an action that is a slip away', { 'a.yaml': role('a', UPDATE, 'inverted: true, action: udpate, subject: Article, conditions: { status: archived }') },
    'a.yaml:4:5 rule a/2 is the only one with the action "udpate". Did you mean "update"?'],
  ['an inverted rule about an action that nothing allows', { 'a.yaml': role('a', UPDATE, 'action: publish, subject: Article', 'inverted: true, action: publishing, subject: Article') },
    'a.yaml:5:5 rule a/3 forbids "publishing" on "Article", which no rule allows. Did you mean "publish"?'],
  ['an inverted rule about an action that is allowed on other subjects', { 'a.yaml': role('a', UPDATE, 'action: delete, subject: Comment'), 'b.yaml': role('b', 'inverted: true, action: [update, delete], subject: Article') },
    'b.yaml:3:5 rule b/1 forbids "delete" on "Article", which no rule allows.'],
  ['an inverted rule about a subject that nothing is allowed on', { 'a.yaml': role('a', UPDATE, 'inverted: true, action: update, subject: [Article, Artcle], conditions: { locked: true }') },
    'a.yaml:4:5 rule a/2 forbids "update" on "Artcle", on which no rule allows anything. Did you mean "Article"?'],
  ['an inverted rule about an action that is not among those allowed on every subject', { 'a.yaml': role('a', 'action: export, subject: all', 'inverted: true, action: exporting, subject: Secret') },
    'a.yaml:4:5 rule a/2 forbids "exporting" on "Secret", which no rule allows. Did you mean "export"?'],
  ['an inverted rule for everything where nothing is allowed', { 'a.yaml': role('a', 'inverted: true, action: manage, subject: all') },
    'a.yaml:3:5 rule a/1 forbids "manage" on "all", on which no rule allows anything.'],
  ['an inverted rule on every subject about what nothing allows', { 'a.yaml': role('a', UPDATE, 'inverted: true, action: export, subject: all') },
    'a.yaml:4:5 rule a/2 forbids "export" on "all", which no rule allows.'],
  ['an allowing rule about an action that is a slip away from a known one', { 'a.yaml': role('a', 'action: [read, creat], subject: Article') },
    'a.yaml:3:5 rule a/1 is the only one with the action "creat". Did you mean "create"?'],
  ['an action that is a slip away from one that two rules name', { 'a.yaml': role('a', 'action: publish, subject: Article', 'action: publish, subject: Page', 'action: pubblish, subject: Comment') },
    'a.yaml:5:5 rule a/3 is the only one with the action "pubblish". Did you mean "publish"?'],
  ['every action by another word', { 'a.yaml': role('a', 'action: Manage, subject: Article', 'action: [read, MANAGE], subject: Page', 'action: "*", subject: Comment', 'action: All, subject: Note') },
    'a.yaml:3:5 rule a/1 has the action "Manage": every action is "manage"',
    'a.yaml:4:5 rule a/2 has the action "MANAGE": every action is "manage"',
    'a.yaml:5:5 rule a/3 has the action "*": every action is "manage"',
    'a.yaml:6:5 rule a/4 has the action "All": every action is "manage"'],
  ['every subject by another word', { 'a.yaml': role('a', 'action: read, subject: All', 'action: update, subject: [Page, ALL]', 'inverted: true, action: delete, subject: "*"', 'action: create, subject: manage') },
    'a.yaml:3:5 rule a/1 has the subject "All": every subject is "all"',
    'a.yaml:4:5 rule a/2 has the subject "ALL": every subject is "all"',
    'a.yaml:5:5 rule a/3 has the subject "*": every subject is "all"',
    'a.yaml:6:5 rule a/4 has the subject "manage": every subject is "all"'],
  ['patterns of actions and subjects', { 'a.yaml': role('a', 'action: "article:*", subject: Article', 'action: read, subject: "Art*"') },
    'a.yaml:3:5 rule a/1 has the action "article:*": only "fields" are patterns; every action is "manage"',
    'a.yaml:4:5 rule a/2 has the subject "Art*": only "fields" are patterns; every subject is "all"'],
]

for (const [what, files, ...problems] of STRAY) {
  t.test(`law 11: the start tells ${what}`, async (t) => {
    t.strictSame(told(files), problems)
  })
}

const MEANT: readonly (readonly [what: string, files: Files])[] = [
  ['that forbid some of what "manage" allows', { 'a.yaml': role('a', 'action: manage, subject: Article', 'inverted: true, action: [publish, export], subject: Article') }],
  ['that forbid something on one of "all"', { 'a.yaml': role('a', 'action: manage, subject: all', 'inverted: true, action: read, subject: [Article, Secret]') }],
  ['that forbid all that another policy allows', { 'a.yaml': role('a', UPDATE), 'b.yaml': role('b', 'inverted: true, action: manage, subject: all') }],
  ['that forbid every action on a subject', { 'a.yaml': role('a', UPDATE, 'inverted: true, action: manage, subject: Article, conditions: { status: archived }') }],
  ['that forbid one action on every subject', { 'a.yaml': role('a', UPDATE, 'inverted: true, action: update, subject: all, conditions: { status: archived }') }],
  ['that forbid what only an emergency allows', { 'a.yaml': role('a', UPDATE, 'inverted: true, action: delete, subject: Article'), 'b.yaml': 'breakGlass: erasure\nrules:\n  - { action: delete, subject: Article }\n' }],
  ['with lists that fit together', { 'a.yaml': role('a', UPDATE, 'action: delete, subject: Comment', 'inverted: true, action: [update, delete], subject: [Article, Comment], conditions: { locked: true }') }],
  ['with lists of which each word is allowed somewhere', { 'a.yaml': role('a', UPDATE, 'action: delete, subject: Comment', 'inverted: true, action: [update, delete], subject: [Article, Comment, Note], conditions: { locked: true }', 'action: read, subject: Note') }],
  ['with two actions that are alike, each in two rules', { 'a.yaml': role('a', 'action: [post, poss], subject: Article', 'action: [post, poss], subject: Comment') }],
  ['with actions that are counted', { 'a.yaml': role('a', 'action: step1, subject: Article', 'action: step1, subject: Comment', 'action: step2, subject: Article', 'action: read2, subject: Article') }],
  ['with short actions', { 'a.yaml': role('a', 'action: pin, subject: Article', 'action: pin, subject: Comment', 'action: bin, subject: Article') }],
  ['with known actions, each in one rule', { 'a.yaml': role('a', 'action: [create, read, update, delete], subject: Article') }],
]

for (const [what, files] of MEANT) {
  t.test(`no mistake are rules ${what}`, async (t) => {
    t.strictSame(told(files), [])
  })
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyzäßé🚀'
const letter = fc.constantFrom(...LETTERS.split(''))

t.test('one letter more, less or other, or two swapped, is a slip wherever it is', async (t) => {
  const slips = fc.tuple(fc.array(letter, { minLength: 4, maxLength: 20 }), fc.nat(), letter, fc.constantFrom('more', 'less', 'other', 'swapped'))
  fc.assert(fc.property(slips, ([letters, at, other, slip]) => {
    const index = at % letters.length
    const written = {
      more: letters.toSpliced(index, 0, other),
      less: letters.toSpliced(index, 1),
      other: letters.with(index, other),
      swapped: index === 0 ? letters : letters.with(index, letters[index - 1] as string).with(index - 1, letters[index] as string),
    }[slip].join('')
    const word = letters.join('')
    return new Slips([word]).meantBy(written) === (written === word ? undefined : word)
  }))
  t.equal(new Slips(['update']).meantBy('upadet'), undefined, 'two slips are another word')
  t.equal(new Slips(['abcde']).meantBy('bcdea'), undefined)
  t.equal(new Slips(['a'.repeat(65)]).meantBy('a'.repeat(64)), undefined, 'what nobody writes by hand')
  t.equal(new Slips(['update']).meantBy('update2'), undefined)
})

t.test('many words take little time', async (t) => {
  const actions = Array.from({ length: 10_000 }, (_, index) => `action${String.fromCharCode(97 + index % 26)}${index}`)
  const known = new Slips(actions)
  t.equal(known.meantBy('actionsss'), undefined)
  t.equal(known.meantBy('actioon'), undefined)
})
