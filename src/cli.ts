#!/usr/bin/env node
/** The one executable: a subcommand each for the processes that stay and for what an operator asks. */

// Before anything is loaded that an older Node cannot read.
const OLDEST = '22.22';
const { node } = process.versions;
if (node.localeCompare(OLDEST, 'en', { numeric: true }) < 0) {
  process.stderr.write(`Despachante needs Node ${OLDEST} or newer, and this is Node ${node}\n`);
  process.exit(1);
}
const { runCommandLine } = await import('./command-line.ts');
const { readEnvFile } = await import('./config/env-file.ts');
// A process that another one of ours has started has its environment from there.
if (process.send === undefined) readEnvFile();

const streams = [process.stdout, process.stderr];
// Whoever reads may leave before the end (`| head`): what is being done is done all the same.
for (const stream of streams) stream.on('error', () => {});

const exitCode = await runCommandLine(process.argv.slice(2));
// A pipe takes 64 KiB at once, and process.exit() throws the rest away.
for (const stream of streams) await new Promise((taken) => stream.write('', taken));
// A connection of a library that is still closing must not keep a finished command.
process.exit(exitCode);
