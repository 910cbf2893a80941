/** Messages a hundred at a time, each with an outcome of its own. */
import { defineWorker, kafka, reject } from 'despachante';
import { z } from 'zod';

export default defineWorker({
  name: 'BatchWorker',
  from: kafka('events'),
  message: z.object({ event: z.string(), at: z.iso.datetime() }),
  batch: { size: 100, wait: '10s' },

  async handleBatch(items) {
    return Promise.all(items.map(({ message }) => processSingle(message)));
  },
});

async function processSingle({ event, at }: { event: string; at: string }) {
  if (event === '') return reject('an event has a name');
  return Promise.resolve({ event, day: at.slice(0, 10) });
}
