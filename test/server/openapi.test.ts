import assert from 'node:assert/strict';
import { test } from 'node:test';
import { problems } from '../../protocol/problems.ts';
import { openapi, problemsOf } from '../../server/openapi.ts';
import { allOperations } from '../../server/operations.ts';

const operations = allOperations('1.2.3');
const document = JSON.parse(JSON.stringify(openapi(operations, '1.2.3')));

/** Every object in a JSON value. */
function* objects(value: unknown): Generator<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield value as Record<string, unknown>;
  for (const member of Object.values(value)) yield* objects(member);
}

test('every operation is documented, under its own id, and nothing else is', () => {
  const documented = Object.values(document.paths as Record<string, Record<string, { operationId: string }>>)
    .flatMap((path) => Object.values(path))
    .map(({ operationId }) => operationId);
  assert.deepEqual(documented.sort(), operations.map(({ id }) => id).sort());
  assert.equal(new Set(documented).size, documented.length);
});

test('every code with which an operation may refuse is listed under its status', () => {
  for (const operation of operations) {
    const { responses } = document.paths[operation.path.replace('{+', '{')][operation.method];
    for (const code of problemsOf(operation)) {
      const [status] = problems[code];
      const { schema } = responses[status].content['application/problem+json'];
      assert.ok(schema.allOf[1].properties.code.enum.includes(code), `${operation.id} ${code}`);
    }
  }
});

test('every reference leads to a schema that says something', () => {
  const { schemas } = document.components;
  for (const { $ref } of objects(document)) {
    if (typeof $ref !== 'string') continue;
    const found = schemas[$ref.replace('#/components/schemas/', '')];
    assert.ok(found !== undefined && Object.keys(found).some((key) => key !== '$ref'), $ref);
  }
});

test('objects that clients send are closed: no member that is not named', () => {
  for (const [name, schema] of Object.entries(document.components.schemas as Record<string, object>)) {
    if (name === 'Problem' || !('properties' in schema)) continue;
    assert.ok('additionalProperties' in schema && schema.additionalProperties === false, name);
  }
});
