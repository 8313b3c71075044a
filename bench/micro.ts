/** What each step of a request costs, in one process, beside one HMAC of its token. `npm run bench:micro` */
import { createHmac, createSecretKey } from 'node:crypto'
import { inTurns, ratios, ROUNDS, type Call } from './ability-rounds.ts'
import { asked } from './arguments.ts'
import { answerSteps } from './micro-answers.ts'
import { ruleSteps } from './micro-rules.ts'
import { tokenSteps } from './micro-tokens.ts'
import { signerOf } from './signer.ts'
import { shown, spreadOf } from './spread.ts'

/** What the others are a ratio to: they differ from machine to machine as it does. */
const YARDSTICK = 'one HMAC-SHA-256 of a token (the yardstick)'

asked({})
const steps: Record<string, Call> = {
  [YARDSTICK]: hmac(),
  'nothing (what is in every figure)': () => null,
  ...await tokenSteps(),
  ...ruleSteps(),
  ...await answerSteps(),
}
const times = await inTurns(steps)
console.log(`The CPU time of each step, Node.js ${process.version}, ${ROUNDS} interleaved rounds: median [smallest-largest].`)
console.table(Object.fromEntries(Object.entries(times).map(([name, own]) => [name, {
  'CPU us': shown(spreadOf(own), 2),
  'to the yardstick': shown(ratios(own, times[YARDSTICK] as readonly number[]), 2),
}])))

function hmac (): Call {
  const key = createSecretKey(Buffer.from(signerOf('HS256').key))
  const token = signerOf('HS256').token()
  const input = token.slice(0, token.lastIndexOf('.'))
  const call = (): string => createHmac('sha256', key).update(input).digest('base64url')
  if (call() !== token.slice(input.length + 1)) throw new Error('the yardstick makes another signature')
  return call
}
