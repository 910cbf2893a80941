// What docs/how-to/connect.md says of a system is a configuration that can be used, and what it calls the same is the same.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/load.ts';
import { emptyFolder } from '../commands/cli.ts';

for (const document of [
  'docs/how-to/connect.md',
  'docs/how-to/connect.pt-BR.md',
  'docs/reference/http-statuses.md',
]) {
  test(`each description of a system in ${document} can be used`, (t) => {
    const text = readFileSync(document, 'utf8');
    const found = [...text.matchAll(/^( *)```yaml\n(legacy:[\s\S]*?| +legacy:[\s\S]*?)^ *```$/gm)];
    assert.ok(found.length > 0);
    const file = join(emptyFolder(t), 'despachante.yaml');
    const configs = found.map(([, , yaml = '']) => {
      writeFileSync(file, yaml);
      return loadConfig({ file, env: { OFFICE_KEY: 'x' } }).config;
    });
    const ofPreset = new Map(
      configs.map(({ legacy }, n) => [/preset: (\S+)/.exec(found[n]?.[2] ?? '')?.[1], legacy]),
    );
    for (const preset of ['location-202', 'error-in-200']) {
      const named = ofPreset.get(preset);
      if (named === undefined) continue;
      const written = configs.filter(({ legacy }) => legacy.preset === 'json-status');
      const same = JSON.stringify({ ...named, preset: 'json-status' });
      assert.ok(
        written.some(({ legacy }) => JSON.stringify(legacy) === same),
        preset,
      );
    }
  });
}
