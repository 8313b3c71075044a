/** Whether a server answers as it should: nothing is measured that does not do its work. */
import { deepEqual, equal, notEqual } from 'node:assert/strict'
import { tokensOf } from './requests.ts'
import type { Scenario } from './scenarios.ts'
import { forgerOf, signerOf } from './signer.ts'
import { STACKS } from './stacks.ts'
import { find } from './work.ts'

/** Rejects unless it does. */
export async function check ({ name, stack, setting, sends, path, status }: Scenario, port: number): Promise<void> {
  const { authenticates, authorizes, tells } = STACKS[stack]
  const good = signerOf(setting.algorithm).token()
  const answer = await get('/articles/1', good)
  equal(answer.status, 200, `${name}: a good token`)
  deepEqual(await answer.json(), find('1'), `${name}: the article`)
  if (tells !== null) notEqual(answer.headers.get(tells), null, `${name}: what is left of a quota`)
  await expect('/articles/1', null, authenticates ? 401 : 200)
  await expect('/articles/1', forgerOf(setting.algorithm).token(), authenticates ? 401 : 200)
  await expect('/articles/2', good, authorizes ? 403 : 200)
  if (authorizes) await expect('/articles/3', good, 404)
  // The one request that there is of it.
  if (status === 429) await expect(path, good, 200)
  await expect(path, tokensOf(sends, setting.algorithm)[0] ?? null, status)

  async function expect (path: string, token: string | null, status: number): Promise<void> {
    const answer = await get(path, token)
    await answer.arrayBuffer()
    equal(answer.status, status, `${name}: GET ${path}`)
  }

  function get (path: string, token: string | null): Promise<Response> {
    return fetch(`http://127.0.0.1:${port}${path}`, { headers: token === null ? {} : { authorization: `Bearer ${token}` } })
  }
}
