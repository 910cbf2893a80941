// The core's language, in the manner of a VB6 program of the nineties: one command a line, CRLF, fields between
// bars, upper case, errors by VB's own numbers. Answers come in the order of the commands of a connection, so
// commands may be pipelined.
//
//   CADASTRAR|<id>|<key>|<ms>|CONCLUI|          ->  OK|AB583C-X        done after <ms>
//   CADASTRAR|<id>|<key>|<ms>|RECUSA|<reason>   ->  OK|AB583C-X        failed after <ms>
//   CADASTRAR|<id>|<key>|<ms>|NUNCA|            ->  OK|AB583C-X        never finished
//   CONSULTAR|AB583C-X                          ->  OK|PENDENTE, OK|CONCLUIDO or OK|RECUSADO|<reason>
//   LOCALIZAR|<id>                              ->  OK, or OK|AB583C-X, or OK|AB583C-X|KRB4X2-A …
//   anything                                    ->  ERRO|<number>|<text>
//
// Everything outside printable ASCII, the bar and the per cent sign travel as %uXXXX, VBScript's Escape: it
// takes any string that JSON can hold, lone surrogates included, and keeps a line a line.

/** Longest line either side accepts, in characters; a longer one ends the connection. */
const longestLine = 64 * 1024;

/** VB6's numbers for what can go wrong: 5 invalid call, 53 file not found, 61 disk full. */
export const errorNumbers = { invalidCall: '5', notFound: '53', diskFull: '61' } as const;

/** One line, CRLF included, from its fields. */
export function formatLine(fields: readonly string[]): string {
  return fields.map(escapeField).join('|') + '\r\n';
}

/** The fields of one line (without its CRLF). */
export function parseLine(line: string): string[] {
  return line.split('|').map(unescapeField);
}

/**
 * A function to be fed with chunks as they arrive, which gives back the lines that are complete.
 * It throws a RangeError when a line grows beyond 64 KiB.
 */
export function createLineSplitter(): (chunk: string) => string[] {
  let rest = '';
  return (chunk) => {
    const lines = (rest + chunk).split(/\r?\n/);
    rest = lines.pop() ?? '';
    if (rest.length > longestLine) {
      throw new RangeError(
        `a line of the core's protocol is longer than ${longestLine} characters`,
      );
    }
    return lines;
  };
}

function escapeField(text: string): string {
  return text.replace(
    /[^\x20-\x7e]|[|%]/g,
    (unit) => '%u' + unit.charCodeAt(0).toString(16).padStart(4, '0'),
  );
}

function unescapeField(text: string): string {
  if (!text.includes('%')) return text;
  return text.replace(/%u([0-9a-f]{4})/gi, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
}
