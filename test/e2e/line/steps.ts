/** What the line is at when something dies. */
export type Kind =
  /** A new module, and a server. */
  | 'online'
  /** A new module, and no server: the offline bundle, the journal. */
  | 'outage'
  /** A new module, a server, and in the journal another one that was made in an outage. */
  | 'delivery';

export interface Step {
  readonly kind: Kind;
  /** As the relays or the journal's directory tell it; `nth` of a request's route, counted from 1. */
  readonly at: string;
  readonly nth?: number;
  /** Who writes to its disk once it has heard what is said here. */
  readonly writes?: Victim;
}

const REGISTER = 'POST /v1/modules';
const CONFIRM = 'POST /v1/modules/{hwid}/confirm';
const BUNDLE = 'POST /v1/orders/{order}/bundle';

/** The steps of making one module, in their order: each is where something is killed. */
export const steps: Readonly<Record<string, Step>> = {
  'offline bundle asked for': { kind: 'online', at: `request ${BUNDLE}` },
  'identity read': { kind: 'online', at: 'identity answered' },
  'register sent': { kind: 'online', at: `request ${REGISTER}`, writes: 'server' },
  'register answered': { kind: 'online', at: `answer ${REGISTER}` },
  'manifest begun': { kind: 'online', at: 'data 1:0' },
  'manifest taken': { kind: 'online', at: 'keys answered' },
  'bundle half handed over': { kind: 'online', at: 'data 2:768' },
  'bundle to be acted on': { kind: 'online', at: 'provision', writes: 'module' },
  'receipt made': { kind: 'online', at: 'provision answered' },
  'receipt sent': { kind: 'online', at: `request ${CONFIRM}`, writes: 'server' },
  'confirm answered': { kind: 'online', at: `answer ${CONFIRM}` },
  'offline bundle renewed': { kind: 'online', at: `request ${BUNDLE}`, nth: 2 },
  'offline bundle half handed over': { kind: 'outage', at: 'data 2:512' },
  'offline bundle to be acted on': { kind: 'outage', at: 'provision', writes: 'module' },
  'offline receipt made': { kind: 'outage', at: 'provision answered' },
  'journal written': { kind: 'outage', at: 'journal written' },
  'delivery sent': { kind: 'delivery', at: `request ${REGISTER}`, writes: 'server' },
  'delivery answered': { kind: 'delivery', at: `answer ${REGISTER}` },
  'journal entry gone': { kind: 'delivery', at: 'journal gone' },
};

export const victims = ['station', 'server', 'connection', 'module'] as const;
export type Victim = (typeof victims)[number];

/** One kill: where, of what, and what chance adds. */
export interface Kill {
  readonly step: string;
  readonly victim: Victim;
  /** What goes over the wire just then still arrives; a victim that writes on it dies while it writes. */
  readonly heard: boolean;
  /** What died is there again only once the run is over, and not at once. */
  readonly late: boolean;
  /** A module that waits in the journal is not taken up again: the next one's run is to deliver it. */
  readonly left: boolean;
}

/**
 * Every step with every victim, so many times, in an order that the seed decides; of a broken number of
 * times the last goes as far as it goes.
 */
export function killsOf(times: number, seed: number): Kill[] {
  const chance = mulberry32(seed);
  const coin = () => chance() < 0.5;
  const round = () =>
    Object.keys(steps)
      .flatMap((step) => victims.map((victim) => ({ step, victim })))
      .map((kill) => ({ ...kill, heard: coin(), late: coin(), left: coin(), place: chance() }))
      .sort((a, b) => a.place - b.place)
      .map(({ place: _, ...kill }) => kill);
  const each = Object.keys(steps).length * victims.length;
  return Array.from({ length: Math.ceil(times) }, round)
    .flat()
    .slice(0, Math.round(times * each));
}

/** Tommy Ettinger's mulberry32: numbers from 0 to below 1 that a 32-bit seed gives again. */
function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
