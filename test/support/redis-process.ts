/** A process of redis-server, on a port that stays free for it while it is down. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'

/** Below the ports that outgoing connections are given, so that none takes it while the server is down. */
const PORTS = [16_000, 32_000] as const
const TRIES = 20

/** Starts something on a port that is free, and gives the port. */
export async function onFreePort (start: (port: number) => Promise<void>, tries = TRIES): Promise<number> {
  const port = randomInt(...PORTS)
  try {
    await start(port)
    return port
  } catch (error) {
    if (tries === 1) throw error
    return onFreePort(start, tries - 1)
  }
}

/** Resolves as soon as it accepts connections. */
export async function launchRedis (file: string, args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  return new Promise((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      said = (said + chunk).slice(-10_000)
      if (/ready to accept connections/i.test(said)) resolve(child)
    })
    child.once('error', reject)
    child.once('close', () => reject(new Error(`Redis did not start: ${said}`)))
  })
}
