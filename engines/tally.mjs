// A reporter for node:test that counts: {"passed": 12, "failed": 0, "skipped": 1, "slowest": [{"name", "file", "ms"}]} at the end,
// for last lines that a person and a program can read. Suites are not counted, the tests in them are.

export const SHOWN = 10;

export default async function* tally(events) {
  const count = { passed: 0, failed: 0, skipped: 0 };
  const took = [];
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.details?.type === 'suite' && type === 'test:pass') continue;
    if (data.skip !== undefined) count.skipped += 1;
    else if (type === 'test:pass' || data.todo !== undefined) count.passed += 1;
    else count.failed += 1;
    took.push({ name: data.name, file: data.file, ms: data.details?.duration_ms ?? 0 });
  }
  const slowest = took.sort((one, other) => other.ms - one.ms).slice(0, SHOWN);
  yield JSON.stringify({ ...count, slowest });
}
