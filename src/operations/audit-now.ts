/** An audit that somebody asks for, kept with what he did. */
import type { Config } from '../config/schema.ts';
import { FINDINGS, runAudit, shownReport, type Audited } from '../audit/run-audit.ts';
import type { Actions, AuditSummary } from '../coordination/actions.ts';
import { listProcesses } from '../coordination/processes.ts';
import type { TaskAudit } from '../domain/audit/task-audit.ts';
import { labelOf } from '../intake/label.ts';
import { withStore, withTemporal } from '../registrations/neighbours.ts';
import type { Said } from './said.ts';
import { auditWorker } from './task-audit.ts';
import { hasBroker, waitingIn } from './worker-counts.ts';

export const AUDIT = 'audit';

const SOME = 20;

/** @param worker null for registrations. @throws what a neighbour throws, which is noted */
export async function auditNow(
  config: Config,
  actions: Actions,
  said: Said & { worker: string | null; id: string },
): Promise<void> {
  const { id, worker, ...who } = said;
  await actions.act(
    { ...who, what: AUDIT, on: worker },
    async () => {
      const report =
        worker === null
          ? summaryOf(shownReport(await runAudit({}, config), config))
          : summaryOfTasks(await auditOfWorker(config, worker, null), config);
      await actions.addReport(id, report);
      return report;
    },
    ({ holds }) => (holds ? 'holds' : 'does not hold'),
    id,
  );
}

/** @param ledger the file of a publisher's; null for none */
export const auditOfWorker = (
  config: Config,
  worker: string,
  ledger: string | null,
): Promise<TaskAudit> =>
  withTemporal(config, (client) =>
    withStore(config, async ({ own }) => {
      const uses = (await listProcesses(own)).flatMap(({ sources }) => sources);
      const use = uses.find(({ name }) => name === worker)?.worker;
      const waiting = async () => (hasBroker(use) ? waitingIn(config, worker, use) : null);
      return auditWorker({ config, own, client, worker, ledger, waiting });
    }),
  );

function summaryOf(report: Audited): AuditSummary {
  const { confirmed, registered, failed, inDoubt, inFlight, setAside, holds } = report;
  const { claimed, inRuns, waiting } = inFlight;
  return {
    holds,
    sums: [
      { name: 'confirmed', count: confirmed },
      { name: 'registered', count: registered },
      ...Object.entries(failed).map(([name, count]) => ({ name, count: count ?? 0 })),
      { name: 'inDoubt', count: inDoubt },
      { name: 'inFlight', count: claimed + inRuns + waiting },
      { name: 'setAside', count: setAside },
    ],
    findings: FINDINGS.map(([kind]) => {
      const found = report[kind];
      const some = found.slice(0, SOME).map(({ id, what }) => ({ id, what }));
      return { kind, count: found.length, some };
    }),
  };
}

function summaryOfTasks(report: TaskAudit, config: Config): AuditSummary {
  const sums = ['published', 'tasks', 'done', 'dead', 'dropped', 'open', 'waiting'] as const;
  return {
    holds: report.holds,
    sums: sums.map((name) => ({ name, count: report[name] })),
    findings: (['lost', 'doneTwice', 'stranded'] as const).map((kind) => ({
      ...{ kind, count: report[kind].length },
      some: report[kind].slice(0, SOME).map((id) => ({ id: labelOf(id, config), what: '' })),
    })),
  };
}
