/** Build step: bundles the workflow code once, so that no worker runs a bundler when it starts. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, bundleWorkflowCode } from '@temporalio/worker';

const compiled = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const PLAIN = 'workflow-bundle.js';
const ENCRYPTED = 'workflow-bundle-encrypted.js';

export const WORKFLOW_BUNDLE = compiled(PLAIN);

/** The same code with workflows/failure-converter.ts: a bundle has its converter built in. */
export const ENCRYPTED_WORKFLOW_BUNDLE = compiled(ENCRYPTED);

export async function bundleWorkflows(workflowsPath: string, folder: string): Promise<void> {
  const bundle = async (file: string, more: { failureConverterPath?: string }): Promise<void> => {
    const { code } = await bundleWorkflowCode({
      workflowsPath,
      logger: new DefaultLogger('WARN', ({ message }) => void process.stderr.write(`${message}\n`)),
      ...more,
    });
    await writeFile(join(folder, file), code);
  };
  await bundle(PLAIN, {});
  await bundle(ENCRYPTED, { failureConverterPath: compiled('workflows/failure-converter.js') });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await bundleWorkflows(compiled('workflows/index.js'), compiled('.'));
}
