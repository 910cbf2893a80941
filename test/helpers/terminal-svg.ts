/** A command's output as a terminal shows it, as SVG: text stays text, which can be searched, copied and read aloud. */
import { stripVTControlCharacters } from 'node:util';

const LINE = 20;
/** Of a character, at most: fonts differ. */
const WIDTH = 8.6;
const EDGE = 16;

const ESCAPE = '\u{1b}[';
/** As `paint` of src/commands/table.ts has them. */
const STYLES: Readonly<Record<string, string>> = {
  '1': 'bold',
  '2': 'dim',
  '31': 'red',
  '32': 'green',
  '33': 'yellow',
  '36': 'cyan',
};

const style = `text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#24292f;white-space:pre}
rect{fill:#f6f8fa;stroke:#d0d7de}.bold{font-weight:600}.dim{fill:#57606a}
.red{fill:#cf222e}.green{fill:#116329}.yellow{fill:#7d4e00}.cyan{fill:#0550ae}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}rect{fill:#151b23;stroke:#3d444d}.dim{fill:#9198a1}
.red{fill:#ff7b72}.green{fill:#3fb950}.yellow{fill:#d29922}.cyan{fill:#58a6ff}}`;

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** A style of ours is begun by one code, and any other ends all of them. */
const spansOf = (line: string): string =>
  line
    .split(ESCAPE)
    .map((part, at) => {
      const [code = '', text = ''] = at === 0 ? ['', part] : part.split(/m(.*)/s);
      const name = STYLES[code];
      return name === undefined || text === ''
        ? escape(text)
        : `<tspan class="${name}">${escape(text)}</tspan>`;
    })
    .join('');

/** The whole file. @param title for those who cannot see it */
export function terminalSvg(title: string, output: string): string {
  const lines = output.trimEnd().split('\n');
  const longest = Math.max(...lines.map((each) => stripVTControlCharacters(each).length));
  const width = Math.ceil(longest * WIDTH + 2 * EDGE);
  const height = lines.length * LINE + 2 * EDGE;
  const rows = lines.map(
    (each, at) => `<text x="${EDGE}" y="${EDGE + at * LINE + 14}">${spansOf(each)}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">
<title>${escape(title)}</title>
<style>${style}</style>
<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="6"/>
${rows.join('\n')}
</svg>
`;
}
