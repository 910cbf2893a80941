// Temporal's time-skipping test server: a program that tests start for themselves, so here it is only found or fetched.
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached } from './cache.mjs';
import { downloadBySdk } from './download.mjs';
import { fetchJars, missingTool } from './maven.mjs';

const VERSION = '1.32.0';
const LOGGING = '1.7.36'; // the slf4j it is built with

export const timeskipping = {
  name: 'timeskipping',
  variable: 'TEMPORAL_TEST_SERVER',
  portNames: [],
  program: true, // nothing to start, stop or ask

  async locate(ctx) {
    const name = `temporal-test-server-${VERSION}`;
    const fetched = join(ctx.cache, name, 'temporal-test-server');
    if (existsSync(fetched)) return { how: 'cache', program: fetched };
    const downloaded = await downloadBySdk(ctx, 'test-server', VERSION);
    if (downloaded) return { how: 'download', program: downloaded };
    const tool = missingTool(ctx);
    if (tool)
      throw new Error(
        `Temporal's time-skipping test server is missing: it could not be downloaded, and to fetch it from Maven Central "${tool}" is missing.
  Remedy, any one of: install Java 11 or newer and Maven (Debian: apt install default-jre-headless maven), or give TEMPORAL_TEST_SERVER=/path/of/temporal-test-server.`,
      );
    const program = await cached(ctx, name, {
      file: 'temporal-test-server',
      label: `fetching Temporal's test server ${VERSION} with Maven`,
      estimate: 'about 30 s',
      build: (folder, log) => fetchServer(ctx, folder, log),
    });
    return { how: 'build', program };
  },

  addresses: (_ports, { program }) => ({ TEMPORAL_TEST_SERVER: program }),
};

async function fetchServer(ctx, folder, log) {
  const artifacts = [
    `io.temporal:temporal-test-server:${VERSION}`,
    // Without it slf4j complains on stderr in the middle of the tests' report.
    `org.slf4j:slf4j-nop:${LOGGING}`,
  ];
  await fetchJars(ctx, folder, log, { artifacts, lock: 'engines/timeskipping.lock.txt' });
  const program = join(folder, 'temporal-test-server');
  writeFileSync(program, wrapper);
  chmodSync(program, 0o755);
}

// The SDK gives a server 5 s to answer: a quick start matters more than a quick run.
const wrapper = `#!/bin/sh
here=$(CDPATH= cd -- "$(dirname -- "$(readlink -f -- "$0")")" && pwd)
exec java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$here/jars/*" io.temporal.testserver.TestServer "$@"
`;
