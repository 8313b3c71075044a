/** The JSON Schemas of a policy file and of subjects.yaml: what editors complete and what the structure is checked against. */

const CONTROL_OR_COMMA = ',\\p{Cc}'

/** Commas separate names in packed rules (facts: authorization T13); control characters would forge lines of a log. */
export const NAME = {
  type: 'string',
  title: 'a name',
  description: 'not empty, no commas, no control characters, no white space at its ends',
  pattern: `^(?!\\s)[^${CONTROL_OR_COMMA}]+(?<!\\s)$`,
} as const

export const CODE = {
  type: 'string',
  title: 'a code',
  description: 'lower-case letters, digits and "_", beginning with a letter',
  pattern: '^[a-z][a-z0-9_]*$',
} as const

export const ATTRIBUTE_TYPES = ['string', 'integer', 'number', 'boolean', 'date', 'address', 'array', 'object'] as const
export type AttributeType = typeof ATTRIBUTE_TYPES[number]

const CONDITION = {
  type: 'object',
  title: 'a condition',
  description: 'What a record must be like, in MongoDB\'s words. `$user.id` stands for a value of the user.',
  minProperties: 1,
} as const

const nameOrNames = (description: string) => ({
  title: NAME.title,
  description: NAME.description,
  $comment: description,
  type: ['string', 'array'],
  pattern: NAME.pattern,
  minItems: 1,
  uniqueItems: true,
  items: NAME,
} as const)

/** The states of a record that an update goes between. */
export const STATES = ['old', 'new'] as const
export type State = typeof STATES[number]

const RULE = {
  type: 'object',
  title: 'a rule',
  description: 'What may be done (or, inverted, what may not), in CASL\'s words. Any inverted rule that applies beats every allowing one.',
  additionalProperties: false,
  required: ['action', 'subject'],
  properties: {
    action: nameOrNames('What is done, `read`. `manage` is every action.'),
    subject: nameOrNames('The type of the records, `Article`. `all` is every subject.'),
    fields: nameOrNames('Fields or patterns (`address.*`). Left out: all fields.'),
    conditions: CONDITION,
    inverted: { type: 'boolean', description: 'True: what the rule describes is forbidden.' },
    reason: { type: 'string', minLength: 1, description: 'Why, for the log. For inverted rules.' },
    code: { ...CODE, $comment: 'What the client learns, in place of `insufficient_permissions`. For inverted rules.' },
    crossTenant: { type: 'boolean', description: 'True: an allowing rule that reaches records of every tenant.' },
    relation: nameOrNames('What the user must be to the record, as subjects.yaml says: `owner`. Of several, one.'),
    environment: { ...CONDITION, description: 'What the time (`now`), the client\'s address (`address`) and the like must be. Left out: anything.' },
    state: { type: 'string', title: 'a state', enum: STATES, description: 'Of an update: the record as it is (`old`) or as it will be (`new`). Left out: both.' },
    expose: { type: 'boolean', description: 'True: the front end may know this rule.' },
  },
} as const

/** Sent in quotes as it is in the fields `RateLimit` and `RateLimit-Policy` (RFC 9651 section 3.3.3). */
export const QUOTA_NAME = {
  type: 'string',
  title: 'a name of a quota',
  description: '1 to 64 printable ASCII characters without quotes and backslashes, no space at its ends',
  pattern: '^[!#-[\\]-~](?:[ !#-[\\]-~]{0,62}[!#-[\\]-~])?$',
} as const

/** Of the values only quotas.ts knows what they may be. */
const QUOTA = {
  type: 'object',
  title: 'a quota',
  description: 'How much of it there is.',
  additionalProperties: false,
  required: ['limit', 'window'],
  properties: {
    limit: { title: '"limit"', description: 'The most requests in the time of `window`; they come back one by one.' },
    window: { title: '"window"', description: 'The time: seconds, or a text like `30s`, `1m`, `1h`, `1d`.' },
  },
} as const

/** The sorts of policies, each called by the key that makes it one, and the keys that go with it. */
export const POLICY_KEYS = {
  role: ['role', 'inherits', 'quota', 'rules'],
  when: ['name', 'when', 'denied', 'quota', 'rules'],
  deny: ['name', 'deny'],
  breakGlass: ['breakGlass', 'rules'],
} as const

const PRE_CHECK = {
  type: 'object',
  title: 'a pre-check',
  description: 'A no that is decided right after authentication.',
  additionalProperties: false,
  required: ['code', 'when'],
  properties: {
    code: { ...CODE, $comment: 'What the client learns.' },
    when: { ...CONDITION, description: 'The users who are refused. A user who lacks a value that it needs is refused too.' },
  },
} as const

/** By which a JSON file names its schema, as an editor wants it; YAML has a comment for that. */
export const OWN_SCHEMA = { type: 'string', description: 'The JSON Schema of this file, for editors.' } as const

export const policySchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  type: 'object',
  title: 'a policy',
  description: 'Who may do what: for a role, for the users that `when` describes, or pre-checks for everyone.',
  additionalProperties: false,
  properties: {
    role: { ...NAME, $comment: 'The role that the rules are for.' },
    name: { ...NAME, $comment: 'The name of a policy without a role; by default its file\'s.' },
    when: { ...CONDITION, description: 'The users that the rules are for, by their attributes.' },
    inherits: nameOrNames('The roles whose rules this role has too. Every role inherits `anonymous`.'),
    denied: {
      type: 'object',
      title: '"denied"',
      description: 'What a user outside the set learns where a rule of it would have allowed him.',
      additionalProperties: false,
      required: ['code'],
      properties: { code: { ...CODE, $comment: 'What the client learns.' } },
    },
    breakGlass: { ...NAME, $comment: 'The name of the emergency that the rules are for. They beat inverted rules, for users to whom the application grants it.' },
    deny: { type: 'array', description: 'Pre-checks.', minItems: 1, items: PRE_CHECK },
    quota: {
      type: 'object',
      title: '"quota"',
      description: 'The quotas by their names, which clients are told. Of several with one name a user has the most generous.',
      minProperties: 1,
      propertyNames: QUOTA_NAME,
      additionalProperties: QUOTA,
    },
    rules: { type: 'array', description: 'The rules; their order never matters.', items: RULE },
    $schema: OWN_SCHEMA,
  },
} as const

const ATTRIBUTE = {
  type: ['string', 'object'],
  title: 'an attribute',
  description: 'Its type, or a map of its type and what else is known.',
  if: { type: 'string' },
  then: { title: 'a type', enum: ATTRIBUTE_TYPES },
  else: {
    title: 'an attribute',
    additionalProperties: false,
    required: ['type'],
    properties: {
      type: { type: 'string', title: 'a type', description: 'What sort of value it has.', enum: ATTRIBUTE_TYPES },
      enum: { type: 'array', description: 'Every value that it can have.', minItems: 1, uniqueItems: true, items: { type: ['string', 'number', 'boolean'] } },
      optional: { type: 'boolean', description: 'True: it may be missing or null.' },
    },
  },
} as const

const ATTRIBUTES = { type: 'object', title: '"attributes"', description: 'The attributes by their names, with their types.', propertyNames: NAME, additionalProperties: ATTRIBUTE } as const

const ENTITY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    tenant: { ...NAME, $comment: 'The attribute that says to which tenant it belongs.' },
    attributes: ATTRIBUTES,
  },
} as const

const SUBJECT = {
  ...ENTITY,
  title: 'a subject',
  properties: {
    ...ENTITY.properties,
    relations: {
      type: 'object',
      title: '"relations"',
      description: 'What a user can be to a record, and the condition that says so.',
      propertyNames: NAME,
      additionalProperties: CONDITION,
    },
  },
} as const

export const subjectsSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  type: 'object',
  title: 'a declaration of subjects',
  description: 'The attributes of the user and of each subject. What is not declared here is a mistake in a policy.',
  additionalProperties: false,
  minProperties: 1,
  properties: {
    user: { ...ENTITY, title: 'the user', description: 'The attributes of the user.' },
    subjects: {
      type: 'object',
      title: '"subjects"',
      description: 'The subjects by their names.',
      minProperties: 1,
      propertyNames: NAME,
      additionalProperties: SUBJECT,
    },
    environment: {
      type: 'object',
      title: 'the environment',
      description: 'What the application tells of each request, beside `now` and `address`.',
      additionalProperties: false,
      properties: { attributes: ATTRIBUTES },
    },
    $schema: OWN_SCHEMA,
  },
} as const
