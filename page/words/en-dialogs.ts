/** The words of dialogs, in English. */
import { countOf } from './plural.ts';

const n = (count: number, one: string, other: string): string => countOf('en', count, one, other);

export const enDialogs = {
  reason: 'Reason',
  reasonHint: 'Kept in the list of actions',
  failed: 'It was not done.',
  unreachable:
    'The page’s server does not answer. It may have been done: look at the actions before you try again.',
  redrive: {
    title: 'Redrive failures',
    counting: 'Counting…',
    count: (count: number) => `${n(count, 'failure', 'failures')} will be sent back.`,
    byClass: (parts: string) => `Of these: ${parts}.`,
    nothing: 'Nothing is left to send back.',
    canary: 'Try first',
    canaryHint: 'The others follow only if all of these end well. 0: none first',
    rate: 'At most a second',
    rateHint: 'Empty: as fast as it goes',
    go: 'Redrive',
  },
  drop: {
    title: 'Drop failures',
    count: (count: number) => `${n(count, 'failure', 'failures')} will be gone for good.`,
    type: (count: number) => `Type ${count} to confirm`,
    go: 'Drop',
  },
  decide: {
    title: 'Decide a doubt',
    titleMany: (count: number) => `Abandon ${n(count, 'doubt', 'doubts')}`,
    question: 'Look into the legacy system: does it have this registration?',
    confirm: 'It has it',
    confirmHint: 'It goes on under the request id that the legacy system gave it.',
    requestId: 'Request id',
    resubmit: 'It does not have it',
    resubmitHint: 'It is POSTed once more.',
    abandon: 'Give it up',
    abandonHint: 'It becomes a failure of the class in-doubt.',
    go: { confirm: 'Confirm', resubmit: 'Resubmit', abandon: 'Abandon' },
  },
  pause: {
    title: (flow: string) => `Pause ${flow}`,
    hint: 'Nothing more is taken. What is under way goes on to its end.',
    go: 'Pause',
  },
  resume: { title: (flow: string) => `Resume ${flow}`, go: 'Resume' },
  limits: {
    title: 'Change limits',
    hint: 'For all workers, at once, until somebody changes it back.',
    empty: 'Empty: no limit',
    unset: 'as configured',
    go: 'Change',
  },
  audit: {
    title: 'Audit now',
    cost: 'It reads all claims and the failure queue once: seconds to minutes. One runs at a time.',
    go: 'Audit',
  },
  stop: {
    title: 'Stop the redrive',
    hint: 'What was sent goes on. The others stay where they are.',
    go: 'Stop',
  },
  reveal: {
    title: 'Reveal a message',
    hint: 'Your name and the reason are written down. It is shown for 60 seconds.',
    go: 'Reveal',
    bytes: (bytes: string, type: string) => `${bytes} bytes, ${type}`,
    binary: 'It is no text.',
    cut: 'Only its beginning is shown.',
    gone: (seconds: number) => `gone in ${seconds} s`,
  },
  help: {
    title: 'Keys and help',
    keys: 'Single keys do something',
    list: [
      ['/', 'search'],
      ['g f', 'failures'],
      ['g d', 'doubts'],
      ['g w', 'processes'],
      ['g a', 'actions'],
      ['j k', 'next and previous row'],
      ['Enter', 'open the row'],
      ['Esc', 'close'],
      ['?', 'this list'],
    ],
  },
};
