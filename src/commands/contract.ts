/** What the contract of the legacy system makes of its answers: of recorded ones, and of one registration that is filed for real. */
import { readFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import type { Command } from 'commander';
import { contractOf } from '../config/contract.ts';
import type { Config } from '../config/schema.ts';
import {
  readLookUp,
  readPoll,
  readResult,
  readSubmit,
  SEE_OTHER,
} from '../domain/registrations/contract.ts';
import { isTaken, tryContract, whyNotToTry } from '../operations/try-contract.ts';
import { answeredOf, type Exchanged } from '../registrations/legacy.ts';
import { recordedAnswer } from '../registrations/recorded.ts';
import { silent } from '../runtime/log.ts';
import { isJson, load, print, printJson, tell, untilSignal } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { endOf, factsOf, sentenceOf, textOf } from './contract-text.ts';
import { line, paint } from './table.ts';
import { examples } from './examples.ts';

interface TryOptions {
  id: string;
  yes?: true;
  again?: true;
}

interface ExplainOptions {
  post?: true;
  get?: string | true;
  result?: string | true;
  lookUp?: string;
}

export function addContract(program: Command): void {
  const contract = program
    .command('contract')
    .addHelpText(
      'after',
      examples(
        ['How a recorded answer would be read', 'despachante contract explain answer.http'],
        [
          'File one registration for real',
          'despachante contract try registration.json --id test-1 --yes',
        ],
      ),
    );
  contract
    .command('explain')
    .argument('<files...>', 'answers as "curl -i" writes them')
    .description('say how recorded answers would be read, and why; nothing is sent')
    .option('--post', 'they answer the POST of a registration (the default)')
    .option('--get [request-id]', 'they answer the GET of a request')
    .option('--result [request-id]', 'they answer the GET of the address in a Location')
    .option('--look-up <id>', 'they answer the look-up of this registration id')
    .addHelpText(
      'after',
      `
Record an answer with "curl -i", beside -H and -d as the system wants them: curl -i -d @registration.json <address> > answer.http
${examples(
  ['The answer to a POST', 'despachante contract explain answer.http'],
  ['The answer to the GET of request 7', 'despachante contract explain answer.http --get 7'],
)}`,
    )
    .action((files: string[], options: ExplainOptions, command: Command) => {
      const { config } = load(command);
      const all = files.map((file) => ({ file, ...explained(config, file, options) }));
      if (isJson(command)) return printJson(all);
      for (const { file, reading, because } of all)
        print(`${line(file)}: ${paint.bold(sentenceOf(reading))}\n  ${because}`);
    });
  contract
    .command('try')
    .argument('[file]', 'the registration, as a message has it; "-" reads it from stdin', '-')
    .description(
      'file one registration for real, and show each request, answer and reading until its end',
    )
    .requiredOption('--id <id>', 'its registration id')
    .option('--yes', 'file it: without this nothing is sent')
    .option('--again', 'also where the queue has brought it before: it may be filed a second time')
    .addHelpText(
      'after',
      `
It is filed with the system that LEGACY_URL names, outside of queue, database and audit: nothing else knows of it, so that the same
registration on the queue would be filed a second time. A registration that the queue has brought before is refused, where MongoDB answers. It is sent once, whatever comes of that. Ctrl-C ends the asking.
${examples(
  ['See the request that would be sent', 'despachante contract try registration.json --id test-1'],
  ['File it for real', 'despachante contract try registration.json --id test-1 --yes'],
)}`,
    )
    .action((file: string, options: TryOptions, command: Command) =>
      tryOne(file, options, command),
    );
}

function explained(config: Config, file: string, { get, result, lookUp, post }: ExplainOptions) {
  if ([get, result, lookUp, post].filter((each) => each !== undefined).length > 1)
    throw new CommandError('One of --post, --get, --result and --look-up', EXIT.usage);
  const contract = contractOf(config);
  const answer = answeredOf(
    read(file, (bytes) => recordedAnswer(bytes, config.legacy.maxResponseBytes)),
  );
  if (get !== undefined) {
    // Whose it is may be left open: then it is the one that the answer names.
    const poll = get === true ? { ...contract.poll, requestId: null } : contract.poll;
    return readPoll({ ...contract, poll }, answer, get === true ? '' : get);
  }
  if (result !== undefined) {
    const requestId = result === true ? null : result;
    return readResult(contract, answer, { requestId, status: SEE_OTHER });
  }
  return lookUp === undefined ? readSubmit(contract, answer) : readLookUp(contract, answer, lookUp);
}

function read<T>(file: string, how: (bytes: Buffer) => T): T {
  try {
    return how(readFileSync(file));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandError(`${line(file)} cannot be read: ${why}`, EXIT.usage);
  }
}

async function tryOne(
  file: string,
  { id, yes, again }: TryOptions,
  command: Command,
): Promise<void> {
  const { config } = load(command);
  const { submit } = config.legacy;
  const what = `${submit.method} ${config.legacyUrl}${submit.path}`;
  if (yes !== true) {
    const sentence = `This would file ${line(id)} for real, by ${what}: say --yes if that is meant. Nothing was sent`;
    throw new CommandError(sentence, EXIT.usage);
  }
  const body = file === '-' ? await buffer(process.stdin) : read(file, (bytes) => bytes);
  if (body.length === 0) throw new CommandError('There is no registration to send', EXIT.usage);
  const why = whyNotToTry(config, { id, body });
  if (why !== null) throw new CommandError(`${line(why)}. Nothing was sent`, EXIT.usage);
  if (again !== true) await refuseTaken(config, id);
  tell(`Filing ${line(id)} for real: ${what}`);
  const stop = new AbortController();
  void untilSignal(silent).then(() => stop.abort());
  const json = isJson(command);
  const show = (exchanged: Exchanged) =>
    json ? printJson(factsOf(exchanged, config), 0) : print(textOf(exchanged, config));
  const tried = await tryContract(config, { id, body }, show, stop.signal);
  if (json) printJson(tried, 0);
  else print(paint.bold(endOf(tried)));
  if (tried.kind !== 'registered') process.exitCode = EXIT.found;
}

/** A MongoDB that is not there yet is no reason to wait for it. */
async function refuseTaken(config: Config, id: string): Promise<void> {
  const taken = await isTaken(config, id).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    tell(`Whether the queue has brought ${line(id)} before is not known: ${line(why)}`);
    return false;
  });
  if (!taken) return;
  const sentence = `${line(id)} was taken from the queue already: take another id, or say --again if it may be filed a second time. Nothing was sent`;
  throw new CommandError(sentence, EXIT.usage);
}
