// The operations page: by which names it is asked, and a proxy that signs its users in.
import { isIP } from 'node:net';
import { z } from 'zod';
import { name, text } from './values.ts';

const address = z.string().refine((value) => {
  const [ip = '', bits, ...more] = value.split('/');
  const most = isIP(ip) === 6 ? 128 : 32;
  const isRange = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most);
  return isIP(ip) !== 0 && isRange && more.length === 0;
}, 'an address in digits, or a range of them: 10.0.0.7, 10.0.0.0/8');

const groups = () => z.array(text('the name of a group', 200), 'a list of groups').prefault([]);

const proxy = z.strictObject({
  /** Whoever asks from elsewhere is nobody. None: no proxy. */
  addresses: z.array(address, 'a list of addresses').prefault([]),
  viewers: groups(),
  operators: groups(),
  revealers: groups(),
});

export const page = z.strictObject({
  names: z.array(name('a host name'), 'a list of host names').prefault([]),
  proxy: proxy
    .refine(
      ({ addresses, viewers, operators }) =>
        addresses.length === 0 || viewers.length + operators.length > 0,
      'groups in page.proxy.viewers or page.proxy.operators: nobody could sign in',
    )
    .prefault({}),
});

export type PageProxy = z.output<typeof proxy>;
