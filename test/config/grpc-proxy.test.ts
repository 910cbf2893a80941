import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { grpcProxyVariable } from '../../src/config/grpc-proxy.ts';
import { emptyFolder, run } from '../commands/cli.ts';

test('the variable by which gRPC takes a proxy is known, and where it takes none', () => {
  const http_proxy = 'http://proxy:3128';
  const cases: [env: Record<string, string>, variable: string | null][] = [
    [{}, null],
    [{ http_proxy }, 'http_proxy'],
    [{ http_proxy, https_proxy: http_proxy }, 'https_proxy'],
    [{ http_proxy, grpc_proxy: http_proxy }, 'grpc_proxy'],
    [{ HTTP_PROXY: http_proxy, HTTPS_PROXY: http_proxy }, null],
    [{ http_proxy: '' }, null],
    [{ http_proxy, no_proxy: 'localhost,temporal.internal' }, null],
    [{ http_proxy, no_proxy: '.internal' }, null],
    [{ http_proxy, no_proxy: 'localhost' }, 'http_proxy'],
    [{ http_proxy, no_proxy: 'temporal.internal', no_grpc_proxy: 'other' }, 'http_proxy'],
  ];
  for (const [env, variable] of cases)
    assert.equal(grpcProxyVariable('temporal.internal:7233', env), variable, JSON.stringify(env));
});

// Each waits until a connection is given up.
suite('proxies', { concurrency: true }, () => {
  for (const variable of ['http_proxy', 'https_proxy', 'grpc_proxy']) {
    test(`where ${variable} keeps us from Temporal, the error names it and the way around`, async (t) => {
      // Discard: no proxy listens there.
      const env = { [variable]: 'http://127.0.0.1:9', no_proxy: '' };
      const { code, stdout } = await run(['doctor'], { cwd: emptyFolder(t), env });
      assert.equal(code, 3);
      assert.match(
        stdout,
        new RegExp(`Temporal at \\S+ through the proxy of .* ${variable} .*no_proxy=\\S+\\)`),
      );
    });
  }
});
