/** The plan of the house: reads a source file of lib/ and lists what in it breaks the plan. */
import { isBuiltin } from 'node:module'
import { posix } from 'node:path'
import ts from 'typescript'

/** One import, export-from, `import()` or `import('…')` type; `names` are those imported, `default` and `*` included. */
export interface Import {
  readonly specifier: string
  readonly names: readonly string[]
  /** Gone after compilation. */
  readonly typeOnly: boolean
}

/** A source file as the plan sees it. `path` is relative to lib/, with slashes. */
export interface SourceFile {
  readonly path: string
  readonly text: string
  readonly imports: readonly Import[]
  /** Whether it calls or touches `addHook` of anything. */
  readonly addsHooks: boolean
  /** The globals it uses that reach a network. */
  readonly networkGlobals: readonly string[]
}

/** What every part may import, and what the parts of a part are: the root files stand for themselves. */
const GROUND = ['refusal.ts', 'nearest.ts', 'option-error.ts', 'thenable.ts']
const FLOOR = ['policies', 'stores', 'reporting', ...GROUND]
const ROOMS = ['authentication', 'authorization', 'throttling']
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  'refusal.ts': [],
  'nearest.ts': [],
  'option-error.ts': ['nearest.ts'],
  'thenable.ts': [],
  client: [],
  policies: GROUND,
  stores: GROUND,
  reporting: ['policies', ...GROUND],
  authentication: FLOOR,
  authorization: FLOOR,
  throttling: FLOOR,
  reload: FLOOR,
  routes: ['options.ts', ...ROOMS, ...FLOOR],
  requests: ['routes', 'options.ts', ...ROOMS, ...FLOOR]
}

/** Parts at the top of the house: the other top parts may import whatever is not in this list. */
const DOORS = ['index.ts', 'cli', 'client']

/** Packages that only some files may load; their types are open to all. A path that ends in a slash stands for its folder. */
const FENCED: Readonly<Record<string, readonly string[]>> = {
  fastify: ['authentication/tokens/token-verifier.ts', 'boot.ts', 'plugin.ts'],
  '@fastify/jwt': ['authentication/tokens/token-verifier.ts']
}

/** A store does not know HTTP, a policy does not know requests: these do not know Fastify, not even its types. */
const WITHOUT_FASTIFY = ['policies', 'stores']

const NETWORK_MODULES = [
  'dgram', 'dns', 'dns/promises', 'http', 'http2', 'https', 'net', 'tls',
  'axios', 'got', 'ioredis', 'iovalkey', 'mongodb', 'mysql2', 'node-fetch', 'pg', 'redis', 'undici', 'ws'
]

/** What `node:net` and `node:http` hold that works without a network. */
const OFFLINE_NAMES = ['BlockList', 'METHODS', 'STATUS_CODES', 'SocketAddress', 'isIP', 'isIPv4', 'isIPv6']

const NETWORK_GLOBALS = ['fetch', 'EventSource', 'WebSocket', 'XMLHttpRequest']

const VAGUE = ['common', 'helper', 'helpers', 'manager', 'managers', 'misc', 'util', 'utils']

export function readSource (path: string, text: string): SourceFile {
  const imports: Import[] = []
  const networkGlobals = new Set<string>()
  let addsHooks = false

  const visit = (node: ts.Node): void => {
    const found = importOf(node)
    if (found !== null) imports.push(found)
    if (ts.isIdentifier(node) && node.text === 'addHook') addsHooks = true
    if (ts.isStringLiteral(node) && node.text === 'addHook') addsHooks = true
    const global = calledGlobal(node)
    if (global !== null && NETWORK_GLOBALS.includes(global)) networkGlobals.add(global)
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true))

  return { path, text, imports, addsHooks, networkGlobals: [...networkGlobals] }
}

/** One sentence for each thing that breaks the plan, the file first; empty for a sound house. */
export function breaches (files: readonly SourceFile[]): string[] {
  return [...files.flatMap((file) => RULES.flatMap((rule) => rule(file).map((what) => `${file.path} ${what}`))), ...cycles(files)]
}

/** The packages that the files import, types included, in alphabetical order. */
export function packagesOf (files: readonly SourceFile[]): string[] {
  const specifiers = files.flatMap((file) => file.imports.map(({ specifier }) => specifier))
  const bare = specifiers.filter((specifier) => !specifier.startsWith('.') && !isBuiltin(specifier))
  return [...new Set(bare.map((specifier) => specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/')))].sort()
}

const RULES: ReadonlyArray<(file: SourceFile) => string[]> = [
  function arrows (file) {
    const own = part(file.path)
    return targets(file.path, file.imports).filter((target) => !mayImport(own, part(target))).map((target) => `imports ${target}`)
  },

  function relativeImportsStayAtHome (file) {
    return targets(file.path, file.imports).filter((target) => target.startsWith('../')).map((target) => `imports ${target}, which is not in lib/`)
  },

  function fences (file) {
    return file.imports
      .filter(({ specifier, typeOnly }) => !typeOnly && !(FENCED[specifier] ?? ['']).some((place) => isAt(file.path, place)))
      .map(({ specifier }) => `loads ${specifier}`)
  },

  function floorWithoutFastify (file) {
    if (!WITHOUT_FASTIFY.includes(part(file.path))) return []
    return file.imports.filter(({ specifier }) => specifier === 'fastify').map(({ specifier }) => `imports ${specifier}`)
  },

  function schemesWithoutReply (file) {
    if (!file.path.startsWith('authentication/')) return []
    return file.imports.filter(({ names }) => names.includes('FastifyReply')).map(() => 'knows the reply')
  },

  function clientWithoutNode (file) {
    if (part(file.path) !== 'client') return []
    return file.imports.filter(({ specifier }) => isBuiltin(specifier)).map(({ specifier }) => `imports ${specifier}`)
  },

  function networkInStores (file) {
    if (part(file.path) === 'stores' || part(file.path) === 'client') return []
    return [...file.imports.filter(reachesNetwork).map(({ specifier }) => specifier), ...file.networkGlobals]
      .map((what) => `touches the network: ${what}`)
  },

  function hooksInPlugin (file) {
    return file.addsHooks && file.path !== 'plugin.ts' ? ['adds a hook'] : []
  },

  function opening (file) {
    return /^(#!.*\n)?\/\*\*\s+[^\s*/](?:(?!\*\/)[^])*[.:]\s*\*\/\n/.test(file.text) ? [] : ['does not open with a sentence in /** … */']
  },

  function telling (file) {
    return file.path.split(/[/.-]/).filter((word) => VAGUE.includes(word)).map((word) => `is named ${word}`)
  }
]

function mayImport (own: string, other: string): boolean {
  if (own === other) return true
  if (other === '..') return true // a rule of its own
  return ARROWS[own]?.includes(other) ?? (!DOORS.includes(other) || (own === 'cli' && other === 'index.ts'))
}

/** Rings of imports. Type-only imports make none: they are gone when the order of loading matters, and types may well need each other. */
function cycles (files: readonly SourceFile[]): string[] {
  const graph = new Map(files.map((file) => [file.path, targets(file.path, file.imports.filter(({ typeOnly }) => !typeOnly))]))
  const rings: string[] = []
  const done = new Set<string>()

  const walk = (path: string, way: readonly string[]): void => {
    const start = way.indexOf(path)
    if (start !== -1) rings.push(`${[...way.slice(start), path].join(' -> ')} is a ring`)
    if (start !== -1 || done.has(path)) return
    for (const target of graph.get(path) ?? []) walk(target, [...way, path])
    done.add(path)
  }
  for (const path of graph.keys()) walk(path, [])
  return rings
}

/** The folder or root file of lib/ that a path belongs to; `..` outside lib/. */
function part (path: string): string {
  return path.split('/', 1)[0] ?? path
}

function isAt (path: string, place: string): boolean {
  return place === '' || place === path || (place.endsWith('/') && path.startsWith(place))
}

/** The files that these imports of the file at `path` lead to, relative to lib/. */
function targets (path: string, imports: readonly Import[]): string[] {
  const own = imports.filter(({ specifier }) => specifier.startsWith('.'))
  return [...new Set(own.map(({ specifier }) => posix.join(posix.dirname(path), specifier)))]
}

function reachesNetwork ({ specifier, names, typeOnly }: Import): boolean {
  if (typeOnly || !NETWORK_MODULES.includes(specifier.replace(/^node:/, ''))) return false
  return names.length === 0 || !names.every((name) => OFFLINE_NAMES.includes(name))
}

function importOf (node: ts.Node): Import | null {
  if (ts.isImportDeclaration(node)) return declared(node.moduleSpecifier, importedNames(node.importClause), isTypeClause(node.importClause))
  if (ts.isExportDeclaration(node)) return declared(node.moduleSpecifier, exportedNames(node.exportClause), isTypeExport(node))
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return declared(node.argument.literal, ['*'], true)
  if (ts.isCallExpression(node) && (node.expression.kind === ts.SyntaxKind.ImportKeyword || isNamed(node.expression, 'require'))) {
    return declared(node.arguments[0], ['*'], false)
  }
  return null
}

function declared (specifier: ts.Node | undefined, names: string[], typeOnly: boolean): Import | null {
  if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return null
  return { specifier: specifier.text, names, typeOnly }
}

function importedNames (clause: ts.ImportClause | undefined): string[] {
  const names = clause?.name === undefined ? [] : ['default']
  const bindings = clause?.namedBindings
  if (bindings === undefined) return names
  if (ts.isNamespaceImport(bindings)) return [...names, '*']
  return [...names, ...bindings.elements.map((element) => (element.propertyName ?? element.name).text)]
}

function exportedNames (clause: ts.NamedExportBindings | undefined): string[] {
  if (clause === undefined || ts.isNamespaceExport(clause)) return ['*']
  return clause.elements.map((element) => (element.propertyName ?? element.name).text)
}

/** `import { type A }` keeps its module at run time (verbatimModuleSyntax), so only `import type` counts. */
function isTypeClause (clause: ts.ImportClause | undefined): boolean {
  return clause?.phaseModifier === ts.SyntaxKind.TypeKeyword
}

function isTypeExport (node: ts.ExportDeclaration): boolean {
  return node.isTypeOnly
}

/** The name of a global that is called or constructed, also as a property of `globalThis`. */
function calledGlobal (node: ts.Node): string | null {
  if (ts.isPropertyAccessExpression(node) && isNamed(node.expression, 'globalThis')) return node.name.text
  if (!ts.isCallExpression(node) && !ts.isNewExpression(node)) return null
  return ts.isIdentifier(node.expression) ? node.expression.text : null
}

function isNamed (node: ts.Node, name: string): boolean {
  return ts.isIdentifier(node) && node.text === name
}
