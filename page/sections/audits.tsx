/** Is anything lost? The last audit, and a new one. */
import { useSeconds } from '../state/clock.ts';
import { useMay } from '../state/session.ts';
import { change, useStore } from '../state/store.ts';
import type { AuditRun } from '../state/types.ts';
import { useFormats, useWords } from '../words/words.ts';
import { Known, Section } from '../parts/section.tsx';
import { Mark, type Tone } from '../parts/shape.tsx';

export function Audits() {
  const words = useWords();
  const may = useMay('audit');
  const tile = useStore(({ views }) => views.audits?.audits);
  return (
    <Section
      id="audit"
      title={words.audits.title}
      tools={
        may ? (
          <button
            class="small quiet"
            onClick={() => change({ dialog: { kind: 'audit', flow: 'registrations' } })}
          >
            {words.audits.now}
          </button>
        ) : undefined
      }
    >
      <Known tile={tile}>
        {([last]) =>
          last === undefined ? <p class="empty">{words.audits.never}</p> : <Last run={last} />
        }
      </Known>
    </Section>
  );
}

function Last({ run }: { run: AuditRun }) {
  const words = useWords();
  const { age, number } = useFormats();
  const now = useSeconds();
  const { report } = run;
  const [tone, word]: [Tone, string] = run.isRunning
    ? ['idle', words.audits.running]
    : report === null
      ? ['unknown', words.audits.failed]
      : report.holds
        ? ['ok', words.audits.holds]
        : ['bad', words.audits.broken];
  return (
    <div class="audit">
      <p class="line">
        <Mark tone={tone}>{word}</Mark>
        <span class="muted">
          {words.audits.at(run.flow, age(now - Date.parse(run.at)), run.by)}
        </span>
      </p>
      {report === null && run.result !== null && <p class="why">{run.result.text}</p>}
      {report !== null && (
        <p class="sums">
          {report.sums.map(({ name, count }) => (
            <span key={name}>
              <b>{count === null ? words.none : number(count)}</b> {name}
            </span>
          ))}
        </p>
      )}
      {report !== null && report.findings.length > 0 && (
        <ul class="findings">
          {report.findings.map(({ kind, count, some }) => (
            <li key={kind}>
              {words.audits.findings(count, kind)}{' '}
              <span class="why mono" title={some.map(({ id, what }) => `${id} ${what}`).join('\n')}>
                {some.map(({ id }) => id).join(', ')}
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
