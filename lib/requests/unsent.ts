/** Answers of refusals that Fastify does not send to their end: another hook broke one, or it was to an upgrade. */
import type { OutgoingHttpHeaders } from 'node:http'
import type { FastifyReply } from 'fastify'

/** Whether there is still something to answer. */
export function isUnanswered ({ raw }: FastifyReply): boolean {
  return !raw.headersSent && !raw.destroyed
}

/** Sends the text with the status and the headers of the reply, past all further hooks. */
export function answerPast (reply: FastifyReply, text: string): void {
  const headers = { ...reply.getHeaders() as OutgoingHttpHeaders, 'content-length': Buffer.byteLength(text) }
  reply.hijack()
  reply.raw.writeHead(reply.statusCode, headers)
  reply.raw.end(text)
}

/** A refused upgrade (RFC 9110 section 7.8): Node.js has let go of its socket, and nobody else would close it. */
export function letGo ({ raw }: FastifyReply): void {
  raw.once('finish', () => raw.socket?.destroy())
}
