import type { Command } from 'commander';
import { configJson, configTable } from '../config/report.ts';
import { answer, load } from './context.ts';
import { paint } from './table.ts';

export function addConfig(program: Command): void {
  program
    .command('config')
    .description('the configuration in force, and where each value comes from; secrets are masked')
    .addHelpText('after', '\nExample: despachante config --config staging.yaml')
    .action((_: unknown, command: Command) => {
      const loaded = load(command);
      answer(command, configJson(loaded), () => configTable(loaded, paint.isColorSupported));
    });
}
