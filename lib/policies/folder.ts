/** A folder as a store of policies. */
import { knownOptionsOnly, wrongOption } from '../option-error.ts'
import { filesOf, pathOf, shown } from './folder-files.ts'
import { watchFolder } from './folder-watch.ts'
import type { PolicyFile, PolicyStore, Stop } from './source.ts'

export interface PolicyFolderOptions {
  /**
   * How long no file must have changed before the folder is read again, in milliseconds from 0 to 10,000; default 100. While files go on changing it is
   * read after twenty times as long.
   */
  readonly settle?: number
}

/** A folder; its files are YAML, JSON and modules. */
export interface PolicyFolder extends PolicyStore {
  read: () => Promise<readonly PolicyFile[]>
  watch: (changed: () => void, ended: (error: unknown) => void) => Promise<Stop>
}

const LONGEST_SETTLE = 10_000

/**
 * The policies of a folder and of its sub-folders, in files that end in `.yaml`, `.yml`, `.json`, `.js`, `.mjs` or `.ts`; files and folders whose names begin
 * with a dot are left out. A path is relative to the working directory.
 *
 * @throws {OptionError} for an option that is unknown or out of bounds
 */
export function policyFolder (folder: URL | string, options: PolicyFolderOptions = {}): PolicyFolder {
  if (typeof folder !== 'string' && !(folder instanceof URL)) throw wrongOption('policyFolder', folder, 'a folder: a "file:" URL or a path')
  knownOptionsOnly('policyFolder', options, ['settle'])
  const { settle = 100 } = options
  if (!Number.isInteger(settle) || settle < 0 || settle > LONGEST_SETTLE) {
    throw wrongOption('policyFolder.settle', settle, `an integer of milliseconds from 0 to ${LONGEST_SETTLE}`)
  }
  const root = pathOf(folder)
  return {
    name: shown(root),
    read: async () => filesOf(root),
    watch: (changed, ended) => watchFolder(root, settle, changed, ended),
  }
}
