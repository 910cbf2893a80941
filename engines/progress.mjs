// What a person sees while servers are fetched, built and started: on stderr, so that stdout stays for results.
// On a terminal one line per running step, updated in place; elsewhere a line every 15 seconds.

const LINE_EVERY_MS = 15_000;

export function duration(ms) {
  const seconds = Math.round(ms / 1000);
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)}s`;
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}

/**
 * @param out a writable stream; `out.isTTY` decides how steps are drawn
 * @returns `say(line)` and `step(label, estimate, work)`: runs `work` and shows `label (estimate) … time`
 */
export function createProgress(out = process.stderr) {
  const running = new Set();
  let drawn = 0;
  let timer;

  const text = (step) =>
    `  ${step.label}${step.estimate ? `, ${step.estimate}` : ''} … ${duration(Date.now() - step.begun)}`;
  const erase = () => {
    if (drawn > 0) out.write(`\x1b[${drawn}A\x1b[0J`);
    drawn = 0;
  };
  const draw = () => {
    erase();
    const width = Math.max(20, (out.columns || 80) - 1); // a wrapped line could not be erased
    for (const step of running) {
      out.write(`${text(step).slice(0, width)}\n`);
      drawn += 1;
    }
  };
  const tick = () => {
    if (out.isTTY) return draw();
    for (const step of running) {
      if (Date.now() - step.told < LINE_EVERY_MS) continue;
      step.told = Date.now();
      out.write(`${text(step)}\n`);
    }
  };
  const say = (line) => {
    if (out.isTTY) erase();
    out.write(`${line}\n`);
    if (out.isTTY) draw();
  };

  return {
    say,
    async step(label, estimate, work) {
      const step = { label, estimate, begun: Date.now(), told: Date.now() };
      running.add(step);
      if (out.isTTY) draw();
      else out.write(`  ${label}${estimate ? `, ${estimate}` : ''} …\n`);
      timer ??= setInterval(tick, 1000);
      try {
        return await work();
      } finally {
        running.delete(step);
        if (running.size === 0) {
          clearInterval(timer);
          timer = undefined;
        }
        if (out.isTTY) draw();
      }
    },
  };
}
