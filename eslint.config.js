/** Standard's style, and what this house forbids beyond it. */
import neostandard, { plugins } from 'neostandard'

const { plugin: typescript, parser } = plugins['typescript-eslint']

export default [
  ...neostandard({ ts: true, ignores: ['dist', '.tap', 'node_modules'] }),
  {
    rules: {
      'no-else-return': ['error', { allowElseIf: false }]
    }
  },
  {
    // Here a promise that nobody awaits is a gate left open, and a kind that nobody handles a question without answer.
    files: ['lib/**/*.ts'],
    plugins: { '@typescript-eslint': typescript },
    languageOptions: { parser, parserOptions: { projectService: true } },
    rules: {
      'no-console': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }]
    }
  },
  {
    // A test left alone silences its neighbours.
    files: ['test/**/*.ts'],
    rules: {
      'no-restricted-properties': ['error', { object: 't', property: 'only', message: 'The other tests would not run.' }]
    }
  }
]
