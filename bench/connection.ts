/** One kept connection: it sends a request, waits for the answer and sends the next; of an answer it reads its status and its end. */
import { createConnection } from 'node:net'

export interface Exchange {
  readonly port: number
  /** The next request as it goes over the wire; `null`: that is enough. */
  readonly next: () => string | null
  /** The status of an answer, the microseconds that it took, and all of it. A throw ends the connection. */
  readonly answered: (status: number, microseconds: number, answer: string) => void
}

/** Resolves when there is nothing left to send. */
export function converse ({ port, next, answered }: Exchange): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ port, host: '127.0.0.1', noDelay: true })
    let received = ''
    let sentAt = 0
    socket.on('connect', send)
    socket.on('data', (chunk) => {
      try {
        read(chunk)
      } catch (error) {
        socket.destroy()
        reject(error)
      }
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the server closed a connection')))

    function send (): void {
      const request = next()
      if (request === null) {
        resolve()
        socket.destroy()
        return
      }
      sentAt = performance.now()
      socket.write(request, 'latin1')
    }

    function read (chunk: Buffer): void {
      received += chunk.toString('latin1')
      const status = statusOf(received)
      if (status === null) return
      const answer = received
      received = ''
      answered(status, (performance.now() - sentAt) * 1000, answer)
      send()
    }
  })
}

const LENGTH = /\r\ncontent-length: (\d+)\r\n/i

/** `null`: the answer is not there to its end. */
function statusOf (received: string): number | null {
  const head = received.indexOf('\r\n\r\n')
  if (head === -1) return null
  const length = LENGTH.exec(received)?.[1]
  if (length === undefined) throw new Error(`an answer without its length: ${received.slice(0, head)}`)
  return received.length < head + 4 + Number(length) ? null : Number(received.slice(9, 12))
}
