import { openapiOperation } from './openapi.ts';
import type { AnyOperation } from './operation.ts';
import { certificatesOperations } from './routes/certificates.ts';
import { enrolmentsOperations } from './routes/enrolments.ts';
import { eventsOperations } from './routes/events.ts';
import { keysOperations } from './routes/keys.ts';
import { logOperations } from './routes/log.ts';
import { modulesOperations } from './routes/modules.ts';
import { ordersOperations } from './routes/orders.ts';
import { passwordsOperations } from './routes/passwords.ts';
import { principalsOperations } from './routes/principals.ts';
import { receiptsOperations } from './routes/receipts.ts';
import { unlocksOperations } from './routes/unlocks.ts';
import { whoamiOperations } from './routes/whoami.ts';

/** Everything that the api does. Routes, their documentation and the tests of both come from this list. */
export function allOperations(version: string): readonly AnyOperation[] {
  const operations = [
    ...principalsOperations,
    ...enrolmentsOperations,
    ...certificatesOperations,
    ...whoamiOperations,
    ...ordersOperations,
    ...modulesOperations,
    ...unlocksOperations,
    ...receiptsOperations,
    ...passwordsOperations,
    ...eventsOperations,
    ...keysOperations,
    ...logOperations,
  ];
  return [...operations, openapiOperation(operations, version)];
}
