import { Problem } from '../../protocol/problems.ts';
import type { Idempotency } from '../operation.ts';

/**
 * The row that an earlier request with the same Idempotency-Key made, or undefined where there is none.
 * @throws Problem `idempotency-key-reused` where that request had another body
 */
export function sameRequest<R extends { readonly idem_digest: string }>(
  row: R | undefined,
  { digest }: Idempotency,
): R | undefined {
  if (row === undefined || row.idem_digest === digest) return row;
  throw new Problem(
    'idempotency-key-reused',
    'This Idempotency-Key belongs to a request with another body; take a fresh one for a new intent.',
  );
}
