/** Where tests stand among the sources of policies, and all that they may name. */
import { testsOf } from './policy-test.ts'
import type { PolicyWords, TestsContent } from './policy-test.ts'
import type { PolicySource, PolicyTest } from './policy.ts'
import type { Report } from './problems.ts'
import { ANONYMOUS } from './roles.ts'
import type { Declarations } from './subjects.ts'

/** The key under which tests stand. */
export const TESTS = 'tests'

const TESTS_FILE = /\.test\.(?:ya?ml|json)$/
const EXTENSION = /(?:\.test)?\.(?:ya?ml|json|m?js|ts)$/

/** Whether a source holds nothing but tests. */
export function isTests ({ file, holds }: PolicySource): boolean {
  return holds === 'tests' || TESTS_FILE.test(file)
}

/** The name of a policy that gives itself none. */
export function nameFrom (file: string): string {
  return (file.split(/[\\/]/).at(-1) as string).replace(EXTENSION, '')
}

/** What a policy says, whatever its tests are. */
export function withoutTests (content: object): object {
  return Object.fromEntries(Object.entries(content).filter(([key]) => key !== TESTS))
}

interface Reading {
  readonly source: PolicySource
  readonly report: Report
  readonly sound: Readonly<Record<string, unknown>>
}

/** A policy as far as its words are concerned. */
interface Worded {
  readonly kind: string
  readonly name: string
  readonly rules?: readonly { readonly action: readonly string[], readonly subject: readonly string[], readonly code: string | null }[]
  readonly denied?: { readonly code: string } | null
  readonly checks?: readonly { readonly code: string }[]
}

/** The tests of all sources, which are known to be sound. */
export function testsIn (readings: readonly Reading[], policies: readonly Worded[], declared: Declarations): PolicyTest[] {
  const withTests = readings.filter(({ sound }) => sound[TESTS] !== undefined)
  if (withTests.length === 0) return []
  const words = wordsOf(policies)
  return withTests.flatMap(({ source, report, sound }) => {
    const tests = sound[TESTS] as TestsContent['tests']
    return testsOf({ policy: nameFrom(source.file), tests, locate: source.locate, report }, words, declared)
  })
}

function wordsOf (policies: readonly Worded[]): PolicyWords {
  const rules = policies.flatMap((policy) => policy.rules ?? [])
  const coded = [...rules, ...policies.flatMap((policy) => policy.checks ?? []), ...policies.map((policy) => policy.denied)]
  return {
    roles: new Set([ANONYMOUS, ...policies.filter(({ kind }) => kind === 'role').map(({ name }) => name)]),
    actions: new Set(rules.flatMap((rule) => rule.action)),
    subjects: new Set(rules.flatMap((rule) => rule.subject)),
    codes: new Set(coded.flatMap((one) => one?.code ?? [])),
    emergencies: new Set(policies.filter(({ kind }) => kind === 'breakGlass').map(({ name }) => name)),
  }
}
