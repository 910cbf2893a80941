import type { Command } from 'commander';
import { configJson, configTable } from '../config/report.ts';
import { globals, load, print, printJson } from './context.ts';
import { paint } from './table.ts';

export function addConfig(program: Command): void {
  program
    .command('config')
    .description(
      'print the configuration in force, and where each value comes from; secrets are masked',
    )
    .addHelpText('after', '\nExample: despachante config --config staging.yaml')
    .action((_: unknown, command: Command) => {
      const loaded = load(command);
      if (globals(command).json === true) printJson(configJson(loaded));
      else print(configTable(loaded, paint.isColorSupported));
    });
}
