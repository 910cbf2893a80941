/** A web server that sends tasks, runs the workers for them, and answers with their results. */
import { join } from 'node:path';
import {
  NotSentError,
  configure,
  getResult,
  send,
  startWorkers,
  type ProcessOptions,
} from 'despachante';
import Fastify, { type FastifyInstance } from 'fastify';
import greetWorker from './workers/greet-worker.ts';

export async function createApp(options: ProcessOptions = {}): Promise<FastifyInstance> {
  const app = Fastify({ logger: { level: 'warn' } });
  configure({ log: app.log, ...options });

  // They start with the server, and stop with it.
  const workers = await startWorkers({ files: [join(import.meta.dirname, 'workers')] });
  app.addHook('onClose', () => workers.stop());

  app.post<{ Body: { name: string } }>('/greetings', async (request, reply) => {
    try {
      const { id } = await send(greetWorker, request.body);
      return await reply.code(202).send({ id });
    } catch (error) {
      if (!(error instanceof NotSentError)) throw error;
      return reply.code(error.kind === 'refused' ? 400 : 503).send({ error: error.message });
    }
  });

  app.get<{ Params: { id: string } }>('/greetings/:id', async (request, reply) => {
    const found = await getResult(greetWorker, request.params.id, { wait: '5s' });
    if (found === null) return reply.code(404).send({ error: 'it is not known, or not yet' });
    return { status: found.status, result: found.result, error: found.error };
  });

  app.get('/health/queue', async (_request, reply) => {
    const health = workers.health();
    return reply.code(health.status === 'healthy' ? 200 : 503).send(health);
  });

  return app;
}
