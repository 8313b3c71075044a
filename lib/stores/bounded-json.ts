/** One JSON answer of a server that we depend on, bounded in time and size. */

export interface JsonRequest {
  readonly url: URL
  /** Milliseconds, for the whole answer. */
  readonly timeout: number
  /** Bytes of the body, decoded. */
  readonly maxBytes: number
  readonly headers: Readonly<Record<string, string>>
  /** Present: it is sent with POST. */
  readonly form?: URLSearchParams
}

/** `reason` is a predicate, `answered 500`. It holds nothing that was sent. `about`: what the failure tells of, the server or only what it was asked. */
export type JsonAnswer =
  | { readonly kind: 'json', readonly value: unknown }
  | { readonly kind: 'failed', readonly about: 'server' | 'request', readonly reason: string, readonly cause?: unknown }

/** RFC 9110 section 15.5: it could not make anything of this request. Of our own credentials speak 401 and 403, of too many requests 429. */
const ABOUT_THE_REQUEST = new Set([400, 413, 414, 422, 431])

/** Only a 200 is an answer: a redirect is not followed, as it could lead anywhere (facts: authentication 2.14, K8). Never rejects. */
export async function fetchJson (request: JsonRequest): Promise<JsonAnswer> {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(), request.timeout)
  const answer = await ask(request, controller.signal)
  clearTimeout(timer)
  // an answer that nobody reads must not keep its connection
  controller.abort()
  return answer
}

async function ask ({ url, timeout, maxBytes, headers, form }: JsonRequest, signal: AbortSignal): Promise<JsonAnswer> {
  try {
    const response = await fetch(url, {
      ...form === undefined ? {} : { method: 'POST', body: form },
      headers: { accept: 'application/json', ...headers },
      redirect: 'manual',
      signal,
    })
    if (response.status !== 200) return { kind: 'failed', about: ABOUT_THE_REQUEST.has(response.status) ? 'request' : 'server', reason: `answered ${response.status}` }
    const body = await readBody(response.body as AsyncIterable<Uint8Array>, maxBytes)
    return body === null ? { kind: 'failed', about: 'request', reason: `answered more than ${maxBytes} bytes` } : parse(body)
  } catch (cause) {
    return { kind: 'failed', about: 'server', reason: signal.aborted ? `did not answer within ${timeout / 1000} s` : 'could not be reached', cause }
  }
}

async function readBody (body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer | null> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > maxBytes) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** The parser's message quotes the answer, so it is not passed on. */
function parse (body: Buffer): JsonAnswer {
  try {
    return { kind: 'json', value: JSON.parse(body.toString('utf8')) }
  } catch {
    return { kind: 'failed', about: 'server', reason: 'answered something that is not JSON' }
  }
}
