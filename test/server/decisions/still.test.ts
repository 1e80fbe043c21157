import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Problem } from '../../../protocol/problems.ts';
import type { Caller } from '../../../server/context.ts';
import { disablePrincipal } from '../../../server/decisions/principals.ts';
import { revealPassword } from '../../../server/decisions/reveal.ts';
import { revokeCertificate } from '../../../server/decisions/revoke.ts';
import { issueToken } from '../../../server/decisions/token.ts';
import { startServer, type TestServer } from '../../fixture/server.ts';
import { principal, provisioned, requested } from '../../fixture/unlocks.ts';

let server: TestServer;
let station: Caller;

before(async () => {
  server = await startServer();
  station = await principal(server.services, ['station'], 'line-1');
  await principal(server.services, ['officer'], 'olga');
});
after(() => server.stop());

/** Decisions take a caller who was let in before: here, somebody who is shut out since. */
const ways = {
  'principal-disabled': (caller: Caller) => disablePrincipal(caller.name, 'olga', server.services),
  'certificate-revoked': (caller: Caller) => revokeCertificate(caller.serial, caller, server.services),
} as const;

for (const [code, shutOut] of Object.entries(ways)) {
  test(`no token and no password is committed after its caller’s end: ${code} (DESIGN §6)`, async () => {
    const { services } = server;
    const { serial } = await server.client('engineer');
    const { principal: name, lineage } = await services.read
      .selectFrom('certificates')
      .select(['principal', 'lineage'])
      .where('serial', '=', serial)
      .executeTakeFirstOrThrow();
    const caller: Caller = { name, kind: 'person', roles: ['engineer'], serial, lineage };
    const [ready, issued] = [await provisioned(services, station), await provisioned(services, station)];
    const waiting = await requested(services, caller, ready);
    const open = await requested(services, caller, issued);
    await issueToken(services, caller, open, await issued.challenge());
    await shutOut(caller);
    const out = (error: Problem) => error.code === code;
    await assert.rejects(issueToken(services, caller, waiting, await ready.challenge()), out);
    await assert.rejects(revealPassword(services, caller, open), out);
  });
}
