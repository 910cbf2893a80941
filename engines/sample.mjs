// The sample of `npm run etl`, served on this machine, so that a run has an address to fetch from.
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { root } from './paths.mjs';

/** The same each time, where it is free: a run that was stopped goes on with the same address alone. */
const PORT = 27699;

/** Ends with this process. */
export async function serveSample() {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json');
    createReadStream(join(root, 'examples', 'etl', 'records.json')).pipe(response);
  });
  server.unref();
  server.on('error', () => server.listen(0, '127.0.0.1'));
  server.listen(PORT, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${server.address().port}/records.json`;
}
