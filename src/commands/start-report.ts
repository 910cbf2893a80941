/** What `start` shows: a line while it runs, and the report at the end. */
import type { Config } from '../config/schema.ts';
import { maskUrl } from '../runtime/mask.ts';
import type { Measured } from '../operations/measure.ts';
import { columns, number, paint } from './table.ts';

export interface Report extends Measured {
  count: number;
  prefix: string;
  audit: { holds: boolean; inDoubt: number; takenByOthers: number } & Record<Fault, number>;
}

type Fault = 'lost' | 'filedTwice' | 'settledTwice';

export function progressLine(
  now: { claimed: number; settled: number; byOutcome: Record<string, number> },
  count: number,
  seconds: number,
): string {
  const registered = now.byOutcome['registered'] ?? 0;
  const parts = [
    `${number(now.claimed - now.settled)} in flight`,
    `${number(registered)} registered`,
    `${number(now.settled - registered)} failed`,
    `of ${number(count)}`,
    seconds > 0 ? `${seconds.toFixed(0)} s` : '',
  ];
  return parts.filter((part) => part !== '').join(' · ');
}

export const addressesOf = ({ temporal, rabbit, legacyUrl, mongodbUri, mongodb }: Config) => ({
  temporalWeb: temporal.webUrl,
  queues: rabbit.webUrl === null ? null : `${rabbit.webUrl}/#/queues`,
  intakeQueue: rabbit.intakeQueue,
  failureQueue: rabbit.failureQueue,
  mongodb: `${maskUrl(mongodbUri)} (collection ${mongodb.collection})`,
  legacy: legacyUrl,
});

export function reportText(report: Report, addresses: Addresses): string {
  const { audit, byOutcome } = report;
  const seconds = (ms: number | null) => (ms === null ? '–' : `${(ms / 1000).toFixed(2)} s`);
  const outcomes = Object.entries(byOutcome).map(([kind, n]) => [`  ${kind}`, number(n)]);
  const { lost, filedTwice, settledTwice } = audit;
  const bad = `${lost} lost, ${filedTwice} filed twice, ${settledTwice} settled twice`;
  const sum = audit.holds
    ? paint.green('holds: nothing lost, nothing filed twice, nothing settled twice')
    : paint.red(`does NOT hold: ${bad}`);
  const settled = `${number(report.settled)} of ${number(report.count)}`;
  const floor = report.floorSeconds;
  const legacy = floor === null ? '' : ` (the legacy system took ${floor.toFixed(1)} s)`;
  return columns([
    ['settled', `${settled} in ${report.wallSeconds.toFixed(1)} s${legacy}`],
    ...outcomes,
    ['lag', `p50 ${seconds(report.lagP50Ms)}, p99 ${seconds(report.lagP99Ms)}`],
    ['GETs', `${report.getsPerRegistration?.toFixed(1) ?? '–'} per registration`],
    ['audit', sum],
    ...(audit.takenByOthers > 0
      ? [['', `${number(audit.takenByOthers)} taken from the failure queue by others`]]
      : []),
    ['', ''],
    ...addressRows(addresses),
  ]);
}

type Addresses = ReturnType<typeof addressesOf>;

/** Where nothing was published there is nothing else to report. */
export const addressText = (addresses: Addresses): string => columns(addressRows(addresses));

const addressRows = ({ temporalWeb, queues, mongodb, legacy }: Addresses): string[][] => [
  ['Temporal Web', temporalWeb ?? '(TEMPORAL_WEB_URL is not set)'],
  ['queues', queues ?? '(RABBITMQ_WEB_URL is not set)'],
  ['MongoDB', mongodb],
  ['legacy system', legacy],
];
