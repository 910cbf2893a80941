/** Stands for your provider of mail: an SMTP client, or its HTTP API. */
export interface Email {
  to: string;
  subject: string;
  template: string;
  context: Record<string, unknown>;
}

export class EmailService {
  readonly sent: (Email & { idempotencyKey: string })[] = [];

  /** A provider that knows the key sends each message once, however often it is asked. */
  async send(
    email: Email,
    options: { idempotencyKey: string; signal: AbortSignal },
  ): Promise<void> {
    options.signal.throwIfAborted();
    if (email.to.endsWith('@away.example')) throw new Error('the provider did not answer');
    this.sent.push({ ...email, idempotencyKey: options.idempotencyKey });
    await Promise.resolve();
  }
}
