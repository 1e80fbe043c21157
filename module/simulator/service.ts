import type { Scope } from '../../protocol/claims.ts';

/** A scope that stays open for a while; `reset` is over at once. */
export type ServiceScope = Exclude<Scope, 'reset'>;

/** Starts and stops what a scope opens: on a module a getty, adbd or sshd. */
export interface Service {
  /**
   * @param ended to be called if the service ends by itself
   * @throws where it does not start
   */
  start(scope: ServiceScope, ended: () => void): Promise<void>;
  /** Ends the service and every process of its session. */
  stop(scope: ServiceScope): Promise<void>;
}
