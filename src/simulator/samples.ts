/** Sample registrations to try the product with: plausible, and of nobody. */
import { draw } from './draw.ts';

export interface Sample {
  id: string;
  body: Buffer;
}

const FIRST =
  'Ana Beatriz Caio Davi Elisa Fábio Gabriela Heitor Inês João Larissa Mateus Natália Otávio Paula Rafael Sônia Tiago Vitória Yara';
const LAST =
  'Almeida Barbosa Cardoso Dias Esteves Ferreira Gonçalves Lima Magalhães Nascimento Oliveira Pereira Queiroz Ribeiro Santos Teixeira Vieira Xavier';
const CITIES =
  'Belém,Belo Horizonte,Brasília,Campinas,Curitiba,Florianópolis,Fortaleza,Goiânia,Maceió,Manaus,Natal,Niterói,Porto Alegre,Recife,Rio de Janeiro,Salvador,Santos,São Luís,São Paulo,Vitória';

/**
 * `count` registrations `<prefix>-<seed>-<number>`, the same for the same arguments. The seed stands in the id, since
 * the same id with another body would be a conflict.
 */
export function* sampleRegistrations({
  count,
  seed,
  prefix = 'reg',
}: {
  count: number;
  seed: number;
  prefix?: string;
}): Generator<Sample> {
  const digits = Math.max(5, String(count).length);
  for (let n = 1; n <= count; n++) {
    const id = `${prefix}-${seed.toString(36)}-${String(n).padStart(digits, '0')}`;
    const pick = (list: string[], what: string) =>
      list[Math.floor(draw(seed, id, what) * list.length)] ?? '';
    const first = pick(FIRST.split(' '), 'first name');
    const last = pick(LAST.split(' '), 'last name');
    const city = pick(CITIES.split(','), 'city');
    // example.com can belong to nobody (RFC 2606), and a document number is not among the fields at all.
    const email = `${ascii(first)}.${ascii(last)}.${n}@example.com`;
    const body = { id, name: `${first} ${last}`, city, email };
    yield { id, body: Buffer.from(JSON.stringify(body)) };
  }
}

const ascii = (text: string): string =>
  text
    .normalize('NFD')
    .replace(/[^A-Za-z]/g, '')
    .toLowerCase();
