import { ReceiptResults, Receipts } from '../../protocol/api/receipts.ts';
import { takeReceipts } from '../decisions/receive.ts';
import { type AnyOperation, none, operation } from '../operation.ts';

export const receiptsOperations: readonly AnyOperation[] = [
  operation({
    id: 'uploadReceipts',
    method: 'post',
    path: '/v1/receipts',
    summary: 'Hand in what modules signed; each receipt has a result of its own',
    access: 'enrolled',
    params: none,
    query: none,
    body: Receipts,
    answer: ReceiptResults,
    problems: [],
    handle: async ({ body, caller }, services) => ({
      body: await takeReceipts(services, caller, body.receipts),
    }),
  }),
];
