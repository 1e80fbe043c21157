import { z } from 'zod';
import { Hwid } from '../../protocol/api/fields.ts';
import { Labels } from '../../protocol/api/import.ts';
import { pageOf } from '../../protocol/api/list.ts';
import {
  CertificateRequest,
  Confirmation,
  ExportQuery,
  Module,
  ModuleAnswer,
  ModuleQuery,
  NewModule,
  RegisteredModule,
  TlsCertificate,
  Why,
} from '../../protocol/api/modules.ts';
import type { ProblemCode } from '../../protocol/problems.ts';
import { certifyModule } from '../decisions/certify.ts';
import { confirmModule } from '../decisions/confirm.ts';
import { exportModules } from '../decisions/export.ts';
import { importModules } from '../decisions/import.ts';
import { listModules } from '../decisions/look.ts';
import { findModule, viewModule } from '../decisions/module.ts';
import { mayProvision, mayTend } from '../decisions/permit.ts';
import { registerModule } from '../decisions/register.ts';
import { clear, resetSeq, resume, retire, suspend, tend, type Verb } from '../decisions/tend.ts';
import { type AnyOperation, jsonStream, lineStream, NDJSON, noBody, none, operation } from '../operation.ts';

/** Seconds, for which a stream counts among its caller's long polls at most. */
const LONGEST_STREAM = 86_400;
const One = z.strictObject({ hwid: Hwid });

export const modulesOperations: readonly AnyOperation[] = [
  operation({
    id: 'registerModule',
    method: 'post',
    path: '/v1/modules',
    summary: 'Register a module and get the bundle that provisions it; a repeat gets the same bytes',
    access: ['station', 'officer'],
    params: none,
    query: none,
    body: NewModule,
    answer: RegisteredModule,
    problems: [
      ...(['module-exists', 'order-unknown', 'order-not-yours', 'order-closed', 'order-full'] as const),
      ...(['order-mismatch', 'invalid-message', 'receipt-unknown', 'module-inactive'] as const),
    ],
    handle: async ({ body, caller }, services) => {
      mayProvision(services, caller, body.hwid);
      const { module, bundle, log } = await registerModule(services, caller, body);
      const manifests = services.keys.manifests.map(({ jws }) => jws);
      return { status: 201, body: { module: viewModule(module), manifests, bundle, log } };
    },
  }),
  operation({
    id: 'listModules',
    method: 'get',
    path: '/v1/modules',
    summary: 'Modules, by hardware ID',
    access: 'enrolled',
    params: none,
    query: ModuleQuery,
    body: noBody,
    answer: pageOf(Module),
    problems: [],
    handle: async ({ query }, services) => ({ body: await listModules(services, query) }),
  }),
  operation({
    id: 'importModules',
    method: 'post',
    path: '/v1/modules/import',
    summary: 'Register modules or change their labels, a line each; each line has a result line, in order',
    access: ['station', 'officer'],
    takes: NDJSON,
    params: none,
    query: none,
    body: lineStream,
    line: z.union([NewModule, Labels]),
    answer: jsonStream,
    media: NDJSON,
    problems: [],
    handle: async ({ body, caller, hold }, services) => ({
      body: importModules(services, caller, body, hold(LONGEST_STREAM)),
    }),
  }),
  operation({
    id: 'exportModules',
    method: 'get',
    path: '/v1/modules/export',
    summary: 'Every module, by hardware ID, a line each; `after` begins behind one',
    access: 'enrolled',
    params: none,
    query: ExportQuery,
    body: noBody,
    answer: jsonStream,
    media: NDJSON,
    problems: [],
    handle: async ({ query, hold }, services) => ({
      body: exportModules(services, query, hold(LONGEST_STREAM)),
    }),
  }),
  operation({
    id: 'getModule',
    method: 'get',
    path: '/v1/modules/{hwid}',
    summary: 'One module',
    access: 'enrolled',
    params: One,
    query: none,
    body: noBody,
    answer: Module,
    problems: ['module-unknown'],
    handle: async ({ params }, { read }) => ({ body: viewModule(await findModule(read, params.hwid)) }),
  }),
  operation({
    id: 'confirmModule',
    method: 'post',
    path: '/v1/modules/{hwid}/confirm',
    summary: 'Confirm a module by its signed provisioning receipt',
    access: ['station', 'officer'],
    params: One,
    query: none,
    body: Confirmation,
    answer: ModuleAnswer,
    problems: ['module-unknown', 'invalid-message', 'receipt-unknown'],
    handle: async ({ params, body, caller }, services) => {
      mayProvision(services, caller, params.hwid);
      const { module, log } = await confirmModule(services, caller, params.hwid, body.receipt);
      return { body: { module: viewModule(module), log } };
    },
  }),
  operation({
    id: 'certifyModule',
    method: 'post',
    path: '/v1/modules/{hwid}/tls-certificate',
    summary: 'Certify a module’s own TLS key by its signed csr; a repeat gets the same certificate',
    access: ['station', 'officer'],
    params: One,
    query: none,
    body: CertificateRequest,
    answer: TlsCertificate,
    problems: [
      'module-unknown',
      'module-unconfirmed',
      'module-inactive',
      'module-flagged',
      'invalid-message',
    ],
    handle: async ({ params, body, caller }, services) => {
      mayProvision(services, caller, params.hwid);
      return { status: 201, body: await certifyModule(services, caller, params.hwid, body.csr) };
    },
  }),
  tending('suspendModule', 'suspend', suspend, 'Grant nothing to a module until it is resumed', [
    'module-unconfirmed',
    'module-inactive',
  ]),
  tending('resumeModule', 'resume', resume, 'End the suspension of a module', [
    'module-unconfirmed',
    'module-inactive',
  ]),
  tending('retireModule', 'retire', retire, 'Grant nothing to a module any more', []),
  tending('clearModule', 'clear', clear, 'Clear a module of the token that this server never issued', []),
  tending('resetModuleSeq', 'reset-seq', resetSeq, 'Take a module’s counter from the start again', []),
];

/** What an officer does to a module, with the reason that goes into the log. */
function tending(id: string, path: string, verb: Verb, summary: string, problems: readonly ProblemCode[]) {
  return operation({
    id,
    method: 'post',
    path: `/v1/modules/{hwid}/${path}`,
    summary,
    access: ['officer'],
    params: One,
    query: none,
    body: Why,
    answer: ModuleAnswer,
    problems: ['module-unknown', ...problems],
    handle: async ({ params: { hwid }, body, caller }, services) => {
      mayTend(services, caller, hwid);
      const { module, log } = await tend(services, caller, hwid, verb, body.why);
      return { body: { module: viewModule(module), log } };
    },
  });
}
