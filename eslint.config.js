// Type-aware lint for everything TypeScript, and the import directions of docs/architecture.md:
// domain < adapters | activities | workflows < composition. test/boundaries.test.ts holds the same rules.
import tseslint from 'typescript-eslint';

const restrict = (patterns) => ({
  '@typescript-eslint/no-restricted-imports': ['error', { patterns }],
});

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', 'test/histories/**'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  {
    // node:test returns promises that the runner itself awaits.
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            {
              from: 'package',
              name: [
                'test',
                'it',
                'describe',
                'before',
                'after',
                'beforeEach',
                'afterEach',
                'suite',
              ],
              package: 'node:test',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['src/domain/**/*.ts'],
    rules: restrict([
      {
        regex: '^[^.]',
        message: 'src/domain imports nothing: it also runs inside the workflow sandbox.',
      },
      { regex: '^(\\.\\./)+(?!names|registrations)', message: 'src/domain imports only itself.' },
    ]),
  },
  {
    files: ['workflows/**/*.ts'],
    rules: restrict([
      {
        regex:
          '^(?!@temporalio/(workflow|common)$|\\./|\\.\\./local|(\\.\\./)+src/domain/|(\\.\\./)+activities/)',
        message:
          'Workflow code takes values only from @temporalio/workflow, @temporalio/common and src/domain.',
      },
      {
        regex: '^(\\.\\./)+activities/',
        allowTypeImports: true,
        message: 'Import activities as types.',
      },
    ]),
  },
  {
    files: ['activities/**/*.ts'],
    rules: restrict([
      { regex: '/workflows/', message: 'Activities never import workflows.' },
      { regex: '^(amqplib|mongodb|undici)', message: 'Drivers live in src adapters.' },
      {
        regex: 'src/(config|cli|worker|intake)/',
        allowTypeImports: true,
        message: 'Composition imports activities, not the other way round.',
      },
    ]),
  },
);
