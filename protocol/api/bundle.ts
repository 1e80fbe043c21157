import { z } from 'zod';
import { ProvenEvent } from './events.ts';
import { Id, Jws } from './fields.ts';
import { DeviceKey } from './modules.ts';

/** Everything about one unlock, checkable offline: see docs/protocol.md, "Unlock bundle". */
export const UnlockBundle = z.strictObject({
  latchkey: z.literal('unlock-bundle/1'),
  unlock: Id,
  device: z.strictObject({ kty: z.literal('EC'), crv: z.literal('P-256'), ...DeviceKey.shape }),
  /** Each challenge with the token it was answered with, in order. */
  grants: z.array(z.strictObject({ challenge: Jws, token: Jws })),
  receipts: z.array(Jws),
  /** The registration of the module, then the unlock's own, in the order of the log. */
  events: z.array(ProvenEvent),
  checkpoint: z.string(),
  /** In order: each that names roots, each that the module held when it got a token, and the newest. */
  manifests: z.array(Jws),
});
