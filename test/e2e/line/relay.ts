import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { listen } from '../../fixture/listen.ts';

/** What the bytes that come by are about: names of moments, none for most. */
export interface Look {
  near(bytes: Buffer): readonly string[];
  far(bytes: Buffer): readonly string[];
}

/** Told of a moment while its bytes are held back; they go on with `pass`, or once this is over. */
export type Meet = (moment: string, pass: () => void) => Promise<void>;

/** Stands between two programs that talk over tcp: knows where they are, and breaks off at a moment. */
export class Relay {
  /** Port of the far end; without one, whoever connects is hung up on. */
  to: number | undefined;
  readonly #look: () => Look;
  readonly #meet: Meet;
  readonly #sockets = new Set<Socket>();
  #listening = createServer((near) => this.#join(near));
  #port: number | undefined;

  /** @param look makes the eyes of one connection */
  constructor(look: () => Look, meet: Meet) {
    this.#look = look;
    this.#meet = meet;
  }

  get port(): number {
    if (this.#port === undefined) throw new Error('it has not been open yet');
    return this.#port;
  }

  /** Listens, at the same port as before. */
  async open(): Promise<void> {
    if (this.#listening.listening) return;
    this.#port = await listen(this.#listening, this.#port);
  }

  /** Breaks what is connected, and refuses who comes. */
  async shut(): Promise<void> {
    const closed = this.#listening.listening && once(this.#listening.close(), 'close');
    this.hangUp();
    await closed;
  }

  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(near: Socket): void {
    const far = this.to === undefined ? undefined : connect(this.to, '127.0.0.1');
    if (far === undefined) {
      near.destroy();
      return;
    }
    for (const socket of [near, far]) {
      this.#sockets.add(socket.setNoDelay());
      socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
    }
    const look = this.#look();
    void this.#carry(near, far, (bytes) => look.near(bytes));
    void this.#carry(far, near, (bytes) => look.far(bytes));
  }

  async #carry(from: Socket, to: Socket, look: (bytes: Buffer) => readonly string[]): Promise<void> {
    try {
      for await (const bytes of from) {
        let passed = false;
        const pass = () => {
          if (!passed && !to.destroyed) to.write(bytes);
          passed = true;
        };
        for (const moment of look(bytes)) await this.#meet(moment, pass);
        pass();
      }
    } catch {
      // It was hung up.
    } finally {
      to.end();
    }
  }
}
