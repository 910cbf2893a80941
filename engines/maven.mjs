// Jars from Maven Central: exact versions, and of each file the hash that was noted when it was first taken.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildEnvironment, findProgram, root } from './paths.mjs';
import { runTool } from './processes.mjs';

/** Which of the programs that this takes is missing, or undefined. */
export const missingTool = (ctx) => ['java', 'mvn'].find((tool) => !findProgram(tool, ctx.env));

/**
 * Puts artifacts, and what they need to run, into the folder `jars` of `folder`.
 * @param artifacts as "group:name:version"
 * @param lock a file of the project with a line "sha256  name.jar" for each
 */
export async function fetchJars(ctx, folder, log, { artifacts, lock }) {
  const jars = join(folder, 'jars');
  mkdirSync(jars);
  writeFileSync(join(folder, 'pom.xml'), pomOf(artifacts));
  const goals = [
    'org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies',
    `-DoutputDirectory=${jars}`,
    '-DincludeScope=runtime',
  ];
  const options = { env: buildEnvironment(ctx.env), cwd: folder, log, signal: ctx.signal };
  await runTool(findProgram('mvn', ctx.env), ['-B', '-q', '--strict-checksums', ...goals], options);
  requireHashes(jars, lock);
}

/** @throws Error when a file is not what it was when its hash was noted, or was not there then */
function requireHashes(jars, lock) {
  const lines = readFileSync(join(root, lock), 'utf8').trim().split('\n');
  const known = new Map(lines.map((line) => line.split(/\s+/).reverse()));
  for (const name of readdirSync(jars)) {
    const hash = createHash('sha256')
      .update(readFileSync(join(jars, name)))
      .digest('hex');
    if (known.get(name) !== hash)
      throw new Error(
        `${name} is not the file that ${lock} names. Somebody may have replaced it where Maven fetches from.`,
      );
  }
}

const pomOf = (artifacts) => `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>despachante</groupId>
  <artifactId>engines</artifactId>
  <version>1</version>
  <dependencies>
${artifacts.map(dependencyOf).join('\n')}
  </dependencies>
</project>
`;

function dependencyOf(artifact) {
  const [group, name, version] = artifact.split(':');
  return `    <dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency>`;
}
