/** What every store of single-use marks answers, step by step: the same for memory and for any other. */
import type { Test } from 'tap'
import type { MarkStore } from '../../lib/stores/marks.ts'

/** An empty store under test. `wait` lets time pass, by hand or really. */
export interface MarksUnderTest {
  readonly store: MarkStore
  /** Milliseconds that are long enough for a few answers of this store, also on a busy machine. */
  readonly short: number
  readonly wait: (milliseconds: number) => void | Promise<void>
}

export type MakeMarks = (t: Test) => MarksUnderTest | Promise<MarksUnderTest>

const LONG = 60_000

export async function marksTranscript (t: Test, makeMarks: MakeMarks): Promise<void> {
  await t.test('a mark is put once, and again when its time is over', async (t) => {
    const { store, wait, short } = await makeMarks(t)
    t.equal(await store.putOnce('a', short), true)
    t.equal(await store.putOnce('a', LONG), false)
    t.equal(await store.putOnce('b', short), true, 'another key is another mark')
    await wait(short)
    t.equal(await store.putOnce('a', short), true, 'and the second try has not made its time longer')
  })

  await t.test('of 200 who put the same mark at the same time one is the first', async (t) => {
    const { store } = await makeMarks(t)
    const answers = await Promise.all(Array.from({ length: 200 }, () => store.putOnce('a', LONG)))
    t.equal(answers.filter((first) => first === true).length, 1)
    t.equal(answers.filter((first) => first === false).length, 199)
  })

  await t.test('a value is there until its time is over', async (t) => {
    const { store, wait, short } = await makeMarks(t)
    t.equal(await store.get('a'), null)
    await store.put('a', 'one', LONG)
    t.equal(await store.get('a'), 'one')
    await store.put('a', 'two', short)
    t.equal(await store.get('a'), 'two', 'a later one takes its place')
    await wait(short)
    t.equal(await store.get('a'), null, 'and brings its own time')
  })

  await t.test('a mark and a value share their keys', async (t) => {
    const { store, wait, short } = await makeMarks(t)
    await store.put('a', 'one', LONG)
    t.equal(await store.putOnce('a', short), false)
    t.equal(await store.get('a'), 'one')
    await store.putOnce('b', short)
    t.equal(await store.get('b'), '', 'a mark is an empty value')
    await wait(short)
    t.equal(await store.get('b'), null)
    t.equal(await store.get('a'), 'one')
  })

  await t.test('many are read at once, in the order of their keys', async (t) => {
    const { store, wait, short } = await makeMarks(t)
    await store.put('a', 'one', LONG)
    await store.put('b', 'two', short)
    await store.putOnce('c', LONG)
    t.strictSame([...await store.getMany(['c', 'x', 'b', 'a', 'b'])], ['', null, 'two', 'one', 'two'])
    await wait(short)
    t.strictSame([...await store.getMany(['b', 'a'])], [null, 'one'])
    t.strictSame([...await store.getMany(['x'])], [null])
    t.strictSame([...await store.getMany([])], [])
  })

  await t.test('a value and a key are any text, and no two keys are the same', async (t) => {
    const { store } = await makeMarks(t)
    const texts = ['', ' ', '\0', 'a\r\nGET b', '{a}:b', '*', '__proto__', 'ü€😀', 'x'.repeat(10_000)]
    for (const text of texts) await store.put(text, `<${text}>`, LONG)
    t.strictSame([...await store.getMany(texts)], texts.map((text) => `<${text}>`))
    for (const text of texts) t.equal(await store.get(text), `<${text}>`)
  })

  await t.test('what is deleted was never there', async (t) => {
    const { store } = await makeMarks(t)
    await store.delete('a')
    await store.putOnce('a', LONG)
    await store.put('b', 'one', LONG)
    await store.delete('a')
    await store.delete('b')
    t.equal(await store.get('b'), null)
    t.equal(await store.putOnce('a', LONG), true)
  })

  await t.test('a time that cannot be kept is refused, and nothing is put', async (t) => {
    const { store } = await makeMarks(t)
    for (const ttl of [0, -1, 1.5, NaN, Infinity, undefined as never, '200' as never]) {
      await t.rejects(async () => store.putOnce('a', ttl), { code: 'FST_GATEHOUSE_STORE_UNAVAILABLE' }, `putOnce ${ttl}`)
      await t.rejects(async () => store.put('a', 'one', ttl), { code: 'FST_GATEHOUSE_STORE_UNAVAILABLE' }, `put ${ttl}`)
    }
    t.equal(await store.get('a'), null)
  })
}
