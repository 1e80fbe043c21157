import { v7 } from 'uuid';
import type { Services } from './context.ts';

/** A UUIDv7 (RFC 9562 §5.7): ids of one table sort by the time at which they were made. */
export function newId({ clock, random }: Pick<Services, 'clock' | 'random'>): string {
  return v7({ msecs: clock().getTime(), random: random(16) });
}
