/** What TypeScript knows of a resource; that this file compiles is most of the test. */
import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { createMongoAbility } from '@casl/ability'
import { unpackRules } from '@casl/ability/extra'
import { resource, typed, type PackedRules } from '../../lib/index.ts'
import type { Backend } from '../../lib/authorization/backend.ts'
import type { RecordFilter } from '../../lib/authorization/filter.ts'
import { kysely, memory, mongodb, postgresql, prisma, sqlite, type KyselySql, type KyselyWhere, type MemoryWhere, type MongodbFilter, type PrismaWhere, type SqliteWhere, type SqlWhere } from '../../lib/authorization/filters/index.ts'

interface Ticket { readonly id: number, readonly title: string }

/** Compiles where both are one and the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : never

/** What a handler would do, and never does here. */
function unused (..._: readonly unknown[]): void {}

const postgres = postgresql({ columns: { id: 'integer' } })

t.test('the type of the record alone may be named, and the filter is in the words of the backend', async (t) => {
  const stored = resource<Ticket>('Ticket', { backend: postgres })
  const loaded = resource<Ticket>('Ticket', {
    backend: postgres,
    param: 'id',
    load: (id, { where }) => {
      const text: string = where.startingAt(2).text
      return { id: Number(id), title: text }
    },
  })
  const lite = resource<Ticket>('Ticket', { backend: sqlite({ columns: { id: 'integer' } }) })
  const remembered = resource<Ticket>('Ticket', { backend: memory() })
  const sql = (() => ({ toOperationNode: () => ({}) })) as unknown as KyselySql
  const built = resource<Ticket>('Ticket', { backend: kysely({ sql, dialect: 'sqlite', columns: { id: 'integer' } }) })
  const modelled = resource<Ticket>('Ticket', { backend: prisma({ provider: 'postgresql', fields: { id: 'integer' } }) })
  const documents = resource<Ticket>('Ticket', { backend: mongodb() })
  const plain = resource<Ticket>('Ticket')
  const own = resource<Ticket>('Ticket', { backend: { name: 'Shelf', problem: () => null, translate: () => 7n } satisfies Backend<bigint> })

  const asked = (request: FastifyRequest) => {
    const same: readonly true[] = [
      true satisfies Same<ReturnType<typeof stored.filter>, SqlWhere>,
      true satisfies Same<ReturnType<typeof loaded.filter>, SqlWhere>,
      true satisfies Same<ReturnType<typeof lite.filter>, SqliteWhere>,
      true satisfies Same<ReturnType<typeof remembered.filter>, MemoryWhere>,
      true satisfies Same<ReturnType<typeof built.filter>, KyselyWhere>,
      true satisfies Same<ReturnType<typeof modelled.filter>, PrismaWhere>,
      true satisfies Same<ReturnType<typeof documents.filter>, MongodbFilter>,
      true satisfies Same<ReturnType<typeof plain.filter>, RecordFilter>,
      true satisfies Same<ReturnType<typeof own.filter>, unknown>,
      true satisfies Same<ReturnType<typeof stored.whole>, Ticket>,
    ]
    // @ts-expect-error the words of PostgreSQL are no function
    stored.filter(request)({ id: 1 })
    unused(same, stored.listed(request, ({ text, values }) => [{ id: values.length, title: text }]))
  }
  t.type(asked, 'function')
  t.match([stored, loaded, lite, remembered, built, modelled, documents, plain, own].map(({ subject }) => subject), Array(9).fill('Ticket'))
})

t.test('what does not fit is still told by the compiler', async (t) => {
  // @ts-expect-error no such option
  t.throws(() => resource<Ticket>('Ticket', { backend: postgres, hiden: true }), { code: 'FST_GATEHOUSE_OPTION' })
  // @ts-expect-error a record of another type
  resource<Ticket>('Ticket', { backend: postgres, param: 'id', load: () => ({ name: 'x' }) })
  // @ts-expect-error a record without its title
  resource<Ticket>('Ticket', { param: 'id', load: (id) => ({ id: Number(id) }) })
  // @ts-expect-error nothing is known of these words
  unused((request: FastifyRequest) => resource<Ticket>('Ticket', { backend: { ...memory(), translate: () => 7n } as Backend<bigint> }).filter(request).toFixed())
  t.pass()
})

t.test('with everything inferred, and with the words of the application, all is as it was', async (t) => {
  const inferred = resource('Ticket', { backend: postgres, param: 'id', load: (id, { where }): Ticket => ({ id: where.values.length, title: id }) })
  const words = typed<{ actions: 'read', subjects: { Ticket: Ticket } }>().resource('Ticket', { backend: postgres })
  const named = resource<Ticket, 'Ticket', RecordFilter>('Ticket')
  const listed = resource('Ticket')
  const maybe = resource('Ticket', { ...Math.random() < 2 && { backend: postgres } })
  unused((request: FastifyRequest) => [
    true satisfies Same<ReturnType<typeof named.filter>, RecordFilter>,
    true satisfies Same<ReturnType<typeof listed.filter>, RecordFilter>,
    true satisfies Same<typeof listed.subject, 'Ticket'>,
    true satisfies Same<ReturnType<typeof maybe.filter>, SqlWhere>,
    true satisfies Same<ReturnType<typeof inferred.filter>, SqlWhere>,
    true satisfies Same<ReturnType<typeof inferred.whole>, Ticket>,
    true satisfies Same<typeof inferred.subject, 'Ticket'>,
    true satisfies Same<ReturnType<typeof words.filter>, SqlWhere>,
    words.of(request).title,
  ])
  t.strictSame([inferred, named, listed, maybe].map(({ subject }) => subject), Array(4).fill('Ticket'))
})

t.test('what a front end is told fits the functions of CASL', async (t) => {
  const rules: PackedRules = [['read', 'Ticket', { id: 1 }]]
  t.equal(createMongoAbility(unpackRules(rules)).can('read', 'Ticket'), true)
})
