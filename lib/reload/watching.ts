/** Watches a store of policies, and begins again whenever its watch has ended. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Stop } from '../policies/source.ts'
import type { Supply } from '../policies/supply.ts'
import type { PolicyLog } from '../reporting/policy-event.ts'
import type { Waits } from './waits.ts'
import { within } from './within.ts'

type Watch = NonNullable<Supply['watch']>

/** Milliseconds that a store has to end its watch. */
const LONGEST_GOODBYE = 1000

/** Calls `changed` also when a watch begins, for whatever changed before. The log learns once that there is none, and once that there is one again. */
export function keepWatching (name: string, watch: Watch, changed: () => unknown, log: PolicyLog, retries: Waits): Stop {
  const closing = new AbortController()
  const { signal } = closing
  let isMissing = false
  const ended = again()
  return () => {
    closing.abort()
    return ended
  }

  async function again (): Promise<void> {
    while (!signal.aborted) {
      const err = await watchOnce(watch, begun, changed, signal)
      if (signal.aborted) return
      if (!isMissing) log.warn({ policies: name, err }, `the policies cannot be watched: ${name}. Until they can, changes may be missed`)
      isMissing = true
      await pause(retries.next(), undefined, { ref: false, signal }).catch(() => {})
    }
  }

  function begun (): void {
    retries.reset()
    if (isMissing) log.info({ policies: name }, `the policies are watched again: ${name}`)
    isMissing = false
    changed()
  }
}

/** Resolves when the watch is over, to why. What the store says after that is not heard. */
function watchOnce (watch: Watch, begun: () => void, changed: () => unknown, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    let isOver = false
    const watching = Promise.resolve().then(() => watch(() => { if (!isOver) changed() }, end))
    watching.then(() => { if (!isOver) begun() }, end)
    signal.addEventListener('abort', end)

    function end (reason: unknown): void {
      if (isOver) return
      isOver = true
      signal.removeEventListener('abort', end)
      // A watch that began too late ends too, when it has begun.
      const left = watching.then((stop) => stop())
      within(LONGEST_GOODBYE, left).then(() => resolve(reason), () => resolve(reason))
    }
  })
}
