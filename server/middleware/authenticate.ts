import { X509Certificate } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import { Problem } from '../../protocol/problems.ts';
import type { Caller, Services } from '../context.ts';
import { admit, type Peer } from '../decisions/admit.ts';
import type { Access } from '../operation.ts';
import { standings } from '../store/standing.ts';
import type { ApiRequest, Middleware } from './exchange.ts';
import type { AddressLimit } from './limit.ts';

/** id-kp-clientAuth (RFC 5280 §4.2.1.12): the server's own certificate does not have it. */
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** Lets nobody past but those whom `access` names. */
export function authenticate(access: Access, services: Services, addresses: AddressLimit): Middleware {
  if (access === 'open') {
    return (request, _response, next) => {
      addresses.charge(request);
      next();
    };
  }
  const peerOf = peers(services.keys.ca.certificate);
  const standingOf = standings(services.read);
  return async (request, response, next) => {
    const { exchange } = response.locals;
    const decide = async (by: Access) => {
      const peer = peerOf(request);
      const standing = peer?.trusted ? await standingOf(peer.serial) : undefined;
      return admit(peer, standing, by, services.clock().getTime());
    };
    try {
      exchange.caller = await decide(access);
    } catch (refusal) {
      addresses.charge(request);
      throw refusal;
    }
    permitRole(access, exchange.caller);
    // A certificate that ended or was renewed during the wait was good when the question came.
    exchange.readmit = async () => permitRole(access, await decide('expired'));
    next();
  };
}

function permitRole(access: Access, caller: Caller): void {
  if (typeof access === 'string' || access.some((role) => caller.roles.includes(role))) return;
  const need = `role ${access.join(' or ')}`;
  throw new Problem(
    'forbidden',
    `This needs the ${need}, which ${caller.name} does not have; an officer gives it.`,
    { need },
  );
}

/** Parses and verifies a connection's certificate once; what may change with time is decided by `admit`. */
function peers(caPem: string): (request: ApiRequest) => Peer | undefined {
  const ca = new X509Certificate(caPem);
  const known = new WeakMap<TLSSocket, Peer>();
  return ({ socket }) => {
    if (!(socket instanceof TLSSocket)) return undefined;
    const before = known.get(socket);
    if (before !== undefined) return before;
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) return undefined;
    const peer = readPeer(certificate, ca);
    known.set(socket, peer);
    return peer;
  };
}

function readPeer(certificate: X509Certificate, ca: X509Certificate): Peer {
  return {
    trusted: certificate.verify(ca.publicKey) && certificate.keyUsage?.includes(CLIENT_AUTH) === true,
    serial: certificate.serialNumber.toLowerCase(),
    names: certificate.subjectAltName,
    notBefore: Date.parse(certificate.validFrom),
    notAfter: Date.parse(certificate.validTo),
  };
}
