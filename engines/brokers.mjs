// Which RabbitMQ: "any" is the one on the PATH, else what apt offers; "4" is the one that tests need beside an older one;
// "newest" is "4" where it can be had and the other is older.
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { aptVersion, fetchRabbit } from './debian.mjs';
import { dockerRuns } from './docker.mjs';
import { findProgram } from './paths.mjs';
import { VERSION, fetchRabbit4 } from './trixie.mjs';

/** What a user can choose; "newest" is for the tests. */
export const choices = ['any', '4'];

/**
 * @returns `{how, kind, program, path}`: the server script, and the PATH under which it finds Erlang; the kind also names
 *   the data folder, since 4 cannot read what 3.10 wrote
 */
export async function locateBroker(ctx) {
  const choice = ctx.rabbitmq ?? 'any';
  if (![...choices, 'newest'].includes(choice))
    throw new Error(`DESPACHANTE_RABBITMQ=${choice}: expected ${choices.join(' or ')}`);
  if (choice === '4') return locate4(ctx);
  if (choice === 'newest' && !isFour(versionOfAny(ctx))) {
    try {
      return await locate4(ctx);
    } catch (error) {
      ctx.signal.throwIfAborted();
      ctx.progress.say(`  rabbitmq: ${VERSION} cannot be had here: ${firstLine(error)}`);
    }
  }
  return locateAny(ctx);
}

/** Why this machine does not offer a second broker for tests, or undefined when it does: "any" is then older than "4". */
export async function reasonAgainstOther(ctx) {
  if (ctx.env.AMQP_URL) return 'the tests use the broker that AMQP_URL gives';
  if (dockerRuns(ctx)) return 'Docker brings one version only';
  const version = versionOfAny(ctx);
  if (isFour(version)) return `this machine offers RabbitMQ ${version}, and no older one`;
  try {
    await fetchRabbit4(ctx);
    return undefined;
  } catch (error) {
    ctx.signal.throwIfAborted();
    return `RabbitMQ ${VERSION} cannot be had here: ${firstLine(error)}`;
  }
}

async function locate4(ctx) {
  return { how: 'cache', kind: '4', ...(await fetchRabbit4(ctx)) };
}

async function locateAny(ctx) {
  const program = scriptOnPath(ctx);
  if (program) return { how: 'PATH', kind: 'any', program, path: ctx.env.PATH };
  return { how: 'cache', kind: 'any', ...(await fetchRabbit(ctx)) };
}

function scriptOnPath(ctx) {
  const onPath = findProgram('rabbitmq-server', ctx.env);
  if (!onPath) return undefined;
  // Debian's /usr/sbin/rabbitmq-server changes to another user; the script it wraps does not.
  const real = realpathSync(onPath);
  const plain = join(dirname(real), 'rabbitmq-server');
  return real.endsWith('rabbitmq-script-wrapper') && existsSync(plain) ? plain : onPath;
}

/** As far as it can be told without starting it: packages have it in the name of a folder. */
function versionOfAny(ctx) {
  const program = scriptOnPath(ctx);
  return program ? /\d+\.\d+\.\d+/.exec(realpathSync(program))?.[0] : aptVersion(ctx);
}

const isFour = (version) => Number.parseInt(version ?? '', 10) >= 4;
const firstLine = (error) => error.message.split('\n')[0];
