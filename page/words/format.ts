/** Numbers, times and durations in the language of the page; times in the zone of the browser. */
import type { Language } from '../state/preferences.ts';

export function formatsOf(language: Language) {
  const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
  const tenth = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  // At night nobody should have to think about noon.
  const hours = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
  const clock = new Intl.DateTimeFormat(language, hours);
  const second = new Intl.DateTimeFormat(language, { ...hours, second: '2-digit' });
  const day = new Intl.DateTimeFormat(language, { day: '2-digit', month: 'short' });
  const isToday = (at: Date, now: number): boolean =>
    at.toDateString() === new Date(now).toDateString();
  /** `14.1 s`, `820 ms`, `42 min`, `3 h`, `2 d`: one unit, as it is read at a glance. */
  const duration = (ms: number): string => {
    const seconds = Math.max(0, ms) / 1_000;
    if (seconds < 1) return `${whole.format(Math.max(0, ms))} ms`;
    if (seconds < 100) return `${(seconds < 20 ? tenth : whole).format(seconds)} s`;
    if (seconds < 100 * 60) return `${whole.format(seconds / 60)} min`;
    if (seconds < 48 * 3_600) return `${tenth.format(seconds / 3_600)} h`;
    return `${whole.format(seconds / 86_400)} d`;
  };
  const [group, point] = language === 'pt-BR' ? (['.', ','] as const) : ([',', '.'] as const);
  const grouped = new RegExp(`^[1-9]\\d{0,2}([${group}]\\d{3})+([${point}]\\d+)?$`);
  return {
    /** As people type it: `1.000` is a thousand in Portuguese, and `0,5` a half. NaN for what is no number. */
    read: (text: string): number => {
      const typed = text.trim();
      const plain = grouped.test(typed) ? typed.replaceAll(group, '') : typed;
      return plain === '' ? NaN : Number(plain.replace(',', '.'));
    },
    /** For a field, as `read` has it. */
    written: (value: number | null): string =>
      value === null ? '' : String(value).replace('.', point),
    number: (value: number): string => whole.format(value),
    rate: (value: number): string => (value < 100 ? tenth : whole).format(value),
    duration,
    /** As `duration`, in whole seconds at least. */
    age: (ms: number): string => {
      const seconds = Math.max(0, Math.floor(ms / 1_000));
      return seconds < 100 ? `${whole.format(seconds)} s` : duration(seconds * 1_000);
    },
    clock: (at: Date): string => clock.format(at),
    second: (at: Date): string => second.format(at),
    /** The clock today, else with its day. */
    when: (at: Date, now: number): string =>
      isToday(at, now) ? clock.format(at) : `${day.format(at)} ${clock.format(at)}`,
  };
}

export type Formats = ReturnType<typeof formatsOf>;
