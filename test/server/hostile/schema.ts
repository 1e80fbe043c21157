import fc, { type Arbitrary } from 'fast-check';

/** The part of JSON Schema 2020-12 that openapi.json uses. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
}

/** Values that are really there, by the name of the member or parameter that takes them. */
export type Known = Readonly<Record<string, readonly unknown[]>>;

/** Values that fit a schema; under a known name, often one that is really there. */
export class Values {
  readonly #schemas: Readonly<Record<string, JsonSchema>>;
  readonly #known: Known;

  constructor(schemas: Readonly<Record<string, JsonSchema>>, known: Known) {
    this.#schemas = schemas;
    this.#known = known;
  }

  named(name: string, schema: JsonSchema): Arbitrary<unknown> {
    const known = this.#known[name];
    if (known === undefined || known.length === 0) return this.fitting(schema);
    return fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...known) },
      { weight: 1, arbitrary: this.fitting(schema) },
    );
  }

  fitting(schema: JsonSchema): Arbitrary<unknown> {
    if (schema.$ref !== undefined) return this.fitting(this.#resolve(schema.$ref));
    if (schema.const !== undefined) return fc.constant(schema.const);
    if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
    if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((one) => this.fitting(one)));
    switch (schema.type) {
      case 'object':
        return this.#object(schema);
      case 'array':
        return fc.array(this.fitting(schema.items ?? {}), {
          minLength: schema.minItems ?? 0,
          maxLength: Math.min(schema.maxItems ?? 4, 4),
        });
      case 'integer':
      case 'number':
        return fc.integer({ min: schema.minimum ?? -1000, max: Math.min(schema.maximum ?? 1000, 2 ** 31) });
      case 'string':
        return text(schema);
      default:
        return fc.jsonValue();
    }
  }

  #object({ properties = {}, required = [] }: JsonSchema): Arbitrary<unknown> {
    const members = Object.entries(properties).map(([name, schema]) => [name, this.named(name, schema)]);
    return fc.record<Record<string, unknown>>(Object.fromEntries(members), { requiredKeys: [...required] });
  }

  #resolve(reference: string): JsonSchema {
    const schema = this.#schemas[reference.replace('#/components/schemas/', '')];
    if (schema === undefined) throw new Error(`${reference} leads nowhere`);
    return schema;
  }
}

function text({ format, pattern, minLength = 0, maxLength = 64 }: JsonSchema): Arbitrary<string> {
  if (format === 'date-time') {
    const [min, max] = [new Date('2000-01-01T00:00:00Z'), new Date('2100-01-01T00:00:00Z')];
    return fc.date({ min, max, noInvalidDate: true }).map((date) => date.toISOString());
  }
  if (format === 'base64url') {
    const size = Math.floor((minLength * 3) / 4);
    return fc
      .uint8Array({ minLength: size, maxLength: size })
      .map((bytes) => Buffer.from(bytes).toString('base64url'));
  }
  // fast-check makes no strings for Unicode properties; words of any script fit that one pattern.
  if (pattern === undefined || pattern.includes('\\p{')) {
    return fc.string({ unit: 'grapheme', minLength, maxLength: Math.min(maxLength, 64) });
  }
  return fc.stringMatching(new RegExp(pattern));
}
