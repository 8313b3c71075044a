/** A real HTTP server on a free port whose answer a test can change, and which remembers what it was asked. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

interface Teardown { teardown: (end: () => unknown) => void }

export interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export type Answer = (response: ServerResponse, asked: Asked) => void

export interface JsonServer {
  readonly url: string
  readonly asked: Asked[]
  answer: Answer
}

export async function jsonServer (t: Teardown, answer: Answer): Promise<JsonServer> {
  const http = createServer(async (request, response) => {
    const { method = '', url = '', headers } = request
    const asked = { method, url, headers, body: await text(request) }
    server.asked.push(asked)
    server.answer(response, asked)
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  t.teardown(() => {
    http.closeAllConnections()
    http.close()
  })
  const server: JsonServer = { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/`, asked: [], answer }
  return server
}

export function json (value: unknown, status = 200): Answer {
  return (response) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

export function plain (body: string, status = 200, headers: Record<string, string> = {}): Answer {
  return (response) => response.writeHead(status, headers).end(body)
}

/** Never answers. */
export const hanging: Answer = () => {}

/** Begins to answer, and never ends. */
export const stalling: Answer = (response) => response.writeHead(200).write('{')

export const dropping: Answer = (response) => response.destroy()

/** What an endpoint does, how the log tells of it, and the milliseconds to wait for it, where not 5000. */
export type Trouble = readonly [name: string, answer: Answer, reason: RegExp, timeout?: number]

/** An endpoint that is down or out of its mind. `elsewhere` is where a redirect leads. */
export function troubles (elsewhere: string): readonly Trouble[] {
  return [
    ['an error', json({}, 500), /answered 500$/],
    ['not found', json({}, 404), /answered 404$/],
    ['nothing', plain('', 204), /answered 204$/],
    ['a redirect', plain('', 302, { location: elsewhere }), /answered 302$/],
    ['a lasting redirect', plain('', 308, { location: elsewhere }), /answered 308$/],
    ['an empty text', plain(''), /answered something that is not JSON$/],
    ['HTML', plain('<!doctype html>'), /answered something that is not JSON$/],
    ['too much', plain(`"${'x'.repeat(200_000)}"`), /answered more than \d+ bytes$/],
    ['silence', hanging, /did not answer within 0\.5 s$/, 500],
    ['half an answer', stalling, /did not answer within 0\.5 s$/, 500],
    ['a cut line', dropping, /could not be reached$/],
  ]
}
