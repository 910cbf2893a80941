/** Which brokers lead the partitions of a topic, and whether it is still the topic that it was. */
import type { Consumer } from '@platformatic/kafka';
import type { Assignment } from './membership.ts';

interface Needs {
  topic: string;
  /** Of the topic that the group was joined for: one that is made anew under its name has another. */
  topicId: string;
  assignment: Assignment;
  lost: (why: Error) => void;
}

/** Leads what has no leader, and at first everything. */
export const NOBODY = -1;

export type Leaders = ReturnType<typeof createLeaders>;

/** @param clerk is asked again when its answer is 5 s old */
export function createLeaders(
  clerk: Pick<Consumer, 'metadata' | 'clearMetadata'>,
  { topic, topicId, assignment, lost }: Needs,
) {
  /** Of the topic when the session began. */
  let count: number | null = null;
  return {
    /** Partitions by the node that leads them. @throws Error, also when the topic was made anew, which it tells by `lost`, too */
    async of(partitions: Iterable<number>, forceUpdate = false): Promise<Map<number, number[]>> {
      const { topics } = await clerk.metadata({ topics: [topic], forceUpdate });
      const found = topics.get(topic);
      if (found === undefined) throw new Error(`Kafka knows no topic "${topic}"`);
      if (found.id !== topicId) {
        const why = new Error(`the topic "${topic}" was made anew`);
        lost(why);
        throw why;
      }
      count ??= found.partitionsCount;
      // One member of several, whoever has the first.
      if (count !== found.partitionsCount && assignment.partitions.includes(0))
        lost(new Error(`the topic "${topic}" has ${found.partitionsCount} partitions now`));
      return Map.groupBy(partitions, (each) => found.partitions[each]?.leader ?? NOBODY);
    },
    /** One of them is no leader any more. */
    forget: () => clerk.clearMetadata(),
  };
}
