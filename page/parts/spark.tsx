/** Sixty minutes as a line from zero. A minute that nobody knew is a gap. */
const WIDTH = 120;
const HEIGHT = 22;

export interface SparkProps {
  values: readonly (number | null)[];
  /** For who cannot see it: what it is, and from where to where. */
  label: string;
}

export function Spark({ values, label }: SparkProps) {
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return <div class="spark" aria-hidden="true" />;
  const top = Math.max(...known, 1e-9);
  const step = WIDTH / Math.max(1, values.length - 1);
  const points = values.map((value, n) =>
    value === null ? null : { x: n * step, y: HEIGHT - 1 - (value / top) * (HEIGHT - 3) },
  );
  const runs = runsOf(points);
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      {runs.map((run) => (
        <g key={run[0]?.x}>
          <path
            class="area"
            d={`${lineOf(run)}L${run.at(-1)?.x ?? 0} ${HEIGHT}L${run[0]?.x ?? 0} ${HEIGHT}Z`}
          />
          <path class="line" d={lineOf(run)} />
        </g>
      ))}
    </svg>
  );
}

interface Point {
  x: number;
  y: number;
}

const lineOf = (run: readonly Point[]): string =>
  run.map(({ x, y }, n) => `${n === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');

function runsOf(points: readonly (Point | null)[]): Point[][] {
  const runs: Point[][] = [[]];
  for (const point of points)
    if (point === null) runs.push([]);
    else runs.at(-1)?.push(point);
  return runs.filter((run) => run.length > 0);
}
