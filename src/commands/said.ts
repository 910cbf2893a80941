/** The options by which an operator says who does something, and why. */
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import type { Said } from '../operations/said.ts';
import { CommandError, EXIT } from './context.ts';

export interface SaidOptions {
  operator?: string;
  reason?: string;
}

export const addOperator = (command: Command): Command =>
  command.option('--operator <name>', 'who says so (default: your user name)');

export const addSaid = (command: Command): Command =>
  addOperator(command.option('--reason <text>', 'why; kept with what was done'));

export const saidIn = ({ operator = userName(), reason }: SaidOptions): Said => ({
  by: operator,
  reason: reason ?? null,
});

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    throw new CommandError('This user has no name: say who it is with --operator', EXIT.usage);
  }
}
