/** The one user name and password of the staging site, by HTTP Basic. */
import { basic } from 'fastify-gatehouse/schemes'
import { hashed, passwords } from './passwords.ts'

const USERNAME = 'stage'

export async function staging (): Promise<ReturnType<typeof basic>> {
  const hash = await hashed('correct horse stage')
  const { match } = await passwords()
  return basic({
    realm: 'Access to the staging site',
    verify: (username, password) => match(username === USERNAME ? hash : null, password),
  })
}
