#!/usr/bin/env node
/** The one executable: a subcommand each for the processes that stay and for what an operator asks. */
import { runCommandLine } from './command-line.ts';

// A connection of a library that is still closing must not keep a finished command.
process.exit(await runCommandLine(process.argv.slice(2)));
