import { SERVER } from '../../protocol/events.ts';
import type { Config } from '../config.ts';
import { mustFind } from '../decisions/principals.ts';
import { revokeCertificates } from '../decisions/revoke.ts';
import { type Ambient, openServices } from '../services.ts';

/**
 * Revokes every certificate of a principal, and withdraws the codes that go with them, on the word of
 * whoever runs this machine: for when the only officer's key was stolen, and nobody else can. The
 * principal stays enabled, so that `init` may make them a code. A server may run meanwhile.
 * @returns how many enrolments' certificates there were; 0 where the principal had none left
 * @throws NotInitialized, KeyFault, LogDamaged, Problem `not-found`
 */
export async function revoke(config: Config, ambient: Ambient, name: string): Promise<number> {
  const { commit, clock, close } = await openServices(config, ambient);
  try {
    const { value } = await commit(SERVER, async (tx) => {
      await mustFind(tx, name);
      return revokeCertificates(tx, name, { by: SERVER, why: 'officer', now: clock() });
    });
    return value;
  } finally {
    await close();
  }
}
