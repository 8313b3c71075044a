/** Reads the routes out of Fastify's own print of its router, the one place where routes stand that were registered earlier. */

const BRANCH = /^((?:│ {3}| {4})*)(?:├── |└── )(.*)$/
const METHODS = / \(([A-Z-]+(?:, [A-Z-]+)*)\)(?: \{.*\})?$/
const NOTHING = '(empty root node)'

/**
 * The methods and URLs in what `app.printRoutes()` returns, one entry a method, HEAD only where there is no GET. Where routes name one
 * parameter differently, the print and so the URL have all its names: `/articles/:id|:slug`.
 */
export function routesIn (print: string): { method: string, url: string }[] {
  const routes: { method: string, url: string }[] = []
  const path: string[] = []
  for (const line of print.split('\n')) {
    const branch = BRANCH.exec(line)
    const text = branch?.[2] ?? line
    const methods = METHODS.exec(text)
    if (branch !== null) {
      const part = methods === null ? text : text.slice(0, methods.index)
      path.length = (branch[1] as string).length / 4
      path.push(part === NOTHING ? '' : part)
    }
    if (methods === null) continue
    const names = (methods[1] as string).split(', ')
    for (const method of names) {
      if (method !== 'HEAD' || !names.includes('GET')) routes.push({ method, url: path.join('') })
    }
  }
  return routes
}
