/** What newsroom prints once it listens: who can sign in, and what to try. */
import { passwordOf, PEOPLE } from './people.ts'

/** One row for each demo user. */
export function demoUsers (): Record<string, object> {
  return Object.fromEntries(PEOPLE.map(({ name, tenantId, roles, plan, suspended }) => [name, {
    password: passwordOf(name), tenant: tenantId ?? '(none)', roles: roles.join(', '), plan, note: suspended ? 'suspended' : '',
  }]))
}

/** Lines for a shell. Each stands on its own, and shows what its comment says. */
export function tries (origin: string): string {
  const json = "-H 'content-type: application/json'"
  const signIn = (name: string): string => `curl -s ${origin}/login ${json} -d '{"username":"${name}","password":"${passwordOf(name)}"}'`
  const as = (name: string): string => `-H "authorization: Bearer $(${signIn(name)} | cut -d '"' -f 4)"`
  return [
    '# 200: a published article',
    `curl -i ${origin}/articles/1`,
    '# 401: nobody is signed in',
    `curl -i ${origin}/me`,
    '# 200: rex is',
    `curl -i ${origin}/me ${as('rex')}`,
    '# 200: a refresh token brings new tokens, and ends',
    `curl -i ${origin}/token ${json} -d "{\\"refresh_token\\":\\"$(${signIn('rex')} | cut -d '"' -f 14)\\"}"`,
    '# 403: rex is no administrator',
    `curl -i ${origin}/admin/reports ${as('rex')}`,
    "# 404: somebody else's draft answers as one that does not exist (/articles/9)",
    `curl -i ${origin}/articles/2 ${as('rex')}`,
    '# 429: five wrong passwords, and the sixth is not even looked at',
    `curl -s -o /dev/null -w '%{http_code}\\n' '${origin}/login?guess=[1-6]' ${json} -d '{"username":"mallory","password":"a guess"}'`,
  ].join('\n')
}
