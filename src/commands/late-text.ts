/** What operators read of a late result, wherever they meet it. */
import type { LateResult } from '../claims/claims.ts';
import { paint } from './table.ts';

/** In a line. */
export const lateText = ({ status }: Pick<LateResult, 'status'>): string =>
  paint.yellow(
    status === 'done'
      ? 'the legacy system has finished it later: redrive it, it is not POSTed again'
      : 'the legacy system has failed it later: redrive it to have that told, it is not POSTed again',
  );
