import { InvalidArgumentError } from 'commander';
import { Hwid, Id } from '../protocol/api/fields.ts';
import { Imei } from '../protocol/api/modules.ts';
import { OrderName } from '../protocol/api/orders.ts';
import { PrincipalName } from '../protocol/api/principals.ts';

/**
 * What names a thing on a command line, checked before any server or port is asked, in the words of
 * whoever typed it. For commander. @throws InvalidArgumentError
 */

/** As a module reports it: letters may be typed small. */
export const givenHwid = checked(Hwid, '8 to 64 of A-Z 0-9 . _ -', (text) => text.toUpperCase());
export const givenImei = checked(Imei, '15 digits, the last a check digit');
export const givenUnlock = checked(Id, 'an unlock’s id, as latchkey unlocks list shows it', (text) =>
  text.toLowerCase(),
);
export const givenName = checked(PrincipalName, 'a name: 2 to 32 of a-z 0-9 . _ -, the first a letter');
export const givenOrder = checked(OrderName, '1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit');

function checked(
  schema: { safeParse(text: string): { success: boolean } },
  wanted: string,
  normal: (text: string) => string = (text) => text,
) {
  return (text: string): string => {
    const value = normal(text.trim());
    if (schema.safeParse(value).success) return value;
    throw new InvalidArgumentError(`It takes ${wanted}.`);
  };
}
