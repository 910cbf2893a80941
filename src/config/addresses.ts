// Addresses and secrets: the values that come from the environment only. What a check says it got is masked.
import { z } from 'zod';

function address(expected: string, accepts: (value: string) => boolean) {
  return z
    .string(expected)
    .max(4096, expected)
    .refine((value) => !/[\s\p{Cc}]/u.test(value) && accepts(value), expected);
}

function parsed(value: string, ...schemes: string[]): URL | null {
  const url = URL.canParse(value) ? new URL(value) : null;
  return url !== null && url.host !== '' && schemes.includes(url.protocol) ? url : null;
}

/** RabbitMQ: `amqp://user:password@host:5672/vhost`. */
export function amqpUrl() {
  return address(
    'an address such as amqp://user:password@host:5672/vhost (or amqps://; special characters of the password percent-encoded)',
    (value) => parsed(value, 'amqp:', 'amqps:') !== null,
  );
}

/** A host of MongoDB's, with its port. What else stands behind a colon may be a password whose "@" was forgotten. */
const MONGODB_HOST = String.raw`(?:\[[0-9A-Fa-f:.]+\]|[^@/?#:,[\]]+)(?::\d{1,5})?`;
const MONGODB_URI = new RegExp(
  String.raw`^mongodb(?:\+srv)?://(?:[^@/?#]*@)?${MONGODB_HOST}(?:,${MONGODB_HOST})*(?:[/?][^@#]*)?$`,
);

/** MongoDB. Not read by `URL`, which knows no lists of hosts; the driver reads the options and says what is wrong. */
export function mongodbUri() {
  return address(
    'an address such as mongodb://user:password@host:27017/database (or mongodb+srv://; special characters of the password percent-encoded)',
    (value) => MONGODB_URI.test(value),
  );
}

/** Temporal: `host:port`, without a scheme. */
export function hostAndPort() {
  return address('host:port without a scheme, such as localhost:7233', (value) => {
    const [, digits] = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})$/.exec(value) ?? [];
    return Number(digits) >= 1 && Number(digits) <= 65_535;
  });
}

/** Kafka: brokers of the cluster, `host:port` each, commas between them. */
export function kafkaServers() {
  const server = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}$/;
  return address(
    'host:port, or several with commas between them, such as localhost:9092',
    (value) => value.split(',').every((each) => server.test(each.trim())),
  );
}

/** Redis: `redis://user:password@host:6379/0`. */
export function redisUrl() {
  return address(
    'an address such as redis://user:password@host:6379/0 (or rediss://; special characters of the password percent-encoded)',
    (value) => parsed(value, 'redis:', 'rediss:') !== null,
  );
}

/** A page to link to. */
export function httpUrl() {
  return address('an address such as http://localhost:8233, without a user', (value) => {
    const url = parsed(value, 'http:', 'https:');
    return url !== null && url.username + url.password === '';
  }).transform((value) => value.replace(/\/+$/, ''));
}

/** The legacy system. Paths are appended to it, and its credentials have a variable of their own. */
export function legacyUrl() {
  const expected =
    'an address such as http://host:9997, without a query, and with credentials in LEGACY_AUTHORIZATION instead';
  return address(expected, (value) => {
    const url = parsed(value, 'http:', 'https:');
    return url !== null && url.search + url.hash + url.username + url.password === '';
  }).transform((value) => value.replace(/\/+$/, ''));
}

export function proxyUrl() {
  const expected =
    'the address of an HTTP proxy such as http://user:password@proxy:3128 (special characters percent-encoded), or none';
  return address(expected, (value) => value === 'none' || isProxyUrl(value));
}

export const isProxyUrl = (value: string): boolean => {
  const url = parsed(value, 'http:', 'https:');
  if (url === null || url.search + url.hash !== '' || url.pathname !== '/') return false;
  try {
    decodeURIComponent(url.username + url.password);
    return true;
  } catch {
    return false; // a "%" that is not written as %25
  }
};

/** The value of an `Authorization` header: what HTTP allows there. */
export function headerValue() {
  const expected = 'the value of a header, such as "Bearer …", in one line of printable characters';
  return z
    .string(expected)
    .regex(/^[\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?$/, expected);
}

/** The key of hashed registration ids. A short one could be found by trying, as CPFs are few. */
export function secretKey() {
  const expected = 'a key of 16 characters or more';
  return z.string(expected).min(16, expected);
}
