/** What throttles and quotas tell the log: what somebody should know of, one line each. */
import t from 'tap'
import { reportThrottle, type ThrottleEvent } from '../../lib/reporting/throttle-event.ts'

t.test('throttling 36: a store that is down and back, a hard stop and an overflow are a line each; single attempts are none', async (t) => {
  const lines: string[] = []
  const log = { error: (_entry: object, text: string) => lines.push(`error ${text}`), warn: (_entry: object, text: string) => lines.push(`warn ${text}`), info: (_entry: object, text: string) => lines.push(`info ${text}`) }
  const attempt = { throttle: 'sign-in', dimension: 'account', key: 'sign-in:account:x', failures: 100, retryAfter: 1 } as const
  const events: ThrottleEvent[] = [
    ...(['failure', 'locked', 'denied', 'hard_stop', 'overflow'] as const).map((kind) => ({ kind, ...attempt })),
    ...(['memory', 'refuse', 'allow'] as const).map((meanwhile) => ({ kind: 'store_down' as const, throttle: 'quotas', meanwhile, cause: new Error('gone') })),
    { kind: 'store_up', throttle: 'quotas', meanwhile: 'memory', cause: null },
  ]
  for (const event of events) reportThrottle(event, log)
  t.same(lines, [
    'warn 100 wrong secrets in a row for one account of sign-in: its secret should be replaced',
    'warn locked keys fill the memory of sign-in: whoever is not in it is denied for now',
    'error the counters of quotas cannot be reached; meanwhile requests are counted in the memory of this process, more strictly',
    'error the counters of quotas cannot be reached; meanwhile requests are refused',
    'error the counters of quotas cannot be reached; meanwhile requests are allowed',
    'info the counters of quotas answer again',
  ])
})
