/** The stacks that stand side by side, and what each has to answer before it is measured. */
export const STACKS = {
  bare: { title: 'bare Fastify', authenticates: false, authorizes: false },
  jwt: { title: '@fastify/jwt', authenticates: true, authorizes: false },
  casl: { title: '@fastify/jwt + CASL by hand', authenticates: true, authorizes: true },
  gatehouse: { title: 'fastify-gatehouse', authenticates: true, authorizes: true },
} as const

export type Stack = keyof typeof STACKS

export const NAMES = Object.keys(STACKS) as readonly Stack[]
