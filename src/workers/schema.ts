/** What is needed of Standard Schema 1 (https://standardschema.dev), which zod, valibot, arktype and others fulfil. */

export interface Schema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => Answer<Output> | Promise<Answer<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

type Answer<Output> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly Issue[] };

export interface Issue {
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

type Types<S extends Schema> = NonNullable<S['~standard']['types']>;

/** What is sent. */
export type InputOf<S extends Schema> = Types<S>['input'];
/** What a handler takes, with defaults filled and values transformed. */
export type OutputOf<S extends Schema> = Types<S>['output'];
