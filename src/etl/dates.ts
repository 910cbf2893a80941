/** Dates as the example program takes and writes them: those of pydantic 1, and Python's `isoformat`. Pure. */

const DATE =
  /^(\d{4})-(\d{1,2})-(\d{1,2})[T ](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,6})\d{0,6})?)?(Z|[+-]\d{2}(?::?\d{2})?)?$/;

const two = (value: number): string => String(value).padStart(2, '0');

const daysIn = (year: number, month: number): number =>
  new Date(Date.UTC(year, month, 0)).getUTCDate();

/** `2020-01-01T17:16:52.228009`, with its zone if it has one; null where it is no date of the calendar, or has no time of the day. */
export function isoDate(text: string): string | null {
  const [found, ...groups] = DATE.exec(text) ?? [];
  if (found === undefined) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = groups
    .slice(0, 6)
    .map((each) => Number(each ?? 0));
  // A year below 100 would be one of the last century to Date.
  const isReal = year >= 1 && month >= 1 && month <= 12 && day >= 1;
  const leap = year < 100 ? year + 400 : year;
  if (!isReal || day > daysIn(leap, month) || hour > 23 || minute > 59 || second > 59) return null;
  const zone = zoneOf(groups[7]);
  if (zone === null) return null;
  const date = `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`;
  return `${date}T${two(hour)}:${two(minute)}:${two(second)}${fraction(groups[6])}${zone}`;
}

function fraction(text: string | undefined): string {
  const micros = (text ?? '').padEnd(6, '0');
  return Number(micros) === 0 ? '' : `.${micros}`;
}

/** None of a naive date: none is added. Null where there is none of such hours. */
function zoneOf(text: string | undefined): string | null {
  if (text === undefined) return '';
  if (text === 'Z') return '+00:00';
  const [hours, minutes] = [Number(text.slice(1, 3)), Number(text.slice(-2))];
  const rest = text.length > 3 ? minutes : 0;
  if (hours > 23 || rest > 59) return null;
  const isUtc = hours === 0 && rest === 0;
  return `${isUtc ? '+' : text.slice(0, 1)}${two(hours)}:${two(rest)}`;
}

/** Above, a number of seconds is taken for one of milliseconds. */
const WATERSHED = 2e10;
const LAST = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** Seconds since 1970, or milliseconds where they are too many for that. */
export function unixDate(value: number): string | null {
  let seconds = value;
  while (Math.abs(seconds) > WATERSHED) {
    if (!Number.isFinite(seconds)) return null;
    seconds /= 1_000;
  }
  const whole = Math.floor(seconds);
  const micros = Math.round((seconds - whole) * 1e6);
  const ms = (whole + (micros === 1e6 ? 1 : 0)) * 1_000;
  if (ms > LAST || ms < Date.UTC(1970, 0, 1) - 62_135_596_800_000) return null;
  const text = new Date(ms).toISOString().slice(0, 19);
  return `${text}${micros % 1e6 === 0 ? '' : `.${String(micros).padStart(6, '0')}`}+00:00`;
}
