import { z } from 'zod';
import { LogPosition, Moment } from './fields.ts';

export const roles = ['engineer', 'approver', 'station', 'auditor', 'officer'] as const;
export type Role = (typeof roles)[number];
export const PrincipalName = z
  .string()
  .regex(/^[a-z][a-z0-9._-]{1,31}$/, 'a name is 2 to 32 of a-z 0-9 . _ -, beginning with a letter')
  .describe('Name of a person or a station');
export const Principal = z.strictObject({
  name: PrincipalName,
  kind: z.enum(['person', 'station']),
  roles: z.array(z.enum(roles)),
  state: z.enum(['enabled', 'disabled']),
  created: Moment,
});
/** Stations have the role station alone, and nobody else has it. */
export const NewPrincipal = z
  .strictObject({
    name: PrincipalName,
    kind: z.enum(['person', 'station']),
    roles: z.array(z.enum(roles)).min(1).max(roles.length),
  })
  .refine((principal) => new Set(principal.roles).size === principal.roles.length, {
    path: ['roles'],
    error: 'a role is given twice',
  })
  .refine(({ kind, roles }) => roles.every((role) => (role === 'station') === (kind === 'station')), {
    path: ['roles'],
    error: 'stations have the role station alone, and people never do',
  });
export const PrincipalAnswer = z.strictObject({ principal: Principal, log: LogPosition.nullable() });
