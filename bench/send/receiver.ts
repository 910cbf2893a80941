/** Takes what is sent to it, hashes and counts it, in a process of its own: its time is nobody else's. Knows as much of WebDAV as rclone asks for. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/** Bytes by what makes an item the same: its key, or its path. */
const sizes = new Map<string, number>();
let requests = 0;
let bytes = 0;
/** ms since 1970 */
let firstAt = 0;
let lastAt = 0;

const told = () => ({ requests, distinct: sizes.size, bytes, firstAt, lastAt });
export type Told = ReturnType<typeof told>;

const answer = (response: ServerResponse, status: number, body = ''): void =>
  void response.writeHead(status, { 'content-length': Buffer.byteLength(body) }).end(body);

function take(request: IncomingMessage, response: ServerResponse): void {
  const key = request.headers['idempotency-key'];
  const path = request.url ?? '';
  const hash = createHash('sha256');
  let size = 0;
  if (firstAt === 0) firstAt = Date.now();
  request.on('data', (piece: Buffer) => {
    hash.update(piece);
    size += piece.length;
  });
  request.on('end', () => {
    hash.digest();
    requests += 1;
    bytes += size;
    sizes.set(
      typeof key === 'string' ? key : (request.headers['x-message-id'] ?? path).toString(),
      size,
    );
    if (request.method === 'PUT') sizes.set(path, size);
    lastAt = Date.now();
    answer(response, 201);
  });
}

function properties(path: string, response: ServerResponse): void {
  const size = sizes.get(path);
  if (size === undefined && path !== '/') return answer(response, 404);
  const kind =
    size === undefined
      ? '<d:resourcetype><d:collection/></d:resourcetype>'
      : `<d:resourcetype/><d:getcontentlength>${size}</d:getcontentlength>`;
  const found = `<d:propstat><d:prop>${kind}</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>`;
  answer(
    response,
    207,
    `<?xml version="1.0"?><d:multistatus xmlns:d="DAV:"><d:response><d:href>${path}</d:href>${found}</d:response></d:multistatus>`,
  );
}

const server = createServer((request, response) => {
  if (request.method === 'PROPFIND') return properties(request.url ?? '', response);
  if (request.method === 'MKCOL') return answer(response, 201);
  take(request, response);
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  const bound = server.address();
  process.send?.({ port: typeof bound === 'object' ? bound?.port : 0 });
});
process.on('message', () => process.send?.(told()));
process.on('disconnect', () => process.exit());
