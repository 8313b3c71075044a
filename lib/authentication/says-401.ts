/** An error that says "unauthenticated" by its status, as those of http-errors and ours do. */

export function says401 (error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false
  const { statusCode, status } = error as { readonly statusCode?: unknown, readonly status?: unknown }
  return (statusCode ?? status) === 401
}
