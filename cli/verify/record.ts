import { approvalDigest } from '../../protocol/approval.ts';
import type { LogEvent } from '../../protocol/events.ts';
import { type Evidence, eventsOf } from './evidence.ts';
import type { Report } from './report.ts';

/** What was asked for is what the log says was asked for, and what its digest names. */
export function verifyRequest(report: Report, evidence: Evidence): void {
  const { unlock } = evidence.bundle;
  const foreign = evidence.events.filter((event) => !concerns(event, evidence));
  for (const { type } of foreign) report.fault('event-foreign', `an event ${type} is about something else`);
  const what = `${unlock.requester} asked for ${unlock.scope} on ${unlock.hwid} for ${unlock.seconds} s: “${unlock.reason}”`;
  report.prove(what, () => {
    const [event, ...more] = eventsOf(evidence, 'unlock.requested');
    if (event === undefined || more.length > 0) {
      report.fault(
        'request-altered',
        `there are ${more.length + (event ? 1 : 0)} events of the request, not one`,
      );
      return;
    }
    const { hwid, scope, seconds, reason, ticket, dig, by } = event;
    const logged = [hwid, scope, seconds, reason, ticket, by];
    const shown = [unlock.hwid, unlock.scope, unlock.seconds, unlock.reason, unlock.ticket, unlock.requester];
    if (logged.some((value, place) => value !== shown[place])) {
      report.fault('request-altered', 'the request is not the one that the log holds');
    }
    if (dig !== approvalDigest(unlock) || unlock.digest !== dig) {
      report.fault('request-altered', 'the digest is not that of the request');
    }
  });
}

/** The device key is the one that the module was registered with. */
export function verifyDevice(report: Report, evidence: Evidence): void {
  const { hwid } = evidence.bundle.unlock;
  const registered = eventsOf(evidence, 'module.registered');
  if (registered.length === 0) {
    report.unproved.push(`that the device key is ${hwid}’s: the file holds no registration of the module`);
    return;
  }
  report.prove(`the device key is the one that ${hwid} was registered with`, () => {
    if (!registered.some((event) => event.hwid === hwid && event.dkt === evidence.device.kid)) {
      report.fault('device-unknown', `${hwid} was registered with another device key`);
    }
  });
}

/** The state shown is the one that the last event left. */
export function verifyState(report: Report, evidence: Evidence): void {
  const { unlock } = evidence.bundle;
  const states = evidence.events.flatMap((event) =>
    !event.type.startsWith('module.') && 'state' in event && event.state !== null ? event.state : [],
  );
  report.prove(`the unlock is ${unlock.state}, as its last event says`, () => {
    const last = states.at(-1);
    if (last !== unlock.state) {
      report.fault(
        'state-altered',
        `the unlock is shown as ${unlock.state}, its last event left it ${last ?? 'nowhere'}`,
      );
    }
  });
}

function concerns(event: LogEvent, { bundle: { unlock } }: Evidence): boolean {
  if (event.type === 'module.registered') return event.hwid === unlock.hwid;
  if (event.type === 'receipt.accepted') return event.jti === unlock.id;
  return 'unlock' in event && event.unlock === unlock.id;
}
