/** Where a message was taken from, in its broker's own terms; plain values, which fit into a claim and a run. */
export type Origin =
  /** An element of a list that a URL has given: where it begins. */
  | { broker: 'url'; offset: number }
  | { broker: 'folder'; folder: string; host: string }
  | { broker: 'rabbitmq'; queue: string; exchange: string; routingKey: string }
  | {
      broker: 'kafka';
      topic: string;
      /** A topic that is deleted and made anew has another one, and its offsets begin at 0 again. */
      topicId: string;
      partition: number;
      offset: number;
      /** Epoch ms: when it was published or, where the topic says so, appended. */
      timestamp: number;
      timestampType: 'CreateTime' | 'LogAppendTime';
      isTombstone: boolean;
    };
