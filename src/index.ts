/** The door of the package: what a developer of workers uses. Everything else is the product's own. */
export { kafka, rabbitmq } from './workers/channel.ts';
export type { Channel, Outgoing } from './workers/call.ts';
export { WorkerDefinitionError } from './workers/check-options.ts';
export type { Batch, Context, Delivered, Item, Items, Task, TaskLog } from './workers/context.ts';
export { defineWorker, on, type RetryOptions } from './workers/define-worker.ts';
export { WorkersNotLoadedError, type Discovered } from './workers/discover.ts';
export {
  PermanentError,
  TemporaryError,
  reject,
  retry,
  type PermanentOptions,
  type TemporaryOptions,
} from './workers/errors.ts';
export { fromClass, TaskWorker } from './workers/from-class.ts';
export { worker } from './workers/function-form.ts';
export { configure, type ProcessOptions } from './door/configure.ts';
export { getResult, type ResultOptions } from './door/result.ts';
export { NotSentError, type NotSent } from './door/not-sent.ts';
export {
  disconnect,
  getProducer,
  send,
  type Producer,
  type SendOptions,
  type Sent,
  type ToTopic,
} from './door/send.ts';
export {
  runAllWorkers,
  runWorker,
  startWorkers,
  type QueuesHealth,
  type RunOptions,
  type StartedWorkers,
  type StartOptions,
} from './door/start.ts';
export { UnknownWorkerError, type Named } from './workers/choose.ts';
export { getAllWorkers, getWorker, listWorkers, loadWorkers } from './workers/registry.ts';
export type { TaskResult, Truncated } from './workers/result.ts';
export type { Schema } from './workers/schema.ts';
export {
  testWorker,
  type Exhausted,
  type Outcome,
  type TestedWorker,
  type TestOptions,
} from './workers/test-worker.ts';
export type { ClassForm, TaskBatch } from './workers/words.ts';
export type { Worker } from './workers/worker.ts';
export type { Duration } from './runtime/duration.ts';
