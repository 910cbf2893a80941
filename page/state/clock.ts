/** The server's clock, second by second, for ages and count-downs. Stands still while nobody looks. */
import { useEffect, useState } from 'preact/hooks';
import { now } from './store.ts';

const SECOND_MS = 1_000;

export const serverNow = (): number => Date.now() + now().ahead;

export function useSeconds(): number {
  const [at, setAt] = useState(serverNow);
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) setAt(serverNow());
    }, SECOND_MS);
    return () => clearInterval(timer);
  }, []);
  return at;
}
