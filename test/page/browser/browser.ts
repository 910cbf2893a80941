/** A real browser for a test file, and a page of it that must not complain. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

/** Why its tests are skipped, if they are. */
export const withoutBrowser =
  process.env['CHROMIUM'] === undefined || process.env['CHROMIUM'] === ''
    ? 'CHROMIUM is not set: "npm test" fetches Chromium where Debian has it'
    : false;

/** A machine that has much to do is slow, and no fault. */
const PATIENCE_MS = 60_000;

let browser: Promise<Browser> | undefined;

after(async () => {
  await (await browser)?.close();
});

const launch = (): Promise<Browser> =>
  chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '',
    timeout: 2 * PATIENCE_MS,
    // Chromium refuses its sandbox to root. It sees our own pages alone.
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });

export interface Opened {
  page: Page;
  /** What the browser complained of: errors of the page, of the console, and of the CSP. */
  complaints: string[];
}

/** A browser's window of its own. @param after ends it */
export async function openPage(
  t: { after: (tidy: () => Promise<void>) => void },
  url: string,
  options: BrowserContextOptions = {},
): Promise<Opened> {
  browser ??= launch();
  const context = await (
    await browser
  ).newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-US', ...options });
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  await page.goto(url);
  return { page, complaints };
}

/** Until the last of the views is there, which come one after the other. */
export const allViews = (page: Page) =>
  page.waitForSelector('#actions > :not(header, [aria-hidden])', { state: 'attached' });

/** What Chromium says of each answer that is no good: it is wanted where a test has the server refuse something. */
const REFUSED = /^Failed to load resource/;

export function assertQuiet({ complaints }: Opened): void {
  assert.deepEqual(
    complaints.filter((text) => !REFUSED.test(text)),
    [],
  );
}
