/** The two policies of the soak, which differ in one action, and the folder in which one takes the other's place. */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROLE, rulesOf } from './work.ts'

/** Under the first an editor may update the articles of his tenant; under the second they are locked. */
export type Version = 'first' | 'second'

export class PolicyFolder {
  readonly path: string

  private constructor (path: string) {
    this.path = path
  }

  static async make (version: Version): Promise<PolicyFolder> {
    const folder = new PolicyFolder(await mkdtemp(join(tmpdir(), 'soak-policies-')))
    await folder.write(version)
    return folder
  }

  /** In one step, as `docs/reload.md` asks for. */
  async write (version: Version): Promise<void> {
    const file = join(this.path, `${ROLE}.json`)
    await writeFile(`${this.path}.next`, JSON.stringify({ role: ROLE, rules: rulesFor(version) }))
    await rename(`${this.path}.next`, file)
  }

  async remove (): Promise<void> {
    await rm(this.path, { recursive: true, force: true })
  }
}

function rulesFor (version: Version): object[] {
  const rules = rulesOf(10).map(([action, subject]) => ({ action, subject, conditions: { tenantId: '$user.tenantId' } }))
  return version === 'first' ? rules : [...rules, { inverted: true, action: 'update', subject: 'Article', conditions: { id: { $in: ['1', '2'] } }, reason: 'locked for now' }]
}
