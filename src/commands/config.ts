import type { Command } from 'commander';
import type { LoadedConfig } from '../config/load.ts';
import { configJson, configRows } from '../config/report.ts';
import { answer, load } from './context.ts';
import { columns, line, paint } from './table.ts';
import { examples } from './examples.ts';

export function addConfig(program: Command): void {
  program
    .command('config')
    .addHelpText(
      'after',
      examples(
        ['Everything that is in force, and where it comes from', 'despachante config'],
        ['Another file', 'despachante config --config staging.yaml'],
        [
          'Only the settings that somebody has set',
          'despachante config --json | jq \'.settings | map_values(select(.origin != "default"))\'',
        ],
      ),
    )
    .action((_: unknown, command: Command) => {
      const loaded = load(command);
      answer(command, configJson(loaded), () => configTable(loaded), 'despachante doctor');
    });
}

/** What somebody set stands out, warnings come last. */
export function configTable(loaded: LoadedConfig): string {
  const rows = configRows(loaded).map(({ path, text, origin }) =>
    origin === 'default'
      ? [path, text, origin].map(paint.dim)
      : [paint.bold(path), paint.bold(text), origin],
  );
  const warnings = loaded.warnings.map((warning) => paint.yellow(line(`warning: ${warning}`)));
  return [columns(rows), ...warnings].join('\n');
}
