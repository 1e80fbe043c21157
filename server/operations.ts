import { openapiOperation } from './openapi.ts';
import type { AnyOperation } from './operation.ts';
import { certificates } from './routes/certificates.ts';
import { enrolments } from './routes/enrolments.ts';
import { keys } from './routes/keys.ts';
import { principals } from './routes/principals.ts';
import { whoami } from './routes/whoami.ts';

/** Everything that the api does. Routes, their documentation and the tests of both come from this list. */
export function allOperations(version: string): readonly AnyOperation[] {
  const operations = [...principals, ...enrolments, ...certificates, ...whoami, ...keys];
  return [...operations, openapiOperation(operations, version)];
}
