import type { Role } from '../../protocol/api/principals.ts';
import type { Services } from '../context.ts';
import { renewableUntil } from './renew.ts';

/** Until when an officer can get in, by a certificate that is valid or can still be renewed. */
export interface Entrance {
  readonly officer: string;
  readonly until: Date;
}

/** The officer who can get in the longest, or undefined where none can: then nobody administers the server. */
export async function officerEntrance({
  read,
  config,
  clock,
}: Pick<Services, 'read' | 'config' | 'clock'>): Promise<Entrance | undefined> {
  const certificates = await read
    .selectFrom('certificates')
    .innerJoin('principals', 'principals.name', 'certificates.principal')
    .select(['principal', 'roles', 'not_after', 'rooted'])
    .where('certificates.state', '=', 'live')
    .where('principals.state', '=', 'enabled')
    .execute();
  const entrances = certificates
    .filter(({ roles }) => (JSON.parse(roles) as Role[]).includes('officer'))
    .map((held) => ({
      officer: held.principal,
      until: Math.max(Date.parse(held.not_after), renewableUntil(held, config.certificates.person)),
    }))
    .filter(({ until }) => until >= clock().getTime())
    .sort((a, b) => b.until - a.until);
  const [longest] = entrances;
  return longest && { officer: longest.officer, until: new Date(longest.until) };
}
