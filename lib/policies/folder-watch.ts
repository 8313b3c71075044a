/** Watches a folder of policies: files replaced by renaming, links that are swapped, and the folder itself going and coming back. */
import { watch, type FSWatcher } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { find, type Found } from './folder-files.ts'
import type { Stop } from './source.ts'

/** While files go on changing, they are taken as settled after so many times the time to settle. */
const PATIENCE = 20

/** The folders to watch, and the names in them that matter; `null` for all. */
type Aims = Map<string, Set<string> | null>

interface Watched {
  /** Which folder it was: another one may have taken its place. */
  readonly mark: string
  readonly watcher: FSWatcher
}

/** Nothing of it keeps the process alive. Rejects where nothing can be watched. */
export async function watchFolder (root: string, settle: number, changed: () => void, ended: (error: unknown) => void): Promise<Stop> {
  const watched = new Map<string, Watched>()
  let aims: Aims = new Map()
  let timer: NodeJS.Timeout | undefined
  let latest: number | null = null
  let work: Promise<void> = Promise.resolve()
  let stopped = false

  await aimOrStop()
  return stop

  function stop (): void {
    stopped = true
    clearTimeout(timer)
    for (const path of [...watched.keys()]) leave(path)
  }

  function noticed (): void {
    const now = performance.now()
    latest ??= now + settle * PATIENCE
    clearTimeout(timer)
    timer = setTimeout(() => { work = work.then(settled) }, Math.min(settle, latest - now)).unref()
  }

  /** First the watchers, then the word: what changes between the two is noticed. */
  async function settled (): Promise<void> {
    latest = null
    try {
      await aimOrStop()
    } catch (error) {
      return ended(error)
    }
    if (!stopped) changed()
  }

  async function aimOrStop (): Promise<void> {
    try {
      await aim()
    } catch (error) {
      stop()
      throw error
    }
  }

  async function aim (): Promise<void> {
    aims = await aimsAt(root)
    for (const path of watched.keys()) if (!aims.has(path)) leave(path)
    let missing: unknown
    for (const path of aims.keys()) {
      try {
        const { dev, ino, birthtimeNs } = await stat(path, { bigint: true })
        const mark = [dev, ino, birthtimeNs].join()
        if (stopped || watched.get(path)?.mark === mark) continue
        leave(path)
        watched.set(path, { mark, watcher: open(path) })
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
        missing = error
        leave(path)
      }
    }
    if (watched.size === 0 && !stopped) throw missing
  }

  function open (path: string): FSWatcher {
    return watch(path, { persistent: false }, (_event, name) => {
      const names = aims.get(path) ?? null
      if (names === null || name === null || names.has(name)) noticed()
    }).on('error', noticed)
  }

  function leave (path: string): void {
    watched.get(path)?.watcher.close()
    watched.delete(path)
  }
}

/** The folder that holds the root, all folders below the root, and those in which linked files really lie. */
async function aimsAt (root: string): Promise<Aims> {
  const aims: Aims = new Map([[dirname(root), new Set([basename(root)])]])
  const found: Found = { files: [], folders: [] }
  try {
    find(root, found)
  } catch {} // what is wrong with it, whoever reads it will tell
  for (const { path } of found.files) {
    const real = await realpath(path).catch(() => path)
    const names = aims.get(dirname(real)) ?? new Set()
    aims.set(dirname(real), names.add(basename(real)))
  }
  for (const folder of found.folders) aims.set(folder, null)
  return aims
}
