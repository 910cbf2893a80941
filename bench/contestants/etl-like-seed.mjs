// As the example program does it: the whole body at once, workers over a queue in memory, and the output written anew for each item.
import { readFileSync, writeFileSync } from 'node:fs';

const [input, output] = process.argv.slice(2);
const queue = JSON.parse(readFileSync(input, 'utf8'));
const done = [];
const work = async () => {
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
    await Promise.resolve();
    done.push(item);
    writeFileSync(output, JSON.stringify(done));
  }
};
await Promise.all(Array.from({ length: 10 }, work));
