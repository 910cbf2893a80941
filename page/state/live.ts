/**
 * The live stream: server-sent events, read by fetch, since EventSource cannot send a token. Closed while nobody looks,
 * opened again when it breaks.
 */
import { VIEWS, type ViewName } from '../../src/page/routes.ts';
import { addressOf, authorization, isSent, parse } from './api.ts';
import { change, keepView, now } from './store.ts';
import type { Views } from './types.ts';

const FIRST_REST_MS = 1_000;
const LONGEST_REST_MS = 10_000;
/** The server says something at least each 15 s. */
const SILENT_MS = 40_000;

/** Of a text in a list; a whole one is in the timeline. */
const LONGEST = 1_000;

/** Until the session ends: then `ended` is called. @returns what ends it before */
export function followServer(ended: () => void): () => void {
  let reading: AbortController | null = null;
  const leave = (): void => {
    document.removeEventListener('visibilitychange', turn);
    reading?.abort();
  };
  const follow = async (): Promise<void> => {
    const controller = new AbortController();
    reading = controller;
    for (
      let rest = FIRST_REST_MS;
      !controller.signal.aborted;
      rest = Math.min(rest * 2, LONGEST_REST_MS)
    ) {
      const end = await readOnce(controller.signal);
      if (controller.signal.aborted) return;
      if (end.isSignedOut) {
        leave();
        return ended();
      }
      if (end.heard) rest = FIRST_REST_MS;
      change({ link: { state: 'lost', why: end.why } });
      await new Promise((resolve) => setTimeout(resolve, rest));
    }
  };
  const turn = (): void => {
    reading?.abort();
    if (document.hidden) return change({ link: { state: 'hidden' } });
    change({ link: { state: 'connecting' } });
    void follow();
  };
  document.addEventListener('visibilitychange', turn);
  turn();
  return leave;
}

interface End {
  isSignedOut: boolean;
  heard: boolean;
  why: string | null;
}

async function readOnce(signal: AbortSignal): Promise<End> {
  let heard = false;
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENT_MS);
  try {
    const answer = await fetch(addressOf('live'), {
      headers: { ...authorization(), accept: 'text/event-stream' },
      cache: 'no-store',
      signal: AbortSignal.any([signal, silence.signal]),
    });
    if (!answer.ok || answer.body === null)
      return { isSignedOut: answer.status === 401, heard, why: `HTTP ${answer.status}` };
    change({ link: { state: 'open' } });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ''; ;) {
      const { done, value } = await reader.read();
      if (done) return { isSignedOut: false, heard, why: null };
      heard = true;
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENT_MS);
      const events = (text + value).split('\n\n');
      text = events.pop() ?? '';
      for (const event of events) take(event);
    }
  } catch {
    return { isSignedOut: false, heard, why: null };
  } finally {
    clearTimeout(timer);
  }
}

const isView = (name: string): name is ViewName => VIEWS.some((view) => view === name);

function take(event: string): void {
  const lines = event.split('\n');
  const field = (name: string): string =>
    lines
      .filter((line) => line.startsWith(`${name}:`))
      .map((line) => line.slice(name.length + 1).replace(/^ /, ''))
      .join('\n');
  const name = field('event');
  if (!isView(name)) return;
  const view = parse(field('data'), LONGEST);
  if (isSent<Views[typeof name]>(view)) keepView(name, view);
  if (name !== 'overview') return;
  const at = Date.parse(now().views.overview?.at ?? '');
  change({ heardAt: Date.now(), ahead: Number.isNaN(at) ? 0 : at - Date.now() });
}
