import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { fromClass, TaskWorker } from '../../src/workers/from-class.ts';
import { worker } from '../../src/workers/function-form.ts';
import { testWorker } from '../../src/workers/test-worker.ts';
import type { Worker } from '../../src/workers/worker.ts';

const settings = ({ name, from, to, deadLetters, concurrency, retry: { max, kind } }: Worker) => ({
  ...{ name, from, to, deadLetters, concurrency, max, kind },
});

const expected = {
  name: 'MyWorker',
  from: { broker: 'kafka', name: 'tasks', group: 'my-worker' },
  to: { broker: 'kafka', name: 'results' },
  deadLetters: 'tasks-dlq',
  concurrency: 8,
  max: 5,
  kind: 'linear',
};

test('a class in camelCase and one in snake_case are the same worker', () => {
  class Camel {
    name = 'MyWorker';
    inputTopic = 'tasks';
    outputTopic = 'results';
    groupId = 'my-worker';
    concurrency = 8;
    maxRetries = 5;
    retryBackoff = 'linear';
    dlqTopic = 'tasks-dlq';
    process() {}
  }
  class Snake {
    name = 'MyWorker';
    input_topic = 'tasks';
    output_topic = 'results';
    group_id = 'my-worker';
    concurrency = 8;
    max_retries = 5;
    retry_backoff = 'linear';
    dlq_topic = 'tasks-dlq';
    process() {}
  }
  assert.deepEqual(settings(fromClass(new Camel())), expected);
  assert.deepEqual(settings(fromClass(new Snake())), expected);
});

test('the name of a worker is that of its class, and its group is its name', () => {
  class EmailWorker extends TaskWorker {
    inputTopic = 'emails';
    process() {}
  }
  const { name, from } = fromClass(new EmailWorker());
  assert.deepEqual([name, from?.group], ['EmailWorker', 'EmailWorker']);
});

test('methods are called on the instance, with what its constructor was given', async () => {
  class Greeter extends TaskWorker {
    readonly #greeting: string;
    readonly told: unknown[] = [];
    message = z.object({ to: z.string() });

    constructor(greeting: string) {
      super();
      this.#greeting = greeting;
    }

    process({ to }: { to: string }, { attempt }: { attempt: number }) {
      if (attempt > 1) throw new Error('no more');
      return `${this.#greeting}, ${to}`;
    }

    on_success({ to }: { to: string }, result: unknown) {
      this.told.push([to, result]);
    }

    onRetry({ to }: { to: string }, error: Error) {
      this.told.push([to, error.message]);
    }
  }
  const greeter = new Greeter('Olá');
  const tested = testWorker(fromClass(greeter));
  const outcome = await tested.run({ to: 'Ana' });
  assert.deepEqual(outcome, { kind: 'done', result: 'Olá, Ana', published: [] });
  await tested.run({ to: 'Ana' }, { attempt: 2 });
  assert.deepEqual(greeter.told, [
    ['Ana', 'Olá, Ana'],
    ['Ana', 'no more'],
  ]);
  const wrong = await tested.runBody('{}');
  assert.equal(wrong.kind === 'dead' && wrong.failure, 'malformed');
});

test('process_batch gets the messages, and a class that has only process gets each alone', async () => {
  class Snake {
    batch_size = 100;
    batch_timeout = 10.5;
    process_batch(messages: number[]) {
      return messages.map((n) => n * 2);
    }
  }
  const { work } = fromClass(new Snake());
  assert.ok(work.kind === 'batch');
  assert.deepEqual([work.size, work.wait], [100, 10_500]);
  const outcomes = await testWorker(fromClass(new Snake())).runBatch([1, 2]);
  assert.deepEqual(
    outcomes.map((outcome) => outcome.kind === 'done' && outcome.result),
    [2, 4],
  );
  class Single {
    batchSize = 10;
    process(n: number) {
      return n;
    }
  }
  assert.equal(fromClass(new Single()).work.kind, 'one');
  class Both extends Snake {
    process(n: number) {
      return n;
    }
  }
  assert.equal(fromClass(new Both()).work.kind, 'batch');
  assert.equal(fromClass(Object.assign(new Both(), { batch_size: 1 })).work.kind, 'one');
});

test('a field that is nearly one of a worker is refused, and a field of the class’s own is not', () => {
  class Misspelt {
    max_retires = 5;
    process() {}
  }
  assert.throws(() => fromClass(new Misspelt()), /max_retires: .*did you mean max_retries\?/);
  class Own {
    emailService = {};
    process() {}
  }
  assert.equal(fromClass(new Own()).name, 'Own');
});

test('a class tells what is wrong with it', () => {
  class Twice {
    inputTopic = 'a';
    input_topic = 'b';
    retryBackoff = 'cubic';
  }
  assert.throws(() => fromClass(new Twice()), {
    name: 'WorkerDefinitionError',
    message: [
      'the definition of the worker Twice is wrong:',
      '  inputTopic: is there as input_topic, too; keep one',
      '  expected a method process or processBatch, got neither',
      '  retryBackoff: expected one of fixed, linear, exponential, got "cubic"',
    ].join('\n'),
  });
});

test('a function with the words of a decorator is the same worker, too', async () => {
  const made = worker(
    {
      ...{ topic: 'tasks', group_id: 'my-worker', max_retries: 5, retry_backoff: 'linear' },
      ...{ dlq_topic: 'tasks-dlq', output_topic: 'results', concurrency: 8 },
    },
    async function MyWorker(message: { n: number }) {
      return Promise.resolve(message.n + 1);
    },
  );
  assert.deepEqual(settings(made), expected);
  const outcome = await testWorker(made).runBody('{"n":1}');
  assert.equal(outcome.kind === 'done' && outcome.result, 2);
});

test('a function without a name has that of its group, or else needs one', () => {
  assert.equal(worker({ topic: 'a', group_id: 'task-processor' }, () => 1).name, 'task-processor');
  assert.throws(() => worker({ topic: 'a' }, () => 1), /give it one, or name the function/);
  const misspelt = { topic: 'a', group_id: 'g', max_retry: 3 };
  assert.throws(() => worker(misspelt, () => 1), /max_retry: .*did you mean max_retries\?/);
});
