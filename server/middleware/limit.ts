import { Problem } from '../../protocol/problems.ts';
import type { Caller, Services } from '../context.ts';
import { networkOf } from './address.ts';
import type { ApiRequest, Middleware } from './exchange.ts';
import { RateLimit } from './rate.ts';

/**
 * Before authentication the address pays: for requests that nobody is known for, and for those that
 * fail to authenticate. A whole factory behind one address is not slowed down by its own good requests.
 */
export interface AddressLimit {
  /** Refuses whatever comes from an address that has nothing left, before any other work. */
  readonly check: Middleware;
  charge(request: ApiRequest): void;
  /** Charges a new connection, whose handshake costs a signature. @returns false where it must not be had */
  connect(address: string | undefined): boolean;
}

export function limitAddresses({ config, clock }: Services): AddressLimit {
  const limit = new RateLimit(config.limits.address, clock);
  return {
    check: (request, _response, next) => next(refusal(limit.wait(networkOf(request.socket.remoteAddress)))),
    charge: (request) => {
      limit.take(networkOf(request.socket.remoteAddress));
    },
    connect: (address) => limit.take(networkOf(address)) === 0,
  };
}

export function limitPrincipals({ callers }: Services): Middleware {
  return (_request, response, next) => {
    const { caller } = response.locals.exchange;
    next(caller && refusal(callers.take(caller.name)));
  };
}

/**
 * Charges a caller as for one request more, inside one that could go on without end.
 * @throws Problem `rate-limited`
 */
export function charge({ callers }: Services, { name }: Caller): void {
  const refused = refusal(callers.take(name));
  if (refused !== undefined) throw refused;
}

function refusal(wait: number): Problem | undefined {
  if (wait === 0) return undefined;
  const retryAfter = Math.ceil(wait / 1000);
  return new Problem('rate-limited', `Too many requests; try again in ${retryAfter} s.`, { retryAfter });
}
