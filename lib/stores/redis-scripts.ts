/** The scripts of counters in Redis and Valkey: each touches one key, tells the time by the server's clock, and answers with numbers as text. */
import { script } from './redis-commands.ts'

// Numbers are kept and sent with 17 digits, which is every double exactly: the scripts calculate what memory does, to the last bit.
// What is kept says when it was written. If that lies ahead, the server's clock was set back or another server has taken over: then it was
// written now, so that no lock grows by the step. The key ends with its last use, by a duration and not by a moment.
const CLOCK = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local at, steppedBack = now, false
local function text (number) return string.format('%.17g', number) end
local function since (moment)
  if moment > now then steppedBack = true else at = moment end
end
local function put (ttl, ...)
  redis.call('SET', KEYS[1], table.concat({...}, ' '), 'PX', string.format('%.0f', math.max(1, math.ceil(ttl))))
end
local kept = redis.call('GET', KEYS[1])
`

// failures, when they were counted, how long they locked the key from then on, and how long they are remembered from then on
const ATTEMPTS = `${CLOCK}
local failures, lock, memory = 0, 0, 0
if kept then
  local written
  failures, written, lock, memory = string.match(kept, '^(%S+) (%S+) (%S+) (%S+)$')
  failures, lock, memory = tonumber(failures), tonumber(lock), tonumber(memory)
  since(tonumber(written))
  if memory <= now - at then failures, lock = 0, 0 end
end
local function keep ()
  put(memory - (now - at), text(failures), text(at), text(lock), text(memory))
end
`

/** Arguments: free, base, cap, window. Answer: admitted, failures, milliseconds until the lock ends. */
export const CHARGE = script(`${ATTEMPTS}
local locked = lock - (now - at)
if locked > 0 then
  if steppedBack then keep() end
  return {'0', text(failures), text(locked)}
end
local free, base, cap, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
failures = failures + 1
lock = 0
if failures >= free then lock = math.min(cap, base * 2 ^ math.min(failures - free, 40)) end
at, memory = now, lock + window
keep()
return {'1', text(failures), '0'}
`)

/** Answer: the failures that are left. */
export const REFUND = script(`${ATTEMPTS}
if failures == 0 then return {'0'} end
failures, lock = failures - 1, 0
if failures == 0 then redis.call('DEL', KEYS[1]) else keep() end
return {text(failures)}
`)

/** Answer: failures, milliseconds until the lock ends. */
export const STATUS = script(`${ATTEMPTS}
return {text(failures), text(math.max(0, lock - (now - at)))}
`)

// when it was written, and how many milliseconds from then on until nothing is spent any more
const QUOTA = `${CLOCK}
local level = 0
if kept then
  local written
  written, level = string.match(kept, '^(%S+) (%S+)$')
  since(tonumber(written))
  level = math.max(0, tonumber(level) - (now - at))
end
local limit, window, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local unit = window / limit
local function keep ()
  put(level, text(now), text(level))
end
`

/** Arguments: limit, window, cost. Answer: allowed, remaining, milliseconds until nothing is spent any more, milliseconds until the cost is allowed. */
export const SPEND = script(`${QUOTA}
local slack = window * 1e-12
local function remaining ()
  return text(math.max(0, math.floor((window - level + slack) / unit)))
end
local excess = level + cost * unit - window
if excess > slack then
  if steppedBack then keep() end
  return {'0', remaining(), text(level), text(excess)}
end
level = level + cost * unit
keep()
return {'1', remaining(), text(level), '0'}
`)

/** Arguments: limit, window, cost. Answer: milliseconds until nothing is spent any more. */
export const GIVE_BACK = script(`${QUOTA}
if level == 0 then return {'0'} end
level = math.max(0, level - cost * unit)
if level == 0 then redis.call('DEL', KEYS[1]) else keep() end
return {text(level)}
`)
