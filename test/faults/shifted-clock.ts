/**
 * Preloaded into a process (NODE_OPTIONS=--import): its wall clock differs from the machine's by as many ms as the file says
 * that SHIFTED_CLOCK names, from one moment to the next, as when somebody sets it. The monotonic clock goes on.
 */
import { readFileSync } from 'node:fs';

const EACH_MS = 50;
const RealDate = Date;
const realNow = Date.now;
const file = process.env['SHIFTED_CLOCK'] ?? '';
let offset = 0;

function read(): void {
  try {
    offset = Number(readFileSync(file, 'utf8'));
  } catch {
    // Nobody has set it yet.
  }
}

globalThis.Date = new Proxy(RealDate, {
  construct(target, given: unknown[], newTarget) {
    const made: unknown = Reflect.construct(
      target,
      given.length === 0 ? [target.now()] : given,
      newTarget,
    );
    if (made instanceof RealDate) return made;
    throw new TypeError('no Date');
  },
});
RealDate.now = () => realNow() + offset;
read();
setInterval(read, EACH_MS).unref();
