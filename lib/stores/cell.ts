/** Which cell of a large table a key belongs to: a map of a million keys that grows stands still for it, a thousand small ones do so one by one. */

/** Keys a cell. */
const ROOM = 32_768
const MOST = 1024

/** How many cells so many keys need: a power of two. */
export function cellsFor (keys: number): number {
  return 2 ** Math.min(Math.ceil(Math.log2(Math.max(1, keys / ROOM))), Math.log2(MOST))
}

/**
 * Of a power of two of cells, by the last four characters: keys end in digests, addresses and numbers, which differ there. Keys that end alike share
 * a cell, which is then as slow to grow as one map for all; nothing else depends on it.
 */
export function cellOf<C> (key: string, cells: readonly C[]): C {
  return cells[cells.length === 1 ? 0 : mixed(key) & (cells.length - 1)] as C
}

function mixed (key: string): number {
  const end = key.length
  let mix = 0
  for (let at = Math.max(0, end - 4); at < end; at++) mix = Math.imul(mix ^ key.charCodeAt(at), 0x9E3779B1)
  return mix ^ mix >>> 15
}
