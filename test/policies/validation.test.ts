/** What a policy file may not say, and the exact words in which it is told. */
import t from 'tap'
import fc from 'fast-check'
import { compilePolicies } from '../../lib/policies/compile.ts'
import { PolicyError } from '../../lib/policies/problems.ts'
import { compiled, problemsOf, sources } from './sources.ts'
import type { Files } from './sources.ts'

const SUBJECTS = `user:
  tenant: tenantId
  attributes:
    id: integer
    tenantId: string
    name: string
    teams: array
    address: object
    suspended: boolean
subjects:
  Article:
    tenant: tenantId
    attributes:
      id: integer
      tenantId: string
      authorId: integer
      status: { type: string, enum: [draft, published, archived] }
      title: { type: string, optional: true }
      score: number
      createdAt: date
      done: boolean
      tags: array
      meta: object
  Comment:
    attributes: { text: string, authorId: integer }
`

/** A policy with one rule, whose further lines are given. */
function rule (lines: string): string {
  return `role: author\nrules:\n  - action: update\n    subject: Article\n${lines.replace(/^/gm, '    ')}\n`
}

function conditions (map: string): string {
  return rule(`conditions: ${map}`)
}

const CASES: readonly { promise: string, files: Files, problems: readonly string[] }[] = [
  {
    promise: 'authz T4: an unknown key in a rule is an error with the nearest word',
    files: { 'author.yaml': rule('condition: { a: 1 }') },
    problems: [
      'author.yaml:5:5 unknown key "condition" in a rule. Did you mean "conditions"?',
    ],
  },
  {
    promise: 'authz T4: an unknown key with no near word lists what is allowed',
    files: { 'author.yaml': rule('xyzzyx: 1') },
    problems: [
      'author.yaml:5:5 unknown key "xyzzyx" in a rule. Allowed: action, subject, fields, conditions, inverted, reason, code, crossTenant, relation, environment, state, expose',
    ],
  },
  {
    promise: 'an unknown key at the top is an error',
    files: { 'author.yaml': 'rolle: author\nrole: author\n' },
    problems: [
      'author.yaml:1:1 unknown key "rolle" in a policy. Did you mean "role"?',
    ],
  },
  {
    promise: 'an empty file is an error',
    files: { 'author.yaml': '' },
    problems: [
      'author.yaml:1:1 a policy must be a map; it is nothing',
    ],
  },
  {
    promise: 'a list is no policy',
    files: { 'author.yaml': '- a' },
    problems: [
      'author.yaml:1:1 a policy must be a map; it is a list',
    ],
  },
  {
    promise: 'authz T4: a rule without a subject is an error, not a rule for everything',
    files: { 'author.yaml': 'role: a\nrules:\n  - action: read\n' },
    problems: [
      'author.yaml:3:5 a rule needs "subject"; "all" means every subject',
    ],
  },
  {
    promise: 'a rule without an action is an error',
    files: { 'author.yaml': 'role: a\nrules:\n  - subject: A\n' },
    problems: [
      'author.yaml:3:5 a rule needs "action"',
    ],
  },
  {
    promise: 'rules of nothing are an error',
    files: { 'author.yaml': 'role: a\nrules:\n' },
    problems: [
      'author.yaml:2:7 "rules" must be a list; it is nothing',
    ],
  },
  {
    promise: 'a rule must be a map, and the others are still checked',
    files: { 'author.yaml': 'role: a\nrules: [read, { action: read }]\n' },
    problems: [
      'author.yaml:2:9 an entry of "rules" must be a map; it is a text',
      'author.yaml:2:15 a rule needs "subject"; "all" means every subject',
    ],
  },
  {
    promise: 'a text is not true or false',
    files: { 'author.yaml': rule('inverted: "yes"') },
    problems: [
      'author.yaml:5:15 "inverted" must be true or false; it is a text',
    ],
  },
  {
    promise: 'an empty list of fields is an error',
    files: { 'author.yaml': rule('fields: []') },
    problems: [
      'author.yaml:5:13 "fields" is empty; leave "fields" out to mean every field',
    ],
  },
  {
    promise: 'a field must be a text',
    files: { 'author.yaml': rule('fields: [1]') },
    problems: [
      'author.yaml:5:14 an entry of "fields" must be a text; it is a number',
    ],
  },
  {
    promise: 'authz T3: empty conditions are an error, not a rule for every record',
    files: { 'author.yaml': rule('conditions: {}') },
    problems: [
      'author.yaml:5:17 "conditions" is empty; leave "conditions" out to apply to every record',
    ],
  },
  {
    promise: 'authz T3: conditions of nothing are an error',
    files: { 'author.yaml': rule('conditions:') },
    problems: [
      'author.yaml:5:16 "conditions" must be a map; it is nothing',
    ],
  },
  {
    promise: 'an empty reason is an error',
    files: { 'author.yaml': rule('inverted: true\nreason: ""') },
    problems: [
      'author.yaml:6:13 "reason" is empty',
    ],
  },
  {
    promise: 'authz T13: names have no commas and no white space at their ends',
    files: { 'author.yaml': 'role: a\nrules:\n  - { action: "read,write", subject: " A" }\n' },
    problems: [
      'author.yaml:3:15 "read,write" is not a name: not empty, no commas, no control characters, no white space at its ends',
      'author.yaml:3:38 " A" is not a name: not empty, no commas, no control characters, no white space at its ends',
    ],
  },
  {
    promise: 'authz T4: a name is not empty',
    files: { 'author.yaml': 'role: ""\n' },
    problems: [
      'author.yaml:1:7 "" is not a name: not empty, no commas, no control characters, no white space at its ends',
    ],
  },
  {
    promise: 'nothing is listed twice',
    files: { 'author.yaml': 'role: a\nrules:\n  - { action: [read, write, read], subject: A }\n' },
    problems: [
      'author.yaml:3:16 "read" is listed twice in "action"',
    ],
  },
  {
    promise: 'a code has lower-case letters, digits and _',
    files: { 'author.yaml': rule('inverted: true\ncode: Not-Good') },
    problems: [
      'author.yaml:6:11 "Not-Good" is not a code: lower-case letters, digits and "_", beginning with a letter',
    ],
  },
  {
    promise: 'authz T2: an unknown operator is an error with the nearest word',
    files: { 'author.yaml': conditions('{ level: { $gtt: 5 } }') },
    problems: [
      'author.yaml:5:28 unknown operator "$gtt". Did you mean "$gt"?',
    ],
  },
  {
    promise: 'authz T2: an operator of MongoDB that is not known here is an error',
    files: { 'author.yaml': conditions('{ level: { $elemMatch: 5 } }') },
    problems: [
      'author.yaml:5:28 unknown operator "$elemMatch". Allowed: $eq, $ne, $lt, $lte, $gt, $gte, $in, $nin, $exists, $all, $size, $not',
    ],
  },
  {
    promise: 'authz T14: patterns are refused, with the reason',
    files: { 'author.yaml': conditions('{ title: { $regex: ^(a+)+$, $options: i } }') },
    problems: [
      'author.yaml:5:28 "$regex" is refused: a pattern can take seconds for one value (ReDoS); compare with "$eq" or "$in"',
      'author.yaml:5:45 "$options" is refused: it belongs to "$regex", and a pattern can take seconds for one value (ReDoS)',
    ],
  },
  {
    promise: 'authz T2: an unknown connective is an error',
    files: { 'author.yaml': conditions('{ $orr: [{ a: 1 }] }') },
    problems: [
      'author.yaml:5:19 unknown operator "$orr". Did you mean "$or"?',
    ],
  },
  {
    promise: 'authz T2: a comparison needs an attribute',
    files: { 'author.yaml': conditions('{ $eq: 1 }') },
    problems: [
      'author.yaml:5:19 "$eq" needs an attribute before it: { status: { $eq: … } }',
    ],
  },
  {
    promise: '$or needs a list',
    files: { 'author.yaml': conditions('{ $or: { a: 1 } }') },
    problems: [
      'author.yaml:5:24 "$or" needs a list of conditions that is not empty',
    ],
  },
  {
    promise: '$and of nothing is an error',
    files: { 'author.yaml': conditions('{ $and: [] }') },
    problems: [
      'author.yaml:5:25 "$and" needs a list of conditions that is not empty',
    ],
  },
  {
    promise: 'authz T3: an empty condition inside another one is an error',
    files: { 'author.yaml': conditions('{ $nor: [{}] }') },
    problems: [
      'author.yaml:5:26 an empty condition would apply to every record; leave it out if that is meant',
    ],
  },
  {
    promise: '$not needs a condition',
    files: { 'author.yaml': conditions('{ $not: a }') },
    problems: [
      'author.yaml:5:25 a condition must be a map, not "a"',
    ],
  },
  {
    promise: '$not at an attribute needs operators',
    files: { 'author.yaml': conditions('{ a: { $not: 1 } }') },
    problems: [
      'author.yaml:5:30 "$not" needs a map of operators, not 1; for a value write "$ne"',
    ],
  },
  {
    promise: 'authz T2: operators and plain keys do not mix',
    files: { 'author.yaml': conditions('{ a: { $gt: 1, b: 2 } }') },
    problems: [
      'author.yaml:5:32 operators and the plain key "b" stand in one map',
    ],
  },
  {
    promise: 'authz T2: a nested map is not compared as a value',
    files: { 'author.yaml': conditions('{ org: { id: 1 } }') },
    problems: [
      'author.yaml:5:24 a map is no value; for a nested attribute write a dotted path, "org.id"',
    ],
  },
  {
    promise: 'authz T3: an attribute compared with an empty map is an error',
    files: { 'author.yaml': conditions('{ org: {} }') },
    problems: [
      'author.yaml:5:24 "org" is compared with an empty map',
    ],
  },
  {
    promise: 'a list as value is an error that names $in and $all',
    files: { 'author.yaml': conditions('{ tags: [a] }') },
    problems: [
      'author.yaml:5:25 "$eq" needs a single value; for a list write "$in" (one of them) or "$all" (all of them)',
    ],
  },
  {
    promise: '$in needs a list',
    files: { 'author.yaml': conditions('{ a: { $in: x } }') },
    problems: [
      'author.yaml:5:29 "$in" needs a list or a template, not "x"',
    ],
  },
  {
    promise: '$nin of nothing is an error',
    files: { 'author.yaml': conditions('{ a: { $nin: [] } }') },
    problems: [
      'author.yaml:5:30 "$nin" has an empty list',
    ],
  },
  {
    promise: 'authz T16: a list has values of one kind',
    files: { 'author.yaml': conditions('{ a: { $in: [1, a, null] } }') },
    problems: [
      'author.yaml:5:29 "$in" has values of different kinds: number, string',
    ],
  },
  {
    promise: 'a list has single values',
    files: { 'author.yaml': conditions('{ a: { $in: [{ b: 1 }] } }') },
    problems: [
      'author.yaml:5:29 "$in" has {"b":1} in its list; only single values can stand there',
    ],
  },
  {
    promise: 'null cannot stand under $all',
    files: { 'author.yaml': conditions('{ a: { $all: [null] } }') },
    problems: [
      'author.yaml:5:30 "$all" has null in its list; only single values can stand there',
    ],
  },
  {
    promise: 'a template cannot stand inside a list',
    files: { 'author.yaml': conditions('{ a: { $in: [$user.id] } }') },
    problems: [
      'author.yaml:5:29 "$in" has a template inside its list: write "$or", or one template in place of the list',
    ],
  },
  {
    promise: 'only numbers and texts have an order',
    files: { 'author.yaml': conditions('{ a: { $lt: true, $gt: null, $lte: [1] } }') },
    problems: [
      'author.yaml:5:29 "$lt" needs a number, a text or a template, not true',
      'author.yaml:5:40 "$gt" needs a number, a text or a template, not null',
      'author.yaml:5:52 "$lte" needs a single value; for a list write "$in" (one of them) or "$all" (all of them)',
    ],
  },
  {
    promise: '$exists needs true or false',
    files: { 'author.yaml': conditions('{ a: { $exists: 1 } }') },
    problems: [
      'author.yaml:5:33 "$exists" needs true or false, not 1',
    ],
  },
  {
    promise: '$size needs a whole number',
    files: { 'author.yaml': conditions('{ a: { $size: -1 }, b: { $size: 1.5 }, c: { $size: $user.n } }') },
    problems: [
      'author.yaml:5:31 "$size" needs a whole number from 0, not -1',
      'author.yaml:5:49 "$size" needs a whole number from 0, not 1.5',
      'author.yaml:5:68 "$size" needs a whole number from 0, not "$user.n"',
    ],
  },
  {
    promise: '$eq needs a single value',
    files: { 'author.yaml': conditions('{ a: { $eq: { b: 1 } } }') },
    problems: [
      'author.yaml:5:29 "$eq" needs a single value, not {"b":1}',
    ],
  },
  {
    promise: 'paths that reach a prototype are refused',
    files: { 'author.yaml': conditions('{ __proto__: 1, a.constructor.b: 2, prototype: 1 }') },
    problems: [
      'author.yaml:5:19 "__proto__" is not allowed in a path',
      'author.yaml:5:33 "constructor" is not allowed in a path',
      'author.yaml:5:53 "prototype" is not allowed in a path',
    ],
  },
  {
    promise: 'a path has named parts and no operators',
    files: { 'author.yaml': conditions('{ a..b: 1, "": 2, " a": 3, a.$b: 4 }') },
    problems: [
      'author.yaml:5:19 "a..b" has an empty part',
      'author.yaml:5:28 "" has an empty part',
      'author.yaml:5:35 " a" is not a name: not empty, no commas, no control characters, no white space at its ends',
      'author.yaml:5:44 "$b" in the middle of a path is not allowed',
    ],
  },
  {
    promise: 'authz T3: an unknown template is an error with the nearest one',
    files: { 'author.yaml': conditions('{ a: $usr.id, b: $now, c: "$' + '{user.id}", d: $user, e: $user. }') },
    problems: [
      'author.yaml:5:22 unknown template "$usr.id". Did you mean "$user.id"? Only "$user.…" and "$environment.…" are known; a text that starts with "$" is written with two, "$$usr.id"',
      'author.yaml:5:34 unknown template "$now". Only "$user.…" and "$environment.…" are known; a text that starts with "$" is written with two, "$$now"',
      'author.yaml:5:43 unknown template "$' + '{user.id}". Did you mean "$user.id"? Only "$user.…" and "$environment.…" are known; a text that starts with "$" is written with two, "$$' + '{user.id}"',
      'author.yaml:5:60 unknown template "$user". Did you mean "$user.id"? Only "$user.…" and "$environment.…" are known; a text that starts with "$" is written with two, "$$user"',
      'author.yaml:5:70 in the template "$user.": "" has an empty part',
    ],
  },
  {
    promise: 'a template inside a longer text is an error',
    files: { 'author.yaml': conditions('{ a: x-$user.id, b: "{{ user.id }}" }') },
    problems: [
      'author.yaml:5:22 "x-$user.id" has a template inside a longer text: a template stands alone, "$user.id"',
      'author.yaml:5:37 "{{ user.id }}" has a template inside a longer text: a template stands alone, "$user.id"',
    ],
  },
  {
    promise: 'authz T3: an unknown template in place of a list is an error',
    files: { 'author.yaml': conditions('{ a: { $in: $usr.ids } }') },
    problems: [
      'author.yaml:5:29 unknown template "$usr.ids". Did you mean "$user.ids"? Only "$user.…" and "$environment.…" are known; a text that starts with "$" is written with two, "$$usr.ids"',
    ],
  },
  {
    promise: 'a template cannot reach a prototype',
    files: { 'author.yaml': conditions('{ a: $user.__proto__ }') },
    problems: [
      'author.yaml:5:22 in the template "$user.__proto__": "__proto__" is not allowed in a path',
    ],
  },
  {
    promise: 'numbers that cannot be compared exactly are errors',
    files: { 'author.yaml': conditions('{ a: .nan, b: -.inf, c: 9007199254740993 }') },
    problems: [
      'author.yaml:5:22 NaN is not a value',
      'author.yaml:5:31 -Infinity is not a value',
      'author.yaml:5:41 a whole number beyond 2^53 is not exact; write it as a text',
    ],
  },
  {
    promise: 'a field cannot reach a prototype',
    files: { 'author.yaml': rule('fields: [a.__proto__, "a..b"]') },
    problems: [
      'author.yaml:5:14 "__proto__" is not allowed in a path',
      'author.yaml:5:27 "a..b" has an empty part',
    ],
  },
  {
    promise: 'code and reason on an allowing rule are errors',
    files: { 'author.yaml': rule('code: nope\nreason: because') },
    problems: [
      'author.yaml:5:5 "code" on an allowing rule: nobody would ever see it; it belongs to an inverted rule',
      'author.yaml:6:5 "reason" on an allowing rule: nobody would ever see it; it belongs to an inverted rule',
    ],
  },
  {
    promise: 'crossTenant on an inverted rule is an error',
    files: { 'author.yaml': rule('inverted: true\ncrossTenant: true') },
    problems: [
      'author.yaml:6:5 "crossTenant" on an inverted rule: what is forbidden is forbidden in every tenant',
    ],
  },
  {
    promise: 'a policy is for a role, for a set of users, or pre-checks',
    files: { 'author.yaml': 'rules: []' },
    problems: [
      'author.yaml:1:1 a policy needs "role", "when", "deny" or "breakGlass"',
    ],
  },
  {
    promise: 'role and when do not stand together',
    files: { 'author.yaml': 'role: a\nwhen: { plan: pro }\nrules: []\n' },
    problems: [
      'author.yaml:2:1 "when" does not go with "role": a policy with "role" has role, inherits, quota, rules, tests',
    ],
  },
  {
    promise: 'a policy with when inherits nothing',
    files: { 'author.yaml': 'when: { plan: pro }\ninherits: a\nrules: []\n' },
    problems: [
      'author.yaml:2:1 "inherits" does not go with "when": a policy with "when" has name, when, denied, quota, rules, tests',
    ],
  },
  {
    promise: 'a policy with a role has no denied and no name',
    files: { 'author.yaml': 'role: a\ndenied: { code: x }\nname: b\n' },
    problems: [
      'author.yaml:2:1 "denied" does not go with "role": a policy with "role" has role, inherits, quota, rules, tests',
      'author.yaml:3:1 "name" does not go with "role": a policy with "role" has role, inherits, quota, rules, tests',
    ],
  },
  {
    promise: 'denied needs a code',
    files: { 'author.yaml': 'when: { plan: pro }\ndenied: {}\nrules: []\n' },
    problems: [
      'author.yaml:2:9 "denied" needs "code"',
    ],
  },
  {
    promise: 'a policy with when needs rules or a quota',
    files: { 'author.yaml': 'when: { plan: pro }\n' },
    problems: [
      'author.yaml:1:1 a policy with "when" needs "rules" or "quota"',
    ],
  },
  {
    promise: 'pre-checks stand alone',
    files: { 'author.yaml': 'deny: [{ code: a, when: { x: true } }]\nrules: []\n' },
    problems: [
      'author.yaml:2:1 "rules" does not go with "deny": a policy with "deny" has name, deny, tests',
    ],
  },
  {
    promise: 'an empty list of pre-checks is an error',
    files: { 'author.yaml': 'deny: []' },
    problems: [
      'author.yaml:1:7 "deny" is empty',
    ],
  },
  {
    promise: 'a pre-check needs a code and a condition',
    files: { 'author.yaml': 'deny: [{ code: a }, { when: { x: 1 } }, { code: b, when: {} }]' },
    problems: [
      'author.yaml:1:8 a pre-check needs "when"',
      'author.yaml:1:21 a pre-check needs "code"',
      'author.yaml:1:58 "when" is empty',
    ],
  },
  {
    promise: 'an inherited role must exist',
    files: { 'a.yaml': 'role: reader\n', 'b.yaml': 'role: author\ninherits: raeder\n', 'c.yaml': 'role: editor\ninherits: [reader, zzzzzzzz]\n' },
    problems: [
      'b.yaml:2:11 unknown role "raeder". Did you mean "reader"?',
      'c.yaml:2:20 unknown role "zzzzzzzz". Allowed: reader, author, editor',
    ],
  },
  {
    promise: 'roles that inherit in a circle are an error that shows it',
    files: { 'a.yaml': 'role: a\ninherits: b\n', 'b.yaml': 'role: b\ninherits: [c]\n', 'c.yaml': 'role: c\ninherits: a\n', 'd.yaml': 'role: d\ninherits: d\n' },
    problems: [
      'c.yaml:2:11 roles inherit in a circle: a > b > c > a',
      'd.yaml:2:11 roles inherit in a circle: d > d',
    ],
  },
  {
    promise: 'the role anonymous inherits nothing',
    files: { 'a.yaml': 'role: anonymous\ninherits: b\n', 'b.yaml': 'role: b\n' },
    problems: [
      'a.yaml:2:11 every role inherits "anonymous", so it cannot inherit "b"',
    ],
  },
  {
    promise: 'a name that is defined twice is an error with both places',
    files: { 'a.yaml': 'role: a\n', 'b.yaml': '# b\nrole: a\n', 'x/pro.yaml': 'when: { plan: pro }\nrules: []\n', 'y/pro.yaml': 'name: pro\ndeny: [{ code: x, when: { a: 1 } }]\n' },
    problems: [
      'b.yaml:2:7 the role "a" is defined twice; the other is at a.yaml:1:7',
      'y/pro.yaml:1:1 the policy "pro" is defined twice; the other is at x/pro.yaml:1:1',
    ],
  },
  {
    promise: 'subjects are declared once',
    files: { 'a/subjects.yaml': 'subjects: { A: {} }', 'b/subjects.json': '{ "user": {} }' },
    problems: [
      'b/subjects.json:1:1 the subjects are declared twice; the other file is a/subjects.yaml',
    ],
  },
  {
    promise: 'authz T4: an undeclared subject is an error',
    files: { 'author.yaml': 'role: a\nrules:\n  - { action: read, subject: [Artcle, Comment, all] , crossTenant: true}\n  - { action: read, subject: Banana }\n', 'subjects.yaml': SUBJECTS },
    problems: [
      'author.yaml:3:31 unknown subject "Artcle". Did you mean "Article"?',
      'author.yaml:4:30 unknown subject "Banana". Allowed: Article, Comment, all',
    ],
  },
  {
    promise: 'an undeclared attribute is an error',
    files: { 'author.yaml': conditions('{ autorId: 1, meta.x: 1, tags.x: 1 }'), 'subjects.yaml': SUBJECTS },
    problems: [
      'author.yaml:5:19 unknown attribute "autorId" of Article. Did you mean "authorId"?',
      'author.yaml:5:42 unknown attribute "tags.x" of Article. Did you mean "tags"?',
    ],
  },
  {
    promise: 'a condition names attributes that every subject of the rule has',
    files: { 'author.yaml': 'role: a\nrules:\n  - { action: read, subject: [Article, Comment], conditions: { status: draft, authorId: 5 } }\n', 'subjects.yaml': SUBJECTS },
    problems: [
      'author.yaml:3:64 unknown attribute "status" of Comment. Allowed: text, authorId',
    ],
  },
  {
    promise: 'a condition of a rule for all names attributes of some subject',
    files: { 'author.yaml': 'role: a\nrules:\n  - { action: read, subject: all, crossTenant: true, conditions: { authorId: 5, autor: 1 } }\n', 'subjects.yaml': SUBJECTS },
    problems: [
      'author.yaml:3:81 unknown attribute "autor" of any subject. Allowed: id, tenantId, authorId, status, title, score, createdAt, done, tags, meta, text',
    ],
  },
  {
    promise: 'a rule for all must say that it crosses tenants',
    files: { 'author.yaml': 'role: a\nrules:\n  - { action: read, subject: all }\n', 'subjects.yaml': SUBJECTS },
    problems: [
      'author.yaml:3:30 "all" reaches records of every tenant (Article has one): write "crossTenant: true" or name the subjects',
    ],
  },
  {
    promise: 'authz T16: a value of another type than declared is an error',
    files: { 'author.yaml': conditions('{ authorId: "5", id: 1.5, title: 5, createdAt: yesterday, score: { $gt: "x" }, done: 1, tags: a, meta: 1 }'), 'subjects.yaml': SUBJECTS },
    problems: [
      'author.yaml:5:29 "authorId" of Article is integer: "5" does not fit',
      'author.yaml:5:38 "id" of Article is integer: 1.5 does not fit',
      'author.yaml:5:50 "title" of Article is string: 5 does not fit',
      'author.yaml:5:64 "createdAt" of Article is date: "yesterday" does not fit; write a date that exists, "2026-01-31", or with a time "2026-01-31T09:00:00Z"',
      'author.yaml:5:89 "score" of Article is number: "x" does not fit',
      'author.yaml:5:102 "done" of Article is boolean: 1 does not fit',
      'author.yaml:5:111 "$eq" does not fit "tags" of Article, which is array. Allowed: $all, $size, $exists',
      'author.yaml:5:120 "$eq" does not fit "meta" of Article, which is object. Allowed: $exists',
    ],
  },
  {
    promise: 'values of the declared types are no errors',
    files: { 'author.yaml': conditions('{ id: { $lt: 1.5 }, title: { $ne: null }, createdAt: { $gt: 2024-01-01 }, score: 1.5, done: true, tags: { $all: [a], $size: 2 }, meta: { $exists: true }, meta.x.y: 1, status: { $in: [draft, null] } }'), 'subjects.yaml': SUBJECTS },
    problems: [],
  },
  {
    promise: 'an operator must fit the declared type',
    files: { 'author.yaml': conditions('{ done: { $lt: 5 }, tags: { $in: $user.teams }, title: { $size: 1 } }'), 'subjects.yaml': SUBJECTS },
    problems: [
      'author.yaml:5:32 "$lt" does not fit "done" of Article, which is boolean. Allowed: $eq, $ne, $in, $nin, $exists',
      'author.yaml:5:50 "$in" does not fit "tags" of Article, which is array. Allowed: $all, $size, $exists',
      'author.yaml:5:81 "$size" does not fit "title" of Article, which is string. Allowed: $eq, $ne, $in, $nin, $exists, $lt, $lte, $gt, $gte',
    ],
  },
  {
    promise: 'a value outside of the enumeration is an error with the nearest one',
    files: { 'author.yaml': conditions('{ status: archivd }'), 'subjects.yaml': SUBJECTS },
    problems: [
      'author.yaml:5:27 "archivd" is no value of "status" of Article. Did you mean "archived"?',
    ],
  },
  {
    promise: 'a value outside of the enumeration is an error in a list too',
    files: { 'author.yaml': conditions('{ status: { $in: [draft, zzzzzzzz] } }'), 'subjects.yaml': SUBJECTS },
    problems: [
      'author.yaml:5:34 "zzzzzzzz" is no value of "status" of Article. Allowed: draft, published, archived',
    ],
  },
  {
    promise: 'a value outside of the enumeration is an error in an order too',
    files: { 'author.yaml': conditions('{ status: { $gt: archivd } }'), 'subjects.yaml': SUBJECTS },
    problems: [
      'author.yaml:5:34 "archivd" is no value of "status" of Article. Did you mean "archived"?',
    ],
  },
  {
    promise: 'an undeclared attribute of the user is an error',
    files: { 'author.yaml': conditions('{ authorId: $user.idd }'), 'subjects.yaml': SUBJECTS },
    problems: [
      'author.yaml:5:29 unknown attribute "idd" of the user. Did you mean "id"?',
    ],
  },
  {
    promise: 'authz T16: a template of another type than the attribute is an error',
    files: { 'author.yaml': conditions('{ authorId: $user.name, id: { $in: $user.id }, score: $user.teams, done: $user.address, title: { $gt: $user.suspended } }'), 'subjects.yaml': SUBJECTS },
    problems: [
      'author.yaml:5:29 $user.name is string, "authorId" of Article is integer: they are never equal',
      'author.yaml:5:52 "$in" needs a list: $user.id is integer',
      'author.yaml:5:71 "$eq" needs a single value: $user.teams is array',
      'author.yaml:5:90 "$eq" needs a single value: $user.address is object',
      'author.yaml:5:119 "$gt" needs a number or a text: $user.suspended is boolean',
    ],
  },
  {
    promise: 'templates of the declared types are no errors',
    files: { 'author.yaml': conditions('{ authorId: $user.id, score: { $lt: $user.id }, title: $user.name, createdAt: { $lt: $user.name }, id: { $nin: $user.teams }, tags: { $all: $user.teams }, status: $user.address.x }'), 'subjects.yaml': SUBJECTS },
    problems: [],
  },
  {
    promise: 'when names declared attributes of the user',
    files: { 'author.yaml': 'when: { plann: 1, suspended: "x", name: $user.tenantid }\nrules: []\n', 'subjects.yaml': SUBJECTS },
    problems: [
      'author.yaml:1:9 unknown attribute "plann" of the user. Allowed: id, tenantId, name, teams, address, suspended',
      'author.yaml:1:30 "suspended" of the user is boolean: "x" does not fit',
      'author.yaml:1:41 unknown attribute "tenantid" of the user. Did you mean "tenantId"?',
    ],
  },
  {
    promise: 'an undeclared field is an error',
    files: { 'author.yaml': rule('fields: [titel, meta.x, "stat*"]'), 'subjects.yaml': SUBJECTS },
    problems: [
      'author.yaml:5:14 unknown field "titel" of Article. Did you mean "title"?',
    ],
  },
  {
    promise: 'an undeclared field is an error without a list too',
    files: { 'author.yaml': rule('fields: titel'), 'subjects.yaml': SUBJECTS },
    problems: [
      'author.yaml:5:13 unknown field "titel" of Article. Did you mean "title"?',
    ],
  },
  {
    promise: 'a pattern of fields matches something',
    files: { 'author.yaml': rule('fields: "titel*"'), 'subjects.yaml': SUBJECTS },
    problems: [
      'author.yaml:5:13 the pattern "titel*" matches no attribute of Article. Allowed: id, tenantId, authorId, status, title, score, createdAt, done, tags, meta',
    ],
  },
  {
    promise: 'an attribute has a known type',
    files: { 'subjects.yaml': 'user: { attributes: { id: strng, b: { type: int }, c: {}, d: 5 } }' },
    problems: [
      'subjects.yaml:1:27 "strng" is not a type. Did you mean "string"?',
      'subjects.yaml:1:45 "int" is not a type. Allowed: string, integer, number, boolean, date, address, array, object',
      'subjects.yaml:1:55 an attribute needs "type"',
      'subjects.yaml:1:62 "d" must be a text or a map; it is a number',
    ],
  },
  {
    promise: 'an unknown key in subjects.yaml is an error',
    files: { 'subjects.yaml': 'subjects: { A: { attributes: { id: { type: string, enums: [a] } }, tennant: id } }' },
    problems: [
      'subjects.yaml:1:52 unknown key "enums" in an attribute. Did you mean "enum"?',
      'subjects.yaml:1:68 unknown key "tennant" in a subject. Did you mean "tenant"?',
    ],
  },
  {
    promise: 'subjects and attributes have names',
    files: { 'subjects.yaml': 'subjects: { "A,B": {}, A: { attributes: { " x": string, y.__proto__: string } } }' },
    problems: [
      'subjects.yaml:1:13 "A,B" is not a name: not empty, no commas, no control characters, no white space at its ends',
      'subjects.yaml:1:43 " x" is not a name: not empty, no commas, no control characters, no white space at its ends',
    ],
  },
  {
    promise: 'the tenant is a declared attribute, of the user too',
    files: { 'subjects.yaml': 'user: { attributes: { id: integer } }\nsubjects: { A: { tenant: idd, attributes: { id: string } }, B: { tenant: id, attributes: { id: string } } }' },
    problems: [
      'subjects.yaml:2:26 unknown attribute "idd" of A. Did you mean "id"?',
      'subjects.yaml:2:26 A belongs to a tenant, so "user" needs a "tenant" too',
      'subjects.yaml:2:74 B belongs to a tenant, so "user" needs a "tenant" too',
    ],
  },
  {
    promise: 'the tenants of user and subject can be equal',
    files: { 'subjects.yaml': 'user: { tenant: t, attributes: { t: integer } }\nsubjects: { A: { tenant: id, attributes: { id: string } }, B: { tenant: id, attributes: { id: array } } }' },
    problems: [
      'subjects.yaml:2:26 the tenant of A is string, the user\'s is integer: they are never equal',
      'subjects.yaml:2:73 the tenant of B is array, the user\'s is integer: they are never equal',
    ],
  },
  {
    promise: 'the tenant of the user is a declared attribute',
    files: { 'subjects.yaml': 'user: { tenant: tt, attributes: { t: integer } }\nsubjects: { A: { tenant: id, attributes: { id: string } } }' },
    problems: [
      'subjects.yaml:1:17 unknown attribute "tt" of the user. Did you mean "t"?',
    ],
  },
  {
    promise: 'a tenant needs a user with a tenant',
    files: { 'subjects.yaml': 'subjects: { A: { tenant: id, attributes: { id: string } } }' },
    problems: [
      'subjects.yaml:1:26 A belongs to a tenant, so "user" needs a "tenant" too',
    ],
  },
  {
    promise: 'an enumeration is not empty',
    files: { 'subjects.yaml': 'subjects: { A: { attributes: { id: { type: string, enum: [a, 1] }, l: { type: array, enum: [x] }, e: { type: string, enum: [] }, i: { type: integer, enum: [1, 1.5] } } } }' },
    problems: [
      'subjects.yaml:1:124 "enum" is empty',
    ],
  },
  {
    promise: 'an empty declaration is an error',
    files: { 'subjects.yaml': '{}' },
    problems: [
      'subjects.yaml:1:1 a declaration of subjects is empty',
    ],
  },
  {
    promise: 'a declared attribute cannot reach a prototype',
    files: { 'subjects.yaml': 'subjects: { A: { attributes: { y.__proto__: string } } }' },
    problems: [
      'subjects.yaml:1:32 "__proto__" is not allowed in a path',
    ],
  },
  {
    promise: 'an enumeration has values of the declared type',
    files: { 'subjects.yaml': 'subjects: { A: { attributes: { id: { type: string, enum: [a, 1] }, l: { type: array, enum: [x] }, i: { type: integer, enum: [1, 1.5] } } } }' },
    problems: [
      'subjects.yaml:1:62 "id" is string: 1 does not fit',
      'subjects.yaml:1:93 "l" is array: "x" does not fit',
      'subjects.yaml:1:129 "i" is integer: 1.5 does not fit',
    ],
  },
  {
    promise: 'an escaped text is no list',
    files: { 'author.yaml': conditions('{ a: { $in: $$user.ids } }') },
    problems: [
      'author.yaml:5:29 "$in" needs a list or a template, not "$$user.ids"',
    ],
  },
  {
    promise: 'a list declares nothing',
    files: { 'subjects.yaml': '[]' },
    problems: [
      'subjects.yaml:1:1 a declaration of subjects must be a map; it is a list',
    ],
  },
  {
    promise: 'a subject without attributes has none to compare',
    files: { 'author.yaml': conditions('{ a: 1 }'), 'subjects.yaml': 'subjects: { Article: {} }' },
    problems: [
      'author.yaml:5:19 unknown attribute "a" of Article. Allowed: nothing',
    ],
  },
  {
    promise: 'a broken declaration does not accuse the policies',
    files: { 'author.yaml': conditions('{ x: 1 }'), 'subjects.yaml': 'subjects: { Artikel: 5 }' },
    problems: [
      'subjects.yaml:1:22 "Artikel" must be a map; it is a number',
    ],
  },
]

for (const { promise, files, problems } of CASES) {
  t.test(promise, async (t) => {
    t.strictSame(problemsOf(() => compiled(files)), problems)
  })
}
t.test('all problems of all files are told at once, in the order of the files', async (t) => {
  const files = { 'b.yaml': 'role: b\ncolour: red\ninherits: c\n', 'a.yaml': rule('conditions: { a: { $gtt: 1 }, b: $usr.id }\ncondition: {}') }
  t.strictSame(problemsOf(() => compiled(files)).map((line) => line.slice(0, line.indexOf(' ', 12))), [
    'a.yaml:5:24 unknown',
    'a.yaml:5:38 unknown',
    'a.yaml:6:5 unknown',
    'b.yaml:2:1 unknown',
    'b.yaml:3:11 unknown',
  ])
})

t.test('the error has a code, a status and its problems as data', async (t) => {
  const error = t.throws(() => compiled({ 'a.yaml': 'role: a\ncolour: red\n' })) as PolicyError
  t.ok(error instanceof PolicyError)
  t.match(error, {
    code: 'FST_GATEHOUSE_POLICY',
    statusCode: 500,
    problems: [{ place: { file: 'a.yaml', line: 2, column: 1 }, message: 'unknown key "colour" in a policy. Allowed: role, name, when, inherits, denied, breakGlass, deny, quota, rules, tests' }],
  })
})

t.test('a long value is cut in a message', async (t) => {
  t.strictSame(problemsOf(() => compiled({ 'a.yaml': `role: "${'x'.repeat(80)},"` })), [
    `a.yaml:1:7 "${'x'.repeat(58)}… is not a name: not empty, no commas, no control characters, no white space at its ends`,
  ])
})

t.test('policies without lines are told by path', async (t) => {
  const locate = () => ({ file: 'author.ts' })
  const problems = (content: unknown) => problemsOf(() => compilePolicies([{ file: 'author.ts', content, locate }]))
  const rules = (more: object) => problems({ role: 'author', rules: [{ action: 'read', subject: 'Article', ...more }] })

  t.test('authz T3: a value that was lost is an error, not an unconditional grant', async (t) => {
    t.strictSame(rules({ conditions: { tenantId: undefined } }), [
      'author.ts rules[0].conditions.tenantId: "tenantId" is undefined: its value was lost; to have no such key, leave it out',
    ])
    t.strictSame(rules({ conditions: undefined }), [
      'author.ts rules[0].conditions: "conditions" is undefined: its value was lost; to have no such key, leave it out',
    ])
    t.strictSame(problems({ role: 5n }), ['author.ts role: "role" must be a text; it is a number'])
    t.strictSame(problems(undefined), ['author.ts the policy is undefined: its value was lost; to have no such key, leave it out'])
    t.strictSame(problems({ role: 'author', rules: [{ action: 'read', subject: 'A' }, undefined] }), [
      'author.ts rules[1]: "1" is undefined: its value was lost; to have no such key, leave it out',
    ])
  })

  t.test('authz T13: what is not plain data is refused', async (t) => {
    class Level { readonly level = 1 }
    const nameless = new (class {})()
    const circle: Record<string, unknown> = {}
    circle['$not'] = circle
    let deep: object = { a: 1 }
    for (let level = 0; level < 70; level++) deep = { $not: deep }

    t.strictSame(rules({ conditions: { a: /x/, b: new Date(0), c: new Level(), d: nameless, e: () => true, f: Symbol('f') } }), [
      'author.ts rules[0].conditions.a: a RegExp is not plain data',
      'author.ts rules[0].conditions.b: a Date is not plain data',
      'author.ts rules[0].conditions.c: a Level is not plain data',
      'author.ts rules[0].conditions.d: an instance of a class is not plain data',
      'author.ts rules[0].conditions.e: a function is allowed only as "when" of deny()',
      'author.ts rules[0].conditions.f: a symbol is not plain data',
    ])
    t.strictSame(rules({ conditions: circle }), ['author.ts rules[0].conditions.$not: contains itself'])
    t.match(rules({ conditions: deep })[0], /nested more than 64 levels deep$/)
    t.strictSame(rules({ conditions: { [Symbol('$or')]: [], a: 1 } }), ['author.ts rules[0].conditions: unknown key Symbol($or): a key must be a text'])
    t.strictSame(rules({ conditions: { get a () { return 1 } } }), ['author.ts rules[0].conditions.a: "a" is a getter, not plain data'])
  })

  t.test('a function is allowed as a pre-check and nowhere else', async (t) => {
    t.strictSame(problems({ name: 'state', deny: [{ code: 'a', when: () => true }] }), [])
    t.strictSame(problems({ name: 'state', when: () => true, rules: [] }), ['author.ts when: a function is allowed only as "when" of deny()'])
  })

  t.test('large numbers keep their value as bigint', async (t) => {
    t.strictSame(rules({ conditions: { id: 9007199254740993n, other: { $in: [1n, 2] } } }), [])
    t.strictSame(rules({ conditions: { id: { $exists: 5n } } }), ['author.ts rules[0].conditions.id.$exists: "$exists" needs true or false, not 5n'])
  })
})

t.test('property: whatever a YAML or JSON file says, it compiles or is refused with a PolicyError', async () => {
  const word = fc.constantFrom('role', 'name', 'when', 'inherits', 'denied', 'deny', 'rules', 'action', 'subject', 'fields', 'conditions', 'inverted',
    'reason', 'code', 'crossTenant', 'user', 'subjects', 'attributes', 'tenant', 'type', 'enum', '__proto__', 'constructor', 'all', 'anonymous',
    '$or', '$not', '$in', '$eq', '$size', '$user.id', '$$', '$', 'a.b', '*', 'string', 'A')
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 6 },
      fc.oneof(word, fc.jsonValue({ maxDepth: 0 }), fc.string(), fc.double()),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.oneof({ weight: 5, arbitrary: word }, { weight: 1, arbitrary: fc.string() }), tie('value'), { maxKeys: 5 })
    ),
  }))
  fc.assert(fc.property(value, value, (policy, subjects) => {
    const text = JSON.stringify(policy) ?? ''
    problemsOf(() => compiled({ 'a.json': text, 'subjects.json': JSON.stringify(subjects) ?? '' }))
    problemsOf(() => compiled({ 'a.yaml': text }))
    problemsOf(() => compilePolicies([{ file: 'a', content: policy, locate: () => ({ file: 'a' }) }]))
  }), { numRuns: 500 })
})

t.test('property: random text is no crash', async () => {
  const soup = fc.array(fc.constantFrom('role: a', 'rules:', '- ', '  ', '\n', '{', '}', '[', ']', ': ', ',', '"', "'", '&a ', '*a', '!!set ', '? ', '| ', '%YAML 1.1\n', '---\n', '#', '\t', 'x')).map((parts) => parts.join(''))
  fc.assert(fc.property(fc.oneof(soup, fc.string({ unit: 'binary' })), (text) => {
    problemsOf(() => sources({ 'a.yaml': text }))
    problemsOf(() => sources({ 'a.json': text }))
  }), { numRuns: 300 })
})
