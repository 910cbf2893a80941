// Temporal's time-skipping test server: a program that tests start for themselves, so here it is only found or fetched.
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { cached } from './cache.mjs';
import { downloadBySdk } from './download.mjs';
import { buildEnvironment, findProgram, root } from './paths.mjs';
import { runTool } from './processes.mjs';

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
    for (const tool of ['java', 'mvn'])
      if (!findProgram(tool, ctx.env))
        throw new Error(
          `Temporal's time-skipping test server is missing: it could not be downloaded, and to fetch it from Maven Central "${tool}" is missing.
  Remedy, any one of: install Java 11 or newer and Maven (Debian: apt install default-jre-headless maven), or give TEMPORAL_TEST_SERVER=/path/of/temporal-test-server.`,
        );
    const program = await cached(ctx, name, {
      file: 'temporal-test-server',
      label: `fetching Temporal's test server ${VERSION} with Maven`,
      estimate: 'about 30 s',
      build: (folder, log) => fetchJars(ctx, folder, log),
    });
    return { how: 'build', program };
  },

  addresses: (_ports, { program }) => ({ TEMPORAL_TEST_SERVER: program }),
};

async function fetchJars(ctx, folder, log) {
  const jars = join(folder, 'jars');
  mkdirSync(jars);
  writeFileSync(join(folder, 'pom.xml'), pom);
  const goals = [
    'org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies',
    `-DoutputDirectory=${jars}`,
    '-DincludeScope=runtime',
  ];
  const options = { env: buildEnvironment(ctx.env), cwd: folder, log, signal: ctx.signal };
  await runTool(findProgram('mvn', ctx.env), ['-B', '-q', '--strict-checksums', ...goals], options);
  requireHashes(jars);
  const program = join(folder, 'temporal-test-server');
  writeFileSync(program, wrapper);
  chmodSync(program, 0o755);
}

/** @throws Error when a file is not what it was when its hash was noted, or was not there then */
function requireHashes(jars) {
  const lines = readFileSync(join(root, 'engines', 'timeskipping.lock.txt'), 'utf8')
    .trim()
    .split('\n');
  const known = new Map(lines.map((line) => line.split(/\s+/).reverse()));
  for (const name of readdirSync(jars)) {
    const hash = createHash('sha256')
      .update(readFileSync(join(jars, name)))
      .digest('hex');
    if (known.get(name) !== hash)
      throw new Error(
        `${name} of Temporal's test server is not the file that engines/timeskipping.lock.txt names. Somebody may have replaced it where Maven fetches from.`,
      );
  }
}

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>despachante</groupId>
  <artifactId>test-server</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>io.temporal</groupId>
      <artifactId>temporal-test-server</artifactId>
      <version>${VERSION}</version>
    </dependency>
    <dependency>
      <!-- without it slf4j complains on stderr in the middle of the tests' report -->
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-nop</artifactId>
      <version>${LOGGING}</version>
    </dependency>
  </dependencies>
</project>
`;

// The SDK gives a server 5 s to answer: a quick start matters more than a quick run.
const wrapper = `#!/bin/sh
here=$(CDPATH= cd -- "$(dirname -- "$(readlink -f -- "$0")")" && pwd)
exec java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$here/jars/*" io.temporal.testserver.TestServer "$@"
`;
