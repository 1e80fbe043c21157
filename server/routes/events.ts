import { z } from 'zod';
import { UnlockBundle } from '../../protocol/api/bundle.ts';
import { EventAnswer, EventEntry, EventQuery } from '../../protocol/api/events.ts';
import { decimal, Id } from '../../protocol/api/fields.ts';
import { pageOf } from '../../protocol/api/list.ts';
import { bundleUnlock } from '../decisions/bundle.ts';
import { proveEvent, searchEvents } from '../decisions/events.ts';
import { type AnyOperation, noBody, none, operation } from '../operation.ts';

export const eventsOperations: readonly AnyOperation[] = [
  operation({
    id: 'searchEvents',
    method: 'get',
    path: '/v1/events',
    summary: 'Events of the log: all for those who review, else one’s own and those of one’s unlocks',
    access: 'enrolled',
    params: none,
    query: EventQuery,
    body: noBody,
    answer: pageOf(EventEntry),
    problems: [],
    handle: async ({ query, caller, hold }, services) => ({
      body: await searchEvents(services, caller, query, hold),
    }),
  }),
  // Before the events by index: the first path that fits is taken.
  operation({
    id: 'bundleUnlock',
    method: 'get',
    path: '/v1/events/bundle',
    summary: 'Everything about one unlock, with proofs, to be checked offline',
    access: 'enrolled',
    params: none,
    query: z.strictObject({ unlock: Id }),
    body: noBody,
    answer: UnlockBundle,
    problems: ['not-found', 'unlock-state'],
    handle: async ({ query, caller }, services) => ({
      body: await bundleUnlock(services, caller, query.unlock),
    }),
  }),
  operation({
    id: 'getEvent',
    method: 'get',
    path: '/v1/events/{index}',
    summary: 'One event, with the proof that the newest checkpoint’s tree holds it',
    access: 'enrolled',
    params: z.strictObject({ index: decimal(z.int().min(0)) }),
    query: none,
    body: noBody,
    answer: EventAnswer,
    problems: ['not-found'],
    handle: async ({ params, caller }, services) => ({
      body: await proveEvent(services, caller, params.index),
    }),
  }),
];
