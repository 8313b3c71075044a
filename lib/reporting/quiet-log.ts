/** A logger that leaves out one error, because it has a line of its own already. */

type Write = (entry: unknown, ...rest: unknown[]) => void

interface Log {
  info: Write
  error: Write
}

/** The same logger, but a line about `told` (`{ err: told }`) is not written a second time. */
export function quietAbout<L extends object> (log: L, told: Error): L {
  const { info, error } = log as unknown as Log
  const unlessTold = (write: Write): Write => function (this: unknown, entry, ...rest) {
    if ((entry as { readonly err?: unknown } | null)?.err === told) return
    write.call(log, entry, ...rest)
  }
  return Object.create(log, {
    info: { value: unlessTold(info), configurable: true, writable: true },
    error: { value: unlessTold(error), configurable: true, writable: true },
  }) as L
}
