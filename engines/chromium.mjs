// Chromium without a window, for the tests of the operations page: found, or Debian's package unpacked into the cache with the libraries
// that the machine lacks and two fonts, so that pictures look the same everywhere. Tests start it for themselves.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached } from './cache.mjs';
import { aptTools, candidate, dependenciesOf, isInstalled, unpack } from './debian.mjs';
import { findProgram } from './paths.mjs';

const wanted = {
  name: 'chromium-headless-shell',
  label: 'Chromium',
  variable: 'CHROMIUM (the path of its program)',
};
const FONTS = ['fonts-inter', 'fonts-jetbrains-mono'];
const onPath = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome'];

export const chromium = {
  name: 'chromium',
  variable: 'CHROMIUM',
  portNames: [],
  program: true, // nothing to start, stop or ask
  local: true, // no service of docker-compose.yml

  async locate(ctx) {
    const found = onPath.map((name) => findProgram(name, ctx.env)).find(Boolean);
    if (found) return { how: 'PATH', program: found };
    const tool = aptTools.find((name) => !findProgram(name, ctx.env));
    if (tool)
      throw new Error(
        `Chromium is missing: neither CHROMIUM nor a program such as "chromium" was found, and without ${tool} (Debian, Ubuntu) it cannot be fetched.
  Remedy, any one of: install Chromium (macOS: brew install --cask chromium), or give CHROMIUM=/path/of/chromium.`,
      );
    const version = await candidate(ctx, wanted);
    const program = await cached(ctx, `chromium-${version}`, {
      file: 'chromium',
      label: `fetching Chromium ${version} with apt-get`,
      estimate: 'about 20 s',
      async build(folder, log) {
        await unpack(ctx, folder, log, [], needed(ctx));
        wrap(folder);
      },
    });
    return { how: 'cache', program };
  },

  addresses: (_ports, { program }) => ({ CHROMIUM: program }),
};

/** A browser without a window needs none of the programs and data that its libraries ask for. */
function needed(ctx) {
  const libraries = dependenciesOf(ctx, wanted.name).filter((name) => /^(lib|zlib)/.test(name));
  return [
    wanted.name,
    'chromium-common',
    ...FONTS,
    ...libraries.filter((name) => !isInstalled(ctx, name)),
  ];
}

/** Starts it with its own libraries and fonts, wherever the folder lies. */
function wrap(folder) {
  mkdirSync(join(folder, 'fonts'));
  writeFileSync(join(folder, 'fonts.conf'), fontSettings);
  const program = join(folder, 'chromium');
  writeFileSync(program, wrapper);
  chmodSync(program, 0o755);
}

const preferred = { 'sans-serif': 'Inter', 'system-ui': 'Inter', monospace: 'JetBrains Mono' };
const aliases = Object.entries(preferred).map(
  ([family, font]) =>
    `  <match target="pattern"><test name="family"><string>${family}</string></test><edit name="family" mode="prepend" binding="strong"><string>${font}</string></edit></match>`,
);
const fontSettings = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">usr/share/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
${aliases.join('\n')}
</fontconfig>
`;

const wrapper = `#!/bin/sh
here=$(CDPATH= cd -- "$(dirname -- "$(readlink -f -- "$0")")" && pwd)
libraries=$(echo "$here"/lib/*-linux-gnu "$here"/usr/lib/*-linux-gnu "$here"/usr/lib/*-linux-gnu/pulseaudio | tr ' ' ':')
LD_LIBRARY_PATH="$libraries\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" FONTCONFIG_FILE="$here/fonts.conf" XDG_CACHE_HOME="$here/fonts" \\
  exec "$here/usr/lib/chromium/chromium-headless-shell" "$@"
`;
