// A reporter for node:test that counts: {"passed": 12, "failed": 0, "skipped": 1} at the end, for a last line
// that a person and a program can read. Suites are not counted, the tests in them are.

export default async function* tally(events) {
  const count = { passed: 0, failed: 0, skipped: 0 };
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.details?.type === 'suite' && type === 'test:pass') continue;
    if (data.skip !== undefined) count.skipped += 1;
    else if (type === 'test:pass' || data.todo !== undefined) count.passed += 1;
    else count.failed += 1;
  }
  yield JSON.stringify(count);
}
