/** A receiver to try deliveries with: says what came, and refuses what has "bad" in its address or body. `node receiver.ts [port]` */
import { createServer, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

export const receiver = (tell: (line: string) => void): Server =>
  createServer((request, response) => {
    const answer = (body: string): void => {
      const { method = '', url = '', headers } = request;
      const status = `${url} ${body}`.includes('bad') ? 422 : 200;
      tell(
        `${method} ${url} ${body.length} characters, key ${String(headers['idempotency-key'])}: ${status}`,
      );
      response.writeHead(status).end(status === 422 ? 'it is bad\n' : '');
    };
    // Whoever has hung up is answered nothing.
    text(request).then(answer, () => {});
  });

if (process.argv[1] === fileURLToPath(import.meta.url))
  receiver((line) => process.stdout.write(`${line}\n`)).listen(
    Number(process.argv[2] ?? 8080),
    '127.0.0.1',
  );
