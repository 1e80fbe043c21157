import { z } from 'zod';
import { pageOf } from '../../protocol/api/list.ts';
import { Why } from '../../protocol/api/modules.ts';
import {
  NewOrder,
  OfflineBundle,
  Order,
  OrderAnswer,
  OrderChange,
  OrderName,
  OrderQuery,
} from '../../protocol/api/orders.ts';
import type { Caller, Services } from '../context.ts';
import { offlineBundle } from '../decisions/offline.ts';
import {
  changeOrder,
  closeOrder,
  createOrder,
  listOrders,
  mustFindOrder,
  reopenOrder,
  viewOrder,
} from '../decisions/orders.ts';
import { mustBePermitted } from '../decisions/permit.ts';
import { type AnyOperation, noBody, none, operation } from '../operation.ts';

const One = z.strictObject({ order: OrderName });

export const ordersOperations: readonly AnyOperation[] = [
  operation({
    id: 'createOrder',
    method: 'post',
    path: '/v1/orders',
    summary: 'Make a production order; its name is its key, and a repeat gets the same answer',
    access: ['officer'],
    params: none,
    query: none,
    body: NewOrder,
    answer: OrderAnswer,
    problems: ['order-exists', 'order-full', 'not-found'],
    handle: async ({ body, caller }, services) => {
      mayAdminister(services, caller, body.name);
      return { status: 201, body: await createOrder(body, caller, services) };
    },
  }),
  operation({
    id: 'listOrders',
    method: 'get',
    path: '/v1/orders',
    summary: 'Production orders, by name',
    access: 'enrolled',
    params: none,
    query: OrderQuery,
    body: noBody,
    answer: pageOf(Order),
    problems: [],
    handle: async ({ query }, services) => ({ body: await listOrders(query, services) }),
  }),
  operation({
    id: 'getOrder',
    method: 'get',
    path: '/v1/orders/{order}',
    summary: 'One production order, with what became of its modules',
    access: 'enrolled',
    params: One,
    query: none,
    body: noBody,
    answer: Order,
    problems: ['order-unknown'],
    handle: async ({ params }, { read }) => ({ body: viewOrder(await mustFindOrder(read, params.order)) }),
  }),
  operation({
    id: 'changeOrder',
    method: 'post',
    path: '/v1/orders/{order}/change',
    summary: 'Change how many modules an order is of, or which stations it is given to',
    access: ['officer'],
    params: One,
    query: none,
    body: OrderChange,
    answer: OrderAnswer,
    problems: ['order-unknown', 'order-full', 'not-found'],
    handle: async ({ params, body, caller }, services) => {
      mayAdminister(services, caller, params.order);
      return { body: await changeOrder(params.order, body, caller, services) };
    },
  }),
  operation({
    id: 'offlineBundle',
    method: 'post',
    path: '/v1/orders/{order}/bundle',
    summary: 'The offline bundle of an order and the station that asks; the same bytes while it lives',
    access: ['station'],
    params: One,
    query: none,
    body: noBody,
    answer: OfflineBundle,
    problems: ['order-unknown', 'order-not-yours', 'order-closed', 'order-full'],
    handle: async ({ params, caller }, services) => {
      const resource = { type: 'Order', id: params.order } as const;
      mustBePermitted(services, caller, { action: 'provision', resource, context: {} });
      return { body: await offlineBundle(services, caller, params.order) };
    },
  }),
  ending('closeOrder', 'close', closeOrder, 'Register no further module for an order'),
  ending('reopenOrder', 'reopen', reopenOrder, 'Register modules for a closed order again'),
];

/** Ends an order, or takes that back, with the reason that goes into the log. */
function ending(id: string, path: string, end: typeof closeOrder, summary: string) {
  return operation({
    id,
    method: 'post',
    path: `/v1/orders/{order}/${path}`,
    summary,
    access: ['officer'],
    params: One,
    query: none,
    body: Why,
    answer: OrderAnswer,
    problems: ['order-unknown'],
    handle: async ({ params, body, caller }, services) => {
      mayAdminister(services, caller, params.order);
      return { body: await end(params.order, body.why, caller, services) };
    },
  });
}

function mayAdminister(services: Services, caller: Caller, id: string): void {
  const resource = { type: 'Order', id } as const;
  mustBePermitted(services, caller, { action: 'administer', resource, context: {} });
}
