/** Follows names (the steps of a JSON pointer) through a JSON text, byte by byte, to the list that they lead to. */

const QUOTE = 0x22;
const MOST_NAME = 10_000;

export function createWay(steps: readonly string[]) {
  /** How many steps are behind us. */
  let step = 0;
  /** Brackets that are open since the value of the last step. */
  let depth = 0;
  let expects: 'value' | 'name' | 'colon' | 'more' = 'value';
  let inText = false;
  let isEscaped = false;
  let text: number[] = [];
  let isName = false;
  /** In a list: the place of the next element. */
  let count: number | null = null;
  let isOver = false;

  function close(): void {
    depth -= 1;
    if (depth === 0) isOver = true;
  }

  /** Of a value at depth 1: whether the next step leads into it. */
  const isNext = (name: string): boolean => name === steps[step];

  function endText(): void {
    inText = false;
    if (isName) {
      const name = nameOf(text);
      isName = false;
      if (isNext(name)) {
        step += 1;
        depth = 0;
        expects = 'colon';
      } else expects = 'more';
    } else expects = 'more';
    text = [];
  }

  /** @returns whether this byte opens the list */
  return {
    push(byte: number): boolean {
      if (isOver) return false;
      if (inText) {
        if (isEscaped) isEscaped = false;
        else if (byte === 0x5c) isEscaped = true;
        else if (byte === QUOTE) endText();
        if (inText && isName && text.length < MOST_NAME) text.push(byte);
        return false;
      }
      if (depth === 0) return enter(byte);
      switch (byte) {
        case QUOTE:
          inText = true;
          isName = depth === 1 && expects === 'name';
          return false;
        case 0x2c:
          if (depth !== 1) return false;
          if (count === null) expects = 'name';
          else {
            count += 1;
            stepIntoElement();
          }
          return false;
        case 0x7b:
        case 0x5b:
          depth += 1;
          return false;
        case 0x7d:
        case 0x5d:
          close();
          return false;
        default:
          return false;
      }
    },
  };

  function stepIntoElement(): void {
    if (count === null || !isNext(String(count))) return;
    step += 1;
    depth = 0;
    expects = 'value';
    count = null;
  }

  /** The value that the steps so far lead to begins. */
  function enter(byte: number): boolean {
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09 || byte === 0x3a)
      return false;
    if (step === steps.length) {
      isOver = byte !== 0x5b;
      return byte === 0x5b;
    }
    if (byte === 0x7b) {
      depth = 1;
      expects = 'name';
      count = null;
    } else if (byte === 0x5b) {
      depth = 1;
      count = 0;
      stepIntoElement();
    } else isOver = true;
    return false;
  }
}

function nameOf(bytes: readonly number[]): string {
  try {
    return String(JSON.parse(`"${Buffer.from(bytes).toString('utf8')}"`));
  } catch {
    return '';
  }
}
