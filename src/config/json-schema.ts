// JSON Schemas of the files that people write, for editors. Ranges are in the descriptions, in the words of a fault.
import { z } from 'zod';
import { ENVIRONMENT_ONLY } from './environment.ts';
import { foldersSchema } from './folders.ts';
import { queuesSchema } from './queues.ts';
import { readSettings } from './reference.ts';
import { configSchema } from './schema.ts';

/** By the name of the file. */
export function jsonSchemas(): Record<string, unknown> {
  const says = new Map(readSettings().map((each) => [each.path, each.says.join(' ')]));
  return {
    'despachante.yaml': schemaOf(configSchema, (path) => says.get(path) ?? ''),
    'queues.yaml': schemaOf(queuesSchema, () => ''),
    'folders.yaml': schemaOf(foldersSchema, () => ''),
  };
}

const onlyInEnvironment: ReadonlySet<string> = new Set(Object.values(ENVIRONMENT_ONLY));

function schemaOf(schema: z.core.$ZodType, says: (path: string) => string): unknown {
  return z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    reused: 'inline',
    override({ zodSchema, jsonSchema, path: at }) {
      const path = at.filter((_, n) => at[n - 1] === 'properties').join('.');
      delete jsonSchema.pattern;
      delete jsonSchema.readOnly;
      const { properties } = jsonSchema;
      if (properties !== undefined) {
        for (const name of Object.keys(properties))
          if (onlyInEnvironment.has(path === '' ? name : `${path}.${name}`))
            delete properties[name];
        // A section with all of its settings commented out reads as null.
        if (path !== '') delete jsonSchema.type;
        delete jsonSchema.default;
        return;
      }
      if (at.at(-2) === 'anyOf') return;
      const expected = z.safeParse(zodSchema, Symbol('no value')).error?.issues[0]?.message;
      const text = [says(path), expected === undefined ? '' : `Expected: ${expected}.`];
      jsonSchema.description = text.filter((each) => each !== '').join(' ');
    },
  });
}
