import { z } from 'zod';
import { Jws, Moment } from '../../protocol/api/fields.ts';
import { Failure } from '../failure.ts';
import type { Home } from '../home.ts';
import { claimsOf } from '../receipts.ts';
import type { Journal } from './journal.ts';

/** A file for each order, since a module may come back that holds another's. */
const DIRECTORY = 'bundles';

/** Bundles kept of one order, the newest first: what was made with the one before may not be journaled yet. */
const KEPT = 4;

const Stored = z.strictObject({
  order: z.string(),
  jti: z.string(),
  bundle: Jws,
  expires: Moment,
  /** Modules that could still be made with it when it was fetched. */
  left: z.int().min(0),
});
export type StoredBundle = z.infer<typeof Stored>;
const Bundles = z.array(Stored);

/**
 * The offline bundle of each order, kept for when there is no server: the same public bytes for every
 * module, without a password.
 */
export class OfflineBundles {
  readonly #home: Home;
  /** By `jti`: modules made with it that the server had not counted when it was fetched. */
  readonly #made = new Map<string, number>();

  constructor(home: Home) {
    this.#home = home;
  }

  keep(bundle: StoredBundle): void {
    const others = this.#of(bundle.order).filter(({ jti }) => jti !== bundle.jti);
    this.#home.writeJson(pathOf(bundle.order), [bundle, ...others].slice(0, KEPT));
    this.#made.delete(bundle.jti);
  }

  /**
   * The bundle for one more module.
   * @throws Failure `bundle-missing`, `bundle-expired`, `bundle-exhausted`
   */
  take(order: string, now: Date, journal: Journal): StoredBundle {
    const [newest] = this.#of(order);
    if (newest === undefined) throw unusable('missing', `no offline bundle of order ${order} is kept here`);
    const { jti, expires, left } = newest;
    if (now >= new Date(expires))
      throw unusable('expired', `the offline bundle of order ${order} has expired`);
    const made = this.#count(jti, journal);
    if (made >= left) {
      const room = left === 0 ? 'no room for more' : `room for ${left} more, which are made`;
      throw unusable('exhausted', `order ${order} had ${room}`);
    }
    this.#made.set(jti, made + 1);
    return newest;
  }

  /** One of the places that were left has gone to a module that the server registered meanwhile. */
  placed(order: string, journal: Journal): void {
    const [newest] = this.#of(order);
    if (newest !== undefined) this.#made.set(newest.jti, this.#count(newest.jti, journal) + 1);
  }

  /** The kept bundle of that id, of whichever order. */
  find(jti: string): StoredBundle | undefined {
    return this.#home
      .list(DIRECTORY)
      .flatMap((name) => this.#home.readJson(`${DIRECTORY}/${name}`, Bundles) ?? [])
      .find((bundle) => bundle.jti === jti);
  }

  #count(jti: string, journal: Journal): number {
    return this.#made.get(jti) ?? waitingWith(jti, journal);
  }

  #of(order: string): StoredBundle[] {
    return this.#home.readJson(pathOf(order), Bundles) ?? [];
  }
}

function waitingWith(jti: string, journal: Journal): number {
  return journal.waiting().filter(({ receipt }) => claimsOf(receipt)?.jti === jti).length;
}

function unusable(why: 'missing' | 'expired' | 'exhausted', what: string): Failure {
  return new Failure('failure', `bundle-${why}`, `The server cannot be reached, and ${what}.`, {
    next: 'The module got no bundle. A run of this order fetches the bundle while the server answers: provision it then.',
  });
}

/** An order's name is a file's name too: see OrderName. */
function pathOf(order: string): string {
  return `${DIRECTORY}/${order}.json`;
}
