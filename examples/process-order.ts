/** The returned value goes to another topic. */
import { worker } from 'despachante';

export default worker(
  { topic: 'orders', output_topic: 'order-results', group_id: 'order-processor' },
  async function processOrder(message: { id: number }) {
    return Promise.resolve({ order_id: message.id, status: 'processed' });
  },
);
