/** The chart of lag against GETs: four panels, legible on light and dark pages. */
interface Point {
  gets: number;
  lag: number;
}
export interface Panel {
  shape: string;
  learned: Point[];
  fixed: Point[];
  doubling: Point[];
}

const WIDTH = 380;
const HEIGHT = 260;
const LEFT = 52;
const BOTTOM = 40;
const TOP = 34;
const [GETS_FROM, GETS_TO] = [1, 64];
const [LAG_FROM, LAG_TO] = [0.1, 64];
const SERIES = { learned: '#2f9e44', fixed: '#4c8dd6', doubling: '#d9682b' } as const;

const share = (value: number, from: number, to: number): number =>
  Math.log(Math.min(Math.max(value, from), to) / from) / Math.log(to / from);
const x = (gets: number): number => LEFT + share(gets, GETS_FROM, GETS_TO) * (WIDTH - LEFT - 16);
const y = (seconds: number): number =>
  HEIGHT - BOTTOM - share(seconds, LAG_FROM, LAG_TO) * (HEIGHT - BOTTOM - TOP);
const text = (left: number, top: number, words: string, anchor = 'middle'): string =>
  `<text x="${left.toFixed(1)}" y="${top.toFixed(1)}" text-anchor="${anchor}">${words}</text>`;

export function polling(panels: readonly Panel[]): string {
  const drawn = panels.map(
    (panel, n) =>
      `<g transform="translate(${(n % 2) * WIDTH},${30 + Math.floor(n / 2) * HEIGHT})">${draw(panel)}</g>`,
  );
  const legend = Object.entries({
    learned: 'learned',
    fixed: 'fixed pauses',
    doubling: 'doubling pauses',
  });
  const keys = legend.map(([name, words], n) => {
    const colour =
      name === 'learned' ? SERIES.learned : name === 'fixed' ? SERIES.fixed : SERIES.doubling;
    return `<circle cx="${LEFT + n * 150}" cy="16" r="4" fill="${colour}"/>${text(LEFT + 10 + n * 150, 20, words, 'start')}`;
  });
  // A grey that stands out on white and on black alike.
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${2 * WIDTH} ${30 + 2 * HEIGHT}" font-family="sans-serif" font-size="12" fill="#808890">
<title>Mean lag against GETs per registration: learned, fixed and doubling pauses</title>
${keys.join('')}
${drawn.join('\n')}
</svg>
`;
}

function draw(panel: Panel): string {
  const grid = [
    ...[1, 2, 4, 8, 16, 32, 64].map(
      (gets) =>
        `<path d="M${x(gets).toFixed(1)} ${TOP}V${HEIGHT - BOTTOM}"/>${text(x(gets), HEIGHT - BOTTOM + 15, String(gets))}`,
    ),
    ...[0.1, 0.5, 1, 2, 4, 8, 16, 32, 64].map(
      (lag) =>
        `<path d="M${LEFT} ${y(lag).toFixed(1)}H${WIDTH - 16}"/>${text(LEFT - 6, y(lag) + 4, `${lag} s`, 'end')}`,
    ),
  ];
  const lines = (['fixed', 'doubling', 'learned'] as const).map((name) => {
    const points = panel[name].map(({ gets, lag }) => [x(gets), y(lag / 1_000)] as const);
    const path = points.map(([left, top]) => `${left.toFixed(1)},${top.toFixed(1)}`).join(' ');
    const dots = points.map(
      ([left, top]) => `<circle cx="${left.toFixed(1)}" cy="${top.toFixed(1)}" r="3"/>`,
    );
    return `<g fill="${SERIES[name]}"><polyline points="${path}" fill="none" stroke="${SERIES[name]}" stroke-width="1.5"/>${dots.join('')}</g>`;
  });
  return `<g stroke="#808890" stroke-opacity="0.3" stroke-width="0.5">${grid.join('').replaceAll('<text', '<text stroke="none"')}</g>
${lines.join('\n')}
${text((LEFT + WIDTH) / 2, 22, panel.shape)}${text((LEFT + WIDTH) / 2, HEIGHT - 8, 'GETs per registration')}`;
}
