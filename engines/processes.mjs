// Starting servers that outlive this process, telling whether they still run, and ending them.
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * What tells a process from a later one with the same, recycled number: when it started.
 * Undefined when no such process runs (a zombie does not run).
 */
export function startMark(pid) {
  if (existsSync('/proc/self/stat')) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The second field is the program's name in parentheses and may hold blanks: count from behind it.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8);
      return `${boot}-${fields[19]}`;
    } catch {
      return undefined;
    }
  }
  const ps = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
  return ps.stdout?.trim() || undefined;
}

/** @param record `{pid, started}` as `spawnServer` returned it */
export function isRunning(record) {
  return record.started !== undefined && startMark(record.pid) === record.started;
}

/**
 * Starts a server in a session of its own: a Ctrl-C in the terminal must not reach it before our
 * own processes have drained. Its output is appended to `log`.
 */
export async function spawnServer(role, program, args, { env, cwd, log }) {
  mkdirSync(dirname(log), { recursive: true });
  const output = openSync(log, 'a');
  try {
    const child = spawn(program, args, {
      env,
      cwd,
      detached: true,
      stdio: ['ignore', output, output],
    });
    await new Promise((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
    return { role, pid: child.pid, started: startMark(child.pid) };
  } finally {
    closeSync(output);
  }
}

/** SIGTERM, and after `patience` ms SIGKILL to the whole group; returns when the process is gone. */
export async function endServer(record, patience = 15_000) {
  if (!isRunning(record)) return;
  signal(record.pid, 'SIGTERM');
  if (await goneWithin(record, patience)) return;
  signal(-record.pid, 'SIGKILL'); // it leads its own process group, see spawnServer
  if (!(await goneWithin(record, 10_000)))
    throw new Error(`process ${record.pid} (${record.role}) does not end, not even by SIGKILL`);
}

async function goneWithin(record, ms) {
  for (const deadline = Date.now() + ms; Date.now() < deadline; await sleep(50))
    if (!isRunning(record)) return true;
  return !isRunning(record);
}

function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** The last lines of a log file (the first, when `lines` is negative), indented for an error message. */
export function excerpt(file, lines = 15) {
  try {
    const all = readFileSync(file, 'utf8').trim().split('\n');
    return (lines > 0 ? all.slice(-lines) : all.slice(0, -lines))
      .map((line) => `    ${line}`)
      .join('\n');
  } catch {
    return '    (no output)';
  }
}

/**
 * Runs a tool to its end, its output going to `log`.
 * @param show how many lines of the log an error shows: the last n, or the first n when negative
 * @throws Error with these lines when it fails, AbortError when `signal` is aborted
 */
export async function runTool(program, args, { env, cwd, log, signal: abort, show = 15 }) {
  mkdirSync(dirname(log), { recursive: true });
  const output = openSync(log, 'a');
  try {
    await new Promise((resolve, reject) => {
      const options = { env, cwd, signal: abort, stdio: ['ignore', output, output] };
      const child = spawn(program, args, options);
      child.once('error', reject);
      child.once('close', (code, by) => {
        if (code === 0) return resolve();
        const how = by ? `was ended by ${by}` : `ended with code ${code}`;
        const story = `Its output is in ${log}:\n${excerpt(log, show)}`;
        reject(new Error(`${[program, ...args].join(' ')} ${how}. ${story}`));
      });
    });
  } finally {
    closeSync(output);
  }
}

/** Whether a Ctrl-C would reach this process and its children by a terminal. */
export function hasTerminal() {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}
