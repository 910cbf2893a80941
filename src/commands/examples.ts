export type Example = readonly [purpose: string, line: string];

/** The end of a help text: examples, each with its purpose. `test/commands/help.test.ts` has each of them read. */
export const examples = (...all: readonly Example[]): string =>
  `\nExamples:\n${all.map(([purpose, line]) => `  # ${purpose}\n  ${line}`).join('\n')}`;
