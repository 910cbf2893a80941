/** `/live`, `/ready` and `/metrics` of a process, on a port of its own. */
import { briefHttpServer, listen, pathOf, stopServing } from '../net/listen.ts';
import type { Metrics } from './metrics.ts';

export interface HealthOptions {
  host: string;
  /** 0 for any free port. */
  port: number;
  metrics: Metrics;
  /** Null while the process starts. */
  health: () => Health | null;
}

export interface Health {
  /** Each neighbour and whether it can be used; all must be for the process to be ready. */
  checks: () => Record<string, boolean>;
  /** What else to tell; makes nobody unready. */
  details?: () => Record<string, unknown>;
  /** Of each queue that is taken from, whether it can be, and why nothing is taken; for `/health/queue`. */
  queues?: () => Record<string, QueueHealth>;
  /** Brings gauges up to date that are counted when they are asked for. Never throws. */
  refresh?: () => Promise<void>;
}

export interface QueueHealth {
  status: 'healthy' | 'unhealthy';
  /** By who closes it; nothing is taken meanwhile, and nothing is wrong. */
  closedBy: Readonly<Record<string, string>>;
}

/** What `/health/queue` answers. */
export function healthOf(queues: Record<string, QueueHealth>) {
  const isWell = Object.values(queues).every(({ status }) => status === 'healthy');
  return { status: isWell ? ('healthy' as const) : ('unhealthy' as const), queues };
}

/**
 * Live never depends on a neighbour: restarting us mends no broker. Ready tells whether work can be taken.
 * @throws Error when the port is taken
 */
export async function serveHealth({
  host,
  port,
  metrics,
  health,
}: HealthOptions): Promise<{ port: number; close(): Promise<void> }> {
  let told: string[] = [];
  const server = briefHttpServer((request, response) => {
    const send = (status: number, type: string, body: string): void => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
      response.end(body);
    };
    const now = health();
    const state = now?.checks() ?? {};
    // A folder that has gone from its file is not away.
    for (const dependency of told) if (!(dependency in state)) metrics.up.remove({ dependency });
    for (const [dependency, isUp] of Object.entries(state)) {
      metrics.up.set({ dependency }, isUp ? 1 : 0);
    }
    told = Object.keys(state);
    switch (pathOf(request)) {
      case '/live':
        return send(200, 'application/json', '{"live":true}\n');
      case '/ready': {
        const ready = now !== null && Object.values(state).every(Boolean);
        const started = now === null ? { started: false } : {};
        const body = JSON.stringify({ ready, ...started, ...state, ...now?.details?.() });
        return send(ready ? 200 : 503, 'application/json', `${body}\n`);
      }
      case '/health/queue': {
        if (now === null) return send(503, 'text/plain', 'this process starts\n');
        if (now.queues === undefined)
          return send(404, 'text/plain', 'this process takes from no queue of workers\n');
        const body = healthOf(now.queues());
        const isWell = body.status === 'healthy';
        // Clients of the template look below `detail`.
        const told = isWell ? body : { ...body, detail: body };
        return send(isWell ? 200 : 503, 'application/json', `${JSON.stringify(told)}\n`);
      }
      case '/metrics':
        (now?.refresh?.() ?? Promise.resolve())
          .then(() => metrics.registry.metrics())
          .then(
            (text) => send(200, metrics.registry.contentType, text),
            () => send(500, 'text/plain', 'metrics failed\n'),
          );
        return;
      default:
        return send(404, 'text/plain', 'try /live, /ready or /metrics\n');
    }
  });
  const taken = ({ message }: Error) =>
    `Cannot serve health on ${host}:${port}: ${message}. Choose another with --port (0 takes a free one), or in "health".`;
  const bound = await listen(server, host, port, taken);
  return { port: bound, close: () => stopServing(server) };
}
