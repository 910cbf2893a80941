/** Charts as SVG, drawn by hand so that they need no library, and legible on light and dark pages. */

/** What stands in one row of one panel. `to` in the unit of the panel; null: not measured. */
export interface Mark {
  to: number | null;
  /** Where a thinner bar goes on to. */
  on?: number;
  text: string;
}

export interface Panel {
  title: string;
  /** A dashed line, such as a floor. */
  line: number | null;
  /** In the order of the rows. */
  marks: Mark[];
}

export interface Chart {
  title: string;
  rows: { label: string; isOurs: boolean }[];
  panels: Panel[];
}

const WIDTH = 960;
const LABELS = 230;
const ROW = 30;
const TOP = 66;
const GAP = 20;
/** Room for the text behind the longest bar. */
const TEXT = 92;

const style = `text{font:13px system-ui,sans-serif;fill:#24292f}
.title{font-size:15px;font-weight:600}.panel{font-size:12px;fill:#57606a}
.ours{font-weight:600}.bar{fill:#8c959f}.bar.ours{fill:#0969da}.on{opacity:.4}
.line{stroke:#57606a;stroke-dasharray:3 3}.none{fill:#8c959f}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.panel,.none{fill:#9198a1}.bar{fill:#6e7681}.bar.ours{fill:#58a6ff}.line{stroke:#9198a1}}`;

/** The whole file. */
export function svgOf({ title, rows, panels }: Chart): string {
  const height = TOP + rows.length * ROW + 8;
  const width = (WIDTH - LABELS) / panels.length - GAP;
  const body = [
    `<text class="title" x="0" y="18">${escape(title)}</text>`,
    ...rows.map(({ label, isOurs }, row) => {
      const y = TOP + row * ROW + 18;
      return `<text class="${isOurs ? 'ours' : ''}" x="0" y="${y}">${escape(label)}</text>`;
    }),
    ...panels.flatMap((panel, index) => {
      const x = LABELS + index * (width + GAP);
      return panelOf(panel, rows, { x, width, height });
    }),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img">
<title>${escape(title)}</title>
<style>${style}</style>
${body.join('\n')}
</svg>
`;
}

function panelOf(
  { title, line, marks }: Panel,
  rows: Chart['rows'],
  { x, width, height }: { x: number; width: number; height: number },
): string[] {
  const most = Math.max(line ?? 0, ...marks.map(({ to, on }) => Math.max(to ?? 0, on ?? 0)));
  const scale = (value: number) => (most === 0 ? 0 : (value / most) * (width - TEXT));
  const at = (value: number) => (x + scale(value)).toFixed(1);
  const bars = marks.flatMap(({ to, on, text }, row) => {
    const y = TOP + row * ROW;
    if (to === null) return [`<text class="none" x="${x}" y="${y + 18}">${escape(text)}</text>`];
    const ours = rows[row]?.isOurs === true ? ' ours' : '';
    const end = Math.max(to, on ?? 0);
    return [
      `<rect class="bar${ours}" x="${x}" y="${y + 5}" width="${scale(to).toFixed(1)}" height="18"/>`,
      ...(on === undefined || on <= to
        ? []
        : [
            `<rect class="bar on${ours}" x="${at(to)}" y="${y + 10}" width="${scale(on - to).toFixed(1)}" height="8"/>`,
          ]),
      `<text class="${ours.trim()}" x="${(x + scale(end) + 6).toFixed(1)}" y="${y + 18}">${escape(text)}</text>`,
    ];
  });
  return [
    `<text class="panel" x="${x}" y="${TOP - 14}">${escape(title)}</text>`,
    ...bars,
    ...(line === null
      ? []
      : [
          `<line class="line" x1="${at(line)}" x2="${at(line)}" y1="${TOP - 6}" y2="${height - 6}"/>`,
        ]),
  ];
}

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('`', '');
