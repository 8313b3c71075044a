/** Where policies come from: the contract of a store of policy files. */

/**
 * One policy file. `name` is its name in messages, after that of its store; folders in it are separated by slashes, `team/author.yaml`.
 *
 * - `text`: YAML or JSON, as the ending of `name` says (`.yaml`, `.yml`, `.json`); bytes are UTF-8. It is not trusted in any way.
 * - `module`: the `file:` URL of a module whose default export is a policy. It is code of the application's own, so only `policyFolder` gives it: from any
 *   other store, and from a copy of such a file, it is refused.
 */
export type PolicyFile =
  | { readonly name: string, readonly text: string | Uint8Array }
  | { readonly name: string, readonly module: string }

/** Ends what was begun. */
export type Stop = () => unknown

/** A place that keeps policies: a folder, a table, a key. `policyFolder`, `policyTable` and `policyKey` make one; so can you. */
export interface PolicyStore {
  /** For messages: `redis gatehouse:policies`. */
  readonly name: string
  /**
   * All files, as they are at one moment. A rejection with a `PolicyError` says that they are wrong; with any other error, that the store is down: it is
   * asked again after a second, which doubles up to a minute.
   */
  read: () => Promise<readonly PolicyFile[]>
  /**
   * Calls `changed` whenever the files may have changed; too often does no harm. Calls `ended` when it has to give up, with why: then it is called again,
   * after a second, which doubles up to a minute. Resolves when no change will be missed from now on, to what stops it.
   */
  watch?: (changed: () => void, ended: (error: unknown) => void) => Promise<Stop>
}

export function isPolicyStore (value: unknown): value is PolicyStore {
  if (typeof value !== 'object' || value === null) return false
  const { name, read, watch } = value as Partial<PolicyStore>
  return typeof name === 'string' && typeof read === 'function' && (watch === undefined || typeof watch === 'function')
}
