/** Tells the people on call, through a webhook of their chat. */
export async function notifyAdmin(
  error: Error,
  webhook = process.env['ADMIN_WEBHOOK'],
): Promise<void> {
  if (webhook === undefined) return;
  const answer = await fetch(webhook, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text: `${error.name}: ${error.message}` }),
    signal: AbortSignal.timeout(5_000),
  });
  if (!answer.ok) throw new Error(`the webhook answered ${answer.status}`);
}
