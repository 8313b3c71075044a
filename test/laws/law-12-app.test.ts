/** Law 12 in an application: what a handler is told of each record, and the list that it gets, always agree. */
import Fastify from 'fastify'
import t from 'tap'
import gatehouse, { authenticated, resource } from '../../lib/index.ts'
import { postgresql } from '../../lib/authorization/filters/index.ts'
import type { AnyScheme } from '../../lib/authentication/schemes/index.ts'
import { compilePolicies } from '../../lib/policies/compile.ts'
import { definePolicy, PolicyError, type RuleDefinition } from '../../lib/policies/index.ts'
import { sourcesOf } from '../../lib/policies/read.ts'
import { rowsOf, samplesOf, type Row } from './law-12-cases.ts'
import { pglite, POSTGRESQL_ATTRIBUTES, POSTGRESQL_COLUMNS, postgresqlRecords } from './law-12-tables.ts'

const seed = Date.now() % 1e9
const run = await pglite(t)
const records = await postgresqlRecords(run, rowsOf(40, seed)) as Row[]
const backend = postgresql({ columns: POSTGRESQL_COLUMNS })

/** Some random rules contradict themselves or each other, and would stop the start. */
function makesSense (rules: readonly RuleDefinition[]): boolean {
  try {
    compilePolicies(sourcesOf([definePolicy({ role: 'reader', rules })]))
    return true
  } catch (error) {
    if (error instanceof PolicyError) return false
    throw error
  }
}

interface Lists { readonly checks: number[], readonly filtered: number[], readonly listed: number[] }

/** The records by their ids: those that are allowed one by one, and those of both kinds of list. */
async function lists (rules: readonly RuleDefinition[], user: object, action: string, hidden: boolean): Promise<Lists> {
  const row = resource('Row', { hidden, backend })
  const scheme: AnyScheme = {
    name: 'Test',
    family: 'other',
    guessable: false,
    oauth: false,
    varyOn: ['Authorization'],
    find: () => ({ kind: 'credentials', place: 'authorization', credentials: null }),
    verify: () => ({ kind: 'user', user }),
    challenge: () => ({ scheme: 'Test', params: [['realm', 'x']] }),
  }
  const app = Fastify()
  try {
    await app.register(gatehouse, { schemes: [scheme], policies: [definePolicy({ role: 'reader', rules })] })
    let found: Lists | undefined
    app.get('/', { config: { access: authenticated() } }, async (request) => {
      const where = row.filter(request, action)
      const filtered = await run(`SELECT id FROM rows WHERE ${where.text} ORDER BY id`, where.values)
      let asked: readonly Record<string, unknown>[] = []
      await row.listed(request, async ({ text, values }) => {
        asked = await run(`SELECT id FROM rows WHERE ${text} ORDER BY id`, values)
        return []
      }, action)
      const ids = (rows: readonly object[]): number[] => rows.map((record) => (record as Row).id)
      found = { checks: ids(records.filter((record) => request.can(action, row, record))), filtered: ids(filtered), listed: ids(asked) }
      return {}
    })
    const response = await app.inject('/')
    if (found === undefined) throw new Error(`${response.statusCode} ${response.body}`)
    return found
  } finally {
    await app.close()
  }
}

t.test('law 12: what a handler is told of each record, and the lists that it gets, agree', async (t) => {
  let allowed = 0
  const samples = samplesOf(POSTGRESQL_ATTRIBUTES, 60, seed).filter(([rules]) => makesSense(rules))
  t.ok(samples.length > 15, `${samples.length} policies`)
  for (const [index, [rules, user]] of samples.entries()) {
    const action = index % 2 === 0 ? 'read' : 'update'
    const { checks, filtered, listed } = await lists(rules, { ...user, roles: ['reader'] }, action, index % 3 > 0)
    allowed += checks.length
    t.strictSame(filtered, checks, `${action} (seed ${seed}, policy ${index})`)
    t.strictSame(listed, checks)
  }
  t.ok(allowed > 0)
})

t.test('law 12: the list of what may be changed of a hidden resource leaves out what may not be read', async (t) => {
  const seen = records.filter(({ yes }) => yes === true).map(({ id }) => id)
  const rules: RuleDefinition[] = [{ action: 'read', subject: 'Row', conditions: { yes: true } }, { action: 'update', subject: 'Row' }]
  const user = { id: 'u', roles: ['reader'] }
  t.strictSame(await lists(rules, user, 'update', true), { checks: seen, filtered: seen, listed: seen })
  const all = records.map(({ id }) => id)
  t.strictSame(await lists(rules, user, 'update', false), { checks: all, filtered: all, listed: all })
})

t.test('law 12: of what is never allowed there is an empty list and no query', async (t) => {
  const none = { checks: [], filtered: [], listed: [] }
  t.strictSame(await lists([{ action: 'read', subject: 'Row', conditions: { yes: true } }], { id: 'u', roles: ['reader'] }, 'delete', false), none)
})
