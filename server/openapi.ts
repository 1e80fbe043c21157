import { z } from 'zod';
import * as bundle from '../protocol/api/bundle.ts';
import * as certificates from '../protocol/api/certificates.ts';
import * as enrolments from '../protocol/api/enrolments.ts';
import * as events from '../protocol/api/events.ts';
import * as fields from '../protocol/api/fields.ts';
import * as imports from '../protocol/api/import.ts';
import * as keys from '../protocol/api/keys.ts';
import * as list from '../protocol/api/list.ts';
import * as modules from '../protocol/api/modules.ts';
import * as orders from '../protocol/api/orders.ts';
import * as principals from '../protocol/api/principals.ts';
import * as receipts from '../protocol/api/receipts.ts';
import * as unlocks from '../protocol/api/unlocks.ts';
import { type ProblemCode, problems } from '../protocol/problems.ts';
import { type AnyOperation, noBody, none, operation } from './operation.ts';

type Schema = Record<string, unknown>;

/** The operation that serves the document of all operations, its own among them. */
export function openapiOperation(others: readonly AnyOperation[], version: string): AnyOperation {
  const self = operation({
    id: 'getOpenapi',
    method: 'get',
    path: '/openapi.json',
    summary: 'This document',
    access: 'open',
    params: none,
    query: none,
    body: noBody,
    answer: z.looseObject({ openapi: z.string() }),
    problems: [],
    handle: async () => ({ body: document }),
  });
  const document = openapi([...others, self], version);
  return self;
}

/** OpenAPI 3.1.1, from the schemas that requests are checked with. */
export function openapi(operations: readonly AnyOperation[], version: string): { openapi: string } & Schema {
  const schemas = new Schemas();
  const paths: Record<string, Schema> = {};
  for (const one of operations) {
    const path = one.path.replaceAll('{+', '{');
    paths[path] = { ...paths[path], [one.method]: describe(one, schemas) };
  }
  return {
    openapi: '3.1.1',
    info: { title: 'Latchkey', version, summary: 'Console-unlock authorization for LTE modules' },
    paths,
    components: {
      schemas: { ...schemas.named, Problem: problemSchema },
      securitySchemes: {
        certificate: { type: 'mutualTLS', description: 'A client certificate of the access CA, TLS 1.3' },
      },
    },
  };
}

/** Every code with which an operation may refuse: its own, and those that come with what it is. */
export function problemsOf({ access, body, idempotent, method, problems: own }: AnyOperation): ProblemCode[] {
  const shared: ProblemCode[] = ['invalid-request', 'not-acceptable', 'rate-limited', 'shutting-down'];
  if (body !== noBody) shared.push('payload-too-large', 'unsupported-media-type');
  if (idempotent) shared.push('idempotency-key-required', 'idempotency-key-reused');
  if (access !== 'open') shared.push('certificate-required', 'certificate-untrusted', 'certificate-revoked');
  if (access !== 'open' && access !== 'expired') shared.push('certificate-expired', 'certificate-renewed');
  if (access !== 'open') shared.push('principal-disabled', 'forbidden');
  if (method === 'post') shared.push('log-unavailable');
  return [...new Set([...shared, ...own, 'internal-error' as const])].sort();
}

function describe(one: AnyOperation, schemas: Schemas): Schema {
  const idempotency = {
    name: 'Idempotency-Key',
    in: 'header',
    required: true,
    description: 'A fresh UUID for each intent, the same one for each repeat',
    schema: { type: 'string', pattern: '^[\\w-]{8,64}$' },
  };
  return {
    operationId: one.id,
    summary: one.summary,
    ...(one.access === 'open' ? { security: [] } : { security: [{ certificate: [] }] }),
    ...(Array.isArray(one.access) && { 'x-latchkey-roles': one.access }),
    parameters: [
      ...parameters('path', one.params, schemas),
      ...parameters('query', one.query, schemas),
      ...(one.idempotent ? [idempotency] : []),
    ],
    ...(one.body !== noBody && {
      requestBody: {
        required: true,
        content: { [one.takes ?? 'application/json']: { schema: schemas.of(one.line ?? one.body, 'input') } },
      },
    }),
    responses: { ...success(one, schemas), ...refusals(one) },
  };
}

function success({ answer, media = 'application/json' }: AnyOperation, schemas: Schemas): Schema {
  const json = media.includes('json') && !media.includes('ndjson');
  const schema = json ? { schema: schemas.of(answer, 'output') } : {};
  return { '2XX': { description: 'Done', content: { [media]: schema } } };
}

/** By status, each with the closed list of its codes. */
function refusals(one: AnyOperation): Schema {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of problemsOf(one)) {
    const [status] = problems[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const answers = [...byStatus].map(([status, codes]) => {
    const schema = {
      allOf: [{ $ref: '#/components/schemas/Problem' }, { properties: { code: { enum: codes } } }],
    };
    const description = codes.map((code) => `${code}: ${problems[code][1]}.`).join('\n\n');
    return [status, { description, content: { 'application/problem+json': { schema } } }];
  });
  return Object.fromEntries(answers);
}

function parameters(where: 'path' | 'query', schema: z.ZodType, schemas: Schemas): Schema[] {
  const { properties = {}, required = [] } = schemas.of(schema, 'input', true) as {
    properties?: Record<string, Schema>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, member]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: member,
  }));
}

/** RFC 9457 §3. */
const problemSchema = {
  type: 'object',
  properties: {
    type: { type: 'string', pattern: '^urn:latchkey:problem:[a-z-]+$' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { enum: Object.keys(problems) },
    detail: { type: 'string' },
    request: { type: 'string', description: 'Finds this request in the server’s diagnostics' },
  },
  required: ['type', 'title', 'status', 'code', 'detail', 'request'],
};

const resources = {
  ...{ ...bundle, ...certificates, ...enrolments, ...events, ...fields, ...imports, ...keys },
  ...{ ...list, ...modules, ...orders, ...principals, ...receipts, ...unlocks },
};

/** JSON Schemas of zod's; those that protocol/api/ names are written once and referred to. */
class Schemas {
  readonly named: Record<string, Schema> = {};
  readonly #registry = z.registry<{ id: string }>();

  constructor() {
    for (const [id, schema] of Object.entries(resources)) {
      if (schema instanceof z.ZodObject) this.#registry.add(schema, { id });
    }
  }

  /** @param whole the schema itself, even where it has a name */
  of(schema: z.ZodType, io: 'input' | 'output', whole = false): Schema {
    const {
      $schema: _,
      $defs = {},
      ...made
    } = z.toJSONSchema(schema, {
      io,
      metadata: whole ? z.registry<{ id: string }>() : this.#registry,
      unrepresentable: 'any',
    }) as Schema & { $defs?: Record<string, Schema> };
    for (const [name, definition] of Object.entries($defs)) this.named[name] = moved(definition);
    const id = whole ? undefined : this.#registry.get(schema)?.id;
    if (id === undefined) return moved(made);
    // Where something in it refers to it, zod has put it among the $defs itself.
    if (!('$ref' in made)) this.named[id] = moved(made);
    return { $ref: `#/components/schemas/${id}` };
  }
}

/** `#/$defs/X` is `#/components/schemas/X` in OpenAPI; zod also leaves the registry's `id` in place. */
function moved(schema: Schema): Schema {
  const text = JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/');
  const { id: _, ...definition } = JSON.parse(text);
  return definition;
}
