// A reporter for node:test that counts: {"passed": 12, "failed": 1, "skipped": 1, "failures": [{"name", "file", "why"}],
// "slowest": [{"name", "file", "ms"}]} at the end, for last lines that a person and a program can read. Suites are not counted,
// the tests in them are.

export const SHOWN = 10;

export default async function* tally(events) {
  const count = { passed: 0, failed: 0, skipped: 0 };
  const failures = [];
  const took = [];
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const error = data.details?.error;
    // A suite counts only when it failed by itself: in its own body or hooks.
    const isOwn = type === 'test:fail' && error?.failureType !== 'subtestsFailed';
    if (data.details?.type === 'suite' && !isOwn) continue;
    if (data.skip !== undefined) count.skipped += 1;
    else if (type === 'test:pass' || data.todo !== undefined) count.passed += 1;
    else {
      count.failed += 1;
      failures.push({ name: data.name, file: data.file, why: whyOf(error) });
    }
    took.push({ name: data.name, file: data.file, ms: data.details?.duration_ms ?? 0 });
  }
  const slowest = took.sort((one, other) => other.ms - one.ms).slice(0, SHOWN);
  yield JSON.stringify({ ...count, failures, slowest });
}

/** What an assertion compared stands in its next lines; where, in the first line of the stack that is a test's. */
const LINES = 6;

/** Node wraps the error of the test, which comes from another process and may be anything that can be thrown. */
function whyOf(error) {
  const thrown = error?.cause ?? error;
  const text = String(thrown?.message ?? thrown ?? 'no error was given');
  const said = text.split('\n').filter((line) => line.trim() !== '');
  const where = /\S*\/test\/\S+:\d+/
    .exec(String(thrown?.stack ?? ''))?.[0]
    .replace(/^.*\/(?=test\/)/, 'at ');
  return [...said.slice(0, LINES), ...(where === undefined ? [] : [where])].join('\n      ');
}
