import { userInfo } from 'node:os';
import { CommandError, EXIT } from './context.ts';

/** Who says so, where nobody is named by --operator. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    throw new CommandError('This user has no name: say who it is with --operator', EXIT.usage);
  }
}
