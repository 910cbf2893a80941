/** The same as a class, with the words that it has in Python. */
import { fromClass, TaskWorker, type Context, type Task } from 'despachante';
import { EmailService } from './services/email-service.ts';
import { notifyAdmin } from './services/notify-admin.ts';

interface Email {
  to: string;
  subject: string;
  template: string;
  context?: Record<string, unknown>;
}

export class EmailWorker extends TaskWorker {
  name = 'EmailClassWorker';
  input_topic = 'emails';
  group_id = 'email-sender';
  concurrency = 4;
  max_retries = 3;
  retry_backoff = 'exponential';
  dlq_topic = 'emails-dlq';

  readonly email_service: EmailService;

  constructor(email_service = new EmailService()) {
    super();
    this.email_service = email_service;
  }

  async process(message: Email, { idempotencyKey, signal }: Context) {
    const { to, subject, template, context = {} } = message;
    const email = { to, subject, template, context };
    await this.email_service.send(email, { idempotencyKey, signal });
    return { sent: true, to };
  }

  async on_error(_message: Email, error: Error, { log }: Task) {
    log.error('An email has failed', { error: error.message });
    await notifyAdmin(error);
  }

  on_success(_message: Email, result: { to: string }, { log }: Task) {
    log.info('An email was sent', { domain: result.to.split('@')[1] });
  }
}

export default fromClass(new EmailWorker());
