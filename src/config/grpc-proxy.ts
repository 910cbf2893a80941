import type { Environment } from './tree.ts';

/**
 * The variable by which gRPC reaches this address through a proxy, which it does without being told; null for none. As
 * grpc-js has it (its src/http_proxy.ts): the first that is set counts, in lower case alone.
 */
export function grpcProxyVariable(address: string, env: Environment): string | null {
  const isSet = (name: string): boolean => (env[name] ?? '') !== '';
  const variable = ['grpc_proxy', 'https_proxy', 'http_proxy'].find(isSet);
  const without = ['no_grpc_proxy', 'no_proxy'].find(isSet);
  const host = address.replace(/:\d+$/, '');
  const isDirect = (env[without ?? ''] ?? '')
    .split(',')
    .some((end) => without !== undefined && host.endsWith(end));
  return variable === undefined || isDirect ? null : variable;
}
