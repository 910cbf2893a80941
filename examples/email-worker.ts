/** Sends mail, with a service that it is given, and tells an administrator of what fails for good. */
import { defineWorker, kafka } from 'despachante';
import { z } from 'zod';
import { EmailService } from './services/email-service.ts';
import { notifyAdmin } from './services/notify-admin.ts';

const Email = z.object({
  to: z.email(),
  subject: z.string(),
  template: z.string(),
  context: z.record(z.string(), z.unknown()).default({}),
});

export const emailWorker = (emails: EmailService, notify = notifyAdmin) =>
  defineWorker({
    name: 'EmailWorker',
    from: kafka('emails', { group: 'email-sender' }),
    deadLetters: 'emails-dlq',
    message: Email,
    concurrency: 4,
    retry: { max: 3, backoff: 'exponential' },

    async handle(email, { idempotencyKey, signal }) {
      await emails.send(email, { idempotencyKey, signal });
      return { sent: true, to: email.to };
    },

    async onError(email, error, { log, metrics }) {
      metrics.increment('worker.error');
      log.error('An email has failed', { template: email.template, error: error.message });
      await notify(error);
    },

    onSuccess(_email, _result, { log, metrics }) {
      metrics.increment('worker.success');
      log.info('An email was sent');
    },
  });

export default emailWorker(new EmailService());
