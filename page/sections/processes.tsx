/** Who works, and who is not heard of any more. */
import { useStore } from '../state/store.ts';
import type { OneProcess } from '../state/types.ts';
import { useFormats, useWords } from '../words/words.ts';
import { useFrozen } from '../parts/frozen.ts';
import { Head } from '../parts/head.tsx';
import { Known, Section } from '../parts/section.tsx';
import { Mark } from '../parts/shape.tsx';

const SHOWN = 12;
const ORDER = ['offline', 'alive', 'stopped'] as const;
const ROLES = ['worker', 'intake', 'tasks'] as const;

export function Processes() {
  const words = useWords();
  const tile = useStore(({ views }) => views.processes?.processes);
  const all = tile === undefined || tile.state === 'unknown' ? [] : tile.value;
  const alive = all.filter(({ state }) => state === 'alive');
  const offline = all.filter(({ state }) => state === 'offline').length;
  const parts = ROLES.flatMap((role) => {
    const count = alive.filter((each) => each.role === role).length;
    return count === 0 ? [] : [words.processes.count[role](count)];
  });
  return (
    <Section
      id="processes"
      title={words.processes.title}
      aside={
        <>
          {parts.join(', ')}
          {offline > 0 && <Mark tone="bad">{words.processes.offlineCount(offline)}</Mark>}
        </>
      }
    >
      <Known tile={tile}>{(processes) => <List all={processes} />}</Known>
    </Section>
  );
}

function List({ all }: { all: OneProcess[] }) {
  const words = useWords();
  const sorted = [...all].sort(
    (one, other) => ORDER.indexOf(one.state) - ORDER.indexOf(other.state),
  );
  const { rows, waiting, hold } = useFrozen(sorted, ({ id }) => id);
  if (rows.length === 0) return <p class="empty">{words.processes.none}</p>;
  const { columns } = words.processes;
  return (
    <div class="scroll" {...hold}>
      <table>
        <Head
          columns={[
            [columns.role],
            [columns.host, 'wide'],
            [columns.use, 'num late'],
            [columns.state, 'num'],
          ]}
        />
        <tbody>
          {rows.slice(0, SHOWN).map((one) => (
            <Row key={one.id} one={one} />
          ))}
        </tbody>
      </table>
      {rows.length > SHOWN && <p class="fresh">{words.more(rows.length - SHOWN)}</p>}
      {waiting > 0 && <p class="fresh">{words.newRows(waiting)}</p>}
    </div>
  );
}

function Row({ one }: { one: OneProcess }) {
  const words = useWords();
  const { number } = useFormats();
  const { when } = useFormats();
  const about = words.processes.version(one.version, when(new Date(one.since), Date.now()));
  const wire = one.endpoints.map(
    ({ onTheWire, share }) => `${number(onTheWire)} / ${number(share)}`,
  );
  const calls = one.sources.flatMap(({ calls: now, concurrency }) =>
    now === null || concurrency === null ? [] : [`${number(now)} / ${number(concurrency)}`],
  );
  const trouble =
    one.suffers ?? one.endpoints.find(({ waitReason }) => waitReason !== null)?.waitReason;
  return (
    <tr data-state={one.state}>
      <td>{words.processes.roles[one.role]}</td>
      <th scope="row" class="wide" title={about}>
        <bdi>{one.host}</bdi> <span class="muted">{one.pid}</span>
        {one.state === 'alive' && trouble !== undefined && trouble !== null && (
          <small class="why" title={trouble}>
            {trouble}
          </small>
        )}
      </th>
      <td class="num late">{[...wire, ...calls].join(', ') || words.none}</td>
      <td class="num">
        <Beat one={one} />
      </td>
    </tr>
  );
}

function Beat({ one }: { one: OneProcess }) {
  const words = useWords();
  const { age } = useFormats();
  const silent = age(one.silentMs);
  if (one.state === 'offline') return <Mark tone="bad">{words.processes.offline(silent)}</Mark>;
  if (one.state === 'stopped') return <span class="muted">{words.processes.stopped(silent)}</span>;
  return <Mark tone={one.suffers === null ? 'ok' : 'warn'}>{words.processes.alive(silent)}</Mark>;
}
