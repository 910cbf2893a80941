/** Takes from the default queue, because it names none. */
import { defineWorker } from 'despachante';
import { z } from 'zod';

export default defineWorker({
  name: 'GreetWorker',
  message: z.object({ name: z.string().min(1) }),
  handle: ({ name }) => ({ greeting: `Olá, ${name}` }),
});
