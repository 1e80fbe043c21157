import { createHash, randomUUID } from 'node:crypto';
import type { LogEvent } from '../../protocol/events.ts';
import type { Answer, Client } from '../fixture/client.ts';
import { Device } from '../fixture/device.ts';

/** What clients know to have happened: a row for each answer that granted or acknowledged something. */
export class Ledger {
  readonly entries: Acknowledged[] = [];

  /** Notes an answer down before anything else is done with it. */
  note(answer: Answer, proves: (event: LogEvent) => boolean): void {
    const { log } = answer.json as { log?: { index: number } | null };
    if (log) this.entries.push({ index: log.index, proves });
  }
}

interface Acknowledged {
  /** Where the answer said that its event stands. */
  readonly index: number;
  /** True for the event that it must be. */
  proves(event: LogEvent): boolean;
}

/** One request that is repeated with the same bytes until it is answered, whatever dies meanwhile. */
type Step = () => Promise<void>;

/** A client at work: unlocks one module after another request, for as long as there is a server. */
export class Worker {
  readonly #client: Client;
  readonly #device: Device;
  readonly #ledger: Ledger;
  /** What is to be done next; the first may have been sent before. */
  #steps: Step[] = [];
  constructor(client: Client, device: Device, ledger: Ledger) {
    this.#client = client;
    this.#device = device;
    this.#ledger = ledger;
  }

  /**
   * Works until so many answers came, or until the server does not answer.
   * @returns how many came
   * @throws where an answer refuses what must be granted
   */
  async run(most: number): Promise<number> {
    for (let answered = 0; answered < most; answered += 1) {
      if (this.#steps.length === 0) this.#steps = this.#unlock();
      const [next] = this.#steps;
      try {
        await next?.();
      } catch (error) {
        if (error instanceof Refused) throw error;
        return answered;
      }
      this.#steps.shift();
    }
    return most;
  }

  /** Request, token, opened, closed: each made once and repeated as it is. */
  #unlock(): Step[] {
    const { hwid } = this.#device;
    const key = { 'Idempotency-Key': randomUUID() };
    const wanted = { hwid, scope: 'console', seconds: 60, reason: 'crash test' };
    let unlock = '';
    let challenge: Promise<string> | undefined;
    const request = async () => {
      const answer = await this.#post('/v1/unlocks', wanted, key);
      unlock = (answer.json as { unlock: { id: string } }).unlock.id;
      this.#ledger.note(answer, (event) => event.type === 'unlock.requested' && event.unlock === unlock);
    };
    const token = async () => {
      challenge ??= this.#device.challenge({ for: 60 });
      const body = { challenge: await challenge };
      const answer = await this.#post(`/v1/unlocks/${unlock}/token`, body);
      const digest = sha256((answer.json as { token: string }).token);
      this.#ledger.note(answer, (event) => event.type === 'unlock.issued' && event.token === digest);
      this.#device.last = unlock;
    };
    return [request, token, this.#receipt('opened', () => unlock), this.#receipt('closed', () => unlock)];
  }

  #receipt(event: 'opened' | 'closed', unlock: () => string): Step {
    let receipt: Promise<string> | undefined;
    return async () => {
      receipt ??= this.#device.receipt(event, unlock());
      const jws = await receipt;
      const answer = await this.#post('/v1/receipts', { receipts: [jws] });
      const [result] = (answer.json as { results: { status: string }[] }).results;
      if (result?.status === 'refused') throw new Refused(`receipt refused: ${JSON.stringify(result)}`);
      this.#ledger.note(answer, (entry) => entry.type === 'receipt.accepted' && entry.dig === sha256(jws));
    };
  }

  async #post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const answer = await this.#client.post(path, body, headers);
    // A server that is going down may say so; that is no answer yet.
    if (answer.status === 503) throw new Error('not now');
    if (answer.status >= 300) throw new Refused(`${path}: ${answer.status} ${answer.bytes.toString()}`);
    return answer;
  }
}

/** An answer that no crash explains. */
class Refused extends Error {}

/** A confirmed module, made by the station line-1. */
export async function provision(station: Client, ledger = new Ledger()): Promise<Device> {
  const device = new Device();
  const { hwid, key } = device;
  const registered = await station.post('/v1/modules', { hwid, key, order: 'PO-line-1' });
  if (registered.status >= 300) throw new Refused(registered.bytes.toString());
  const { bundle } = registered.json as { bundle: string };
  const { jti } = JSON.parse(Buffer.from(bundle.split('.')[1] ?? '', 'base64url').toString()) as {
    jti: string;
  };
  const dig = sha256(bundle);
  ledger.note(registered, (event) => event.type === 'module.registered' && event.dig === dig);
  const receipt = await device.receipt('provisioned', jti, { dig });
  const confirmed = await station.post(`/v1/modules/${hwid}/confirm`, { receipt });
  if (confirmed.status >= 300) throw new Refused(confirmed.bytes.toString());
  return device;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
