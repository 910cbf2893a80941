// `npm run docs`: the pages of docs/reference that are made from the code, and the JSON Schemas for editors. With --check nothing is
// written, and it ends with 1 where a page is another one than the code makes.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { logLines } from './log-lines.mjs';
import { root } from './paths.mjs';

const load = (file) => import(pathToFileURL(join(root, 'dist', 'src', file)).href);
const { readSettings } = await load('config/reference.js');
const { jsonSchemas } = await load('config/json-schema.js');
const { COMMAND_NAMES, createProgram } = await load('command-line.js');
const { ENDINGS } = await load('commands/exit.js');
const { PAGES } = await load('runtime/log.js');
const { describedApi } = await load('page/openapi.js');

const MADE = 'This page is made from the code by `npm run docs`. Do not edit it.';
const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ').replaceAll('<', '&lt;');
const code = (text) => (text === '' ? '' : `\`${text.replaceAll('|', '\\|')}\``);
const row = (line) => `| ${line.split(' | ').map(cell).join(' | ')} |`;
const page = (title, ...parts) => `# ${title}\n\n${MADE}\n\n${parts.join('\n\n')}\n`;

function settings() {
  const all = readSettings();
  const sectionOf = ({ path }) => (path.includes('.') ? path.split('.')[0] : '');
  const sections = [...new Set(all.map(sectionOf))];
  const entry = ({ path, variable, expected, standard, says }) =>
    [
      `### ${path}`,
      ...(says.length > 0 ? [says.map((line) => line.replaceAll('<', '&lt;')).join('\n')] : []),
      [
        `- Expected: ${expected.replaceAll('<', '&lt;').replaceAll('*', '\\*').replaceAll('_', '\\_')}`,
        `- Default: ${code(standard)}`,
        ...(variable === null ? [] : [`- Variable: ${code(variable)}`]),
      ].join('\n'),
    ].join('\n\n');
  return page(
    'Settings',
    'Addresses and secrets come from the environment or a file `.env`; everything else from `despachante.yaml`, or from the variable of the setting, which wins. `despachante config` shows the values in force and their origin, `despachante help settings <path>` one setting.',
    'For completion and checks in an editor, begin the file with this line:',
    '```yaml\n# yaml-language-server: $schema=node_modules/despachante/docs/reference/despachante.schema.json\n```',
    ...sections.flatMap((section) => [
      `## ${section === '' ? 'Addresses and secrets' : section}`,
      ...all.filter((each) => sectionOf(each) === section).map(entry),
    ]),
  );
}

const commandsBelow = (command, path) =>
  command.commands.flatMap((each) => [
    { path: [...path, each.name()], command: each },
    ...commandsBelow(each, [...path, each.name()]),
  ]);

async function cli() {
  const program = await createProgram(COMMAND_NAMES, { writeOut() {}, writeErr() {} });
  const helpOf = (command) => {
    let text = '';
    command.configureOutput({
      writeOut: (part) => (text += part),
      getOutHelpWidth: () => 100,
      getOutHasColors: () => false,
    });
    command.outputHelp();
    return text.trimEnd();
  };
  return page(
    'Commands',
    'In a clone it is `./despachante`, after `npm run build`; where the package is installed, `npx despachante`.',
    '[Exit codes](errors.md#exit-codes) are the same for all.',
    ...commandsBelow(program, []).flatMap(({ path, command }) => [
      `## despachante ${path.join(' ')}`,
      `\`\`\`text\n${helpOf(command)}\n\`\`\``,
    ]),
  );
}

const errors = () =>
  page(
    'Errors',
    '## Exit codes',
    [
      '| exit code | code | meaning | do |',
      '|---|---|---|---|',
      ...ENDINGS.map(
        ({ exitCode, code: own, means, fix }) =>
          `| ${exitCode} | ${code(own ?? '')} | ${cell(means)} | ${cell(fix ?? '')} |`,
      ),
      '| 130, 143 | | A signal has stopped it: Ctrl-C, or SIGTERM. | |',
    ].join('\n'),
    'With `--json` an error is one line on stderr: `{"error":{"code":"…","message":"…","fix":"…"}}`.',
    '## Faults of the configuration',
    'They end with exit code 2, all of them at once. Each is a line:',
    '```text\n<file>:<line>:<column>  <setting>: expected <type and range>, got <value> (<hint>)\n```',
    'The place is `environment <VARIABLE>` where a variable says it. [Settings](settings.md) has the meaning of each.',
    '## Log codes',
    'A line of level *warn* or *error* has a field `runbook`. It names the page that says what to do. Lines that quote somebody else, as a driver or your handler, are not listed.',
    ...logLines(PAGES).flatMap(({ page: name, lines }) => [
      `### ${name}`,
      `Page: [${name}](../runbook/${name}.md)`,
      ...(lines.length === 0
        ? []
        : [['| level | the log says |', '|---|---|', ...lines.map(row)].join('\n')]),
    ]),
  );

const pages = {
  'errors.md': errors(),
  'settings.md': settings(),
  'cli.md': await cli(),
  'openapi.json': `${JSON.stringify(describedApi(), null, 2)}\n`,
  ...Object.fromEntries(
    Object.entries(jsonSchemas()).map(([file, schema]) => [
      file.replace('.yaml', '.schema.json'),
      `${JSON.stringify(schema, null, 2)}\n`,
    ]),
  ),
};

const folder = join(root, 'docs', 'reference');
const isThere = (name, text) => {
  try {
    return readFileSync(join(folder, name), 'utf8') === text;
  } catch {
    return false;
  }
};
const others = Object.entries(pages).filter(([name, text]) => !isThere(name, text));
if (process.argv.includes('--check')) {
  for (const [name] of others)
    process.stderr.write(
      `docs/reference/${name} is not as the code makes it: run "npm run docs"\n`,
    );
  process.exitCode = others.length === 0 ? 0 : 1;
} else {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of others) writeFileSync(join(folder, name), text);
  process.stdout.write(`${others.length} of ${Object.keys(pages).length} pages were written\n`);
}
