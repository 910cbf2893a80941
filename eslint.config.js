// Type-aware lint for everything TypeScript, and the floors of test/floors.json: a room imports from lower floors only, types
// included. test/boundaries.test.ts holds the same, and that there are no circles.
import { readFileSync } from 'node:fs';
import { basename, dirname, relative } from 'node:path';
import tseslint from 'typescript-eslint';

const floors = JSON.parse(readFileSync(new URL('test/floors.json', import.meta.url), 'utf8'));
const rooms = floors.flatMap((names, floor) => names.map((name) => ({ name, floor })));
/** A file that is a room of its own. */
const isFile = (name) =>
  ['workflows/index', 'src/worker', 'src/task-worker', 'src/task-workers'].includes(name);

const OWN_RULES = [
  {
    of: /^src\/domain/,
    regex: '^[^.]',
    message: 'src/domain imports only itself: it also runs inside the workflow sandbox.',
  },
  {
    of: /^workflows/,
    regex: '^(?!@temporalio/(workflow|common)$|\\.)|^(\\.\\./)+src/(?!domain/)',
    message:
      'Workflow code takes values only from @temporalio/workflow, @temporalio/common and src/domain.',
  },
  {
    of: /^workflows/,
    regex: '/activities/',
    allowTypeImports: true,
    message: 'Import activities as types.',
  },
  {
    of: /^activities/,
    regex: '^(@platformatic/kafka|amqplib|mongodb|undici)$',
    message: 'Drivers live in the adapters of src.',
  },
  {
    of: /^src\/(?!broker\/rabbitmq)/,
    regex: '^amqplib$',
    message: 'amqplib, types included, is known in src/broker/rabbitmq alone.',
  },
  {
    of: /^src\/(?!broker\/kafka)/,
    regex: '^@platformatic/kafka$',
    message: '@platformatic/kafka, types included, is known in src/broker/kafka alone.',
  },
];

function roomRules({ name, floor }) {
  const folder = isFile(name) ? dirname(name) : name;
  const above = rooms.filter((room) => room.name !== name && room.floor >= floor);
  const patterns = above.map((room) => {
    const path = isFile(room.name) ? dirname(room.name) : room.name;
    const to = (relative(folder, path) || '.').replace(/^(?!\.)/, './');
    const alone = rooms.filter(({ name }) => isFile(name) && dirname(name) === path);
    const not = alone.map(({ name }) => `(?!${basename(name)}\\.ts$)`).join('');
    const file = isFile(room.name) ? `${basename(room.name)}\\.ts` : `${not}[^/]+`;
    return {
      regex: `^${to.replaceAll('.', '\\.')}/${file}$`,
      message: `${room.name} is no lower floor than ${name}.`,
    };
  });
  const more = OWN_RULES.filter(({ of }) => of.test(name)).map(({ of: _, ...rule }) => rule);
  // The folder of a room that is a file is another room: that is lower, and not forbidden.
  const isOwnFolder = ({ regex }) => regex !== '^\\./[^/]+$';
  return {
    files: [isFile(name) ? `${name}.ts` : `${name}/*.ts`],
    ignores: isFile(name)
      ? []
      : rooms.filter((room) => isFile(room.name)).map((room) => `${room.name}.ts`),
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        { patterns: [...patterns.filter(isOwnFolder), ...more] },
      ],
    },
  };
}

export default tseslint.config(
  { ignores: ['dist/**', 'coverage/**', 'node_modules/**', 'test/histories/**'] },
  {
    files: ['**/*.ts', '**/*.tsx'],
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
  ...rooms.map(roomRules),
);
