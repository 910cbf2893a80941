/** Records out of the answers to fetches, in the order of their offsets, without what no consumer is to see. */
import {
  IS_CONTROL,
  IS_TRANSACTIONAL,
  type Consumer,
  type KafkaRecord,
  type RecordsBatch,
} from '@platformatic/kafka';

export type FetchedPartition = Awaited<
  ReturnType<Consumer['fetch']>
>['responses'][number]['partitions'][number];

export interface ReadRecord extends Pick<KafkaRecord, 'key' | 'value' | 'headers'> {
  offset: bigint;
  /** Epoch ms. */
  timestamp: number;
  timestampType: 'CreateTime' | 'LogAppendTime';
}

/** A batch says by this bit that its timestamps were set as it was appended. */
const IS_LOG_APPEND_TIME = 8;

/**
 * The records from `position` on; a broker answers whole batches. The library's own filter lets records of some aborted
 * transactions through, so they are left out here, as Kafka's own consumer does it.
 */
export function* recordsOf(
  { records, abortedTransactions }: FetchedPartition,
  position: bigint,
): Generator<ReadRecord> {
  const aborted = (abortedTransactions ?? []).toSorted((one, other) =>
    Number(one.firstOffset - other.firstOffset),
  );
  const aborting = new Set<bigint>();
  for (const batch of records ?? []) {
    const end = endOf(batch);
    for (let next = aborted[0]; next !== undefined && next.firstOffset < end; next = aborted[0]) {
      aborting.add(next.producerId);
      aborted.shift();
    }
    if ((batch.attributes & IS_CONTROL) !== 0) {
      aborting.delete(batch.producerId);
      continue;
    }
    if ((batch.attributes & IS_TRANSACTIONAL) !== 0 && aborting.has(batch.producerId)) continue;
    for (const record of batch.records) {
      const offset = batch.firstOffset + BigInt(record.offsetDelta);
      if (offset >= position) yield { ...record, offset, ...timestampOf(batch, record) };
    }
  }
}

/** The offset behind the last batch, which may hold no record that is shown; null when nothing was answered. */
export function endOfRecords({ records }: FetchedPartition): bigint | null {
  const last = records?.at(-1);
  return last === undefined ? null : endOf(last);
}

const endOf = ({ firstOffset, lastOffsetDelta }: RecordsBatch): bigint =>
  firstOffset + BigInt(lastOffsetDelta) + 1n;

function timestampOf(
  { attributes, maxTimestamp, firstTimestamp }: RecordsBatch,
  { timestampDelta }: KafkaRecord,
): Pick<ReadRecord, 'timestamp' | 'timestampType'> {
  return (attributes & IS_LOG_APPEND_TIME) !== 0
    ? { timestamp: Number(maxTimestamp), timestampType: 'LogAppendTime' }
    : { timestamp: Number(firstTimestamp + timestampDelta), timestampType: 'CreateTime' };
}
