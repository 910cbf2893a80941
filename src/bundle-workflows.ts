/** Build step: bundles the workflow code once, so that no worker runs a bundler when it starts. */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, bundleWorkflowCode } from '@temporalio/worker';

export const WORKFLOW_BUNDLE = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));

/** The same code with workflows/failure-converter.ts: a bundle has its converter built in. */
export const ENCRYPTED_WORKFLOW_BUNDLE = fileURLToPath(
  new URL('../workflow-bundle-encrypted.js', import.meta.url),
);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const compiled = (name: string) =>
    fileURLToPath(new URL(`../workflows/${name}.js`, import.meta.url));
  const bundle = async (file: string, more: { failureConverterPath?: string }): Promise<void> => {
    const { code } = await bundleWorkflowCode({
      workflowsPath: compiled('index'),
      logger: new DefaultLogger('WARN', ({ message }) => void process.stderr.write(`${message}\n`)),
      ...more,
    });
    await writeFile(file, code);
  };
  await bundle(WORKFLOW_BUNDLE, {});
  await bundle(ENCRYPTED_WORKFLOW_BUNDLE, { failureConverterPath: compiled('failure-converter') });
}
