import type { PortError } from './fault.ts';

/** What arrives on a port. */
export interface PortListener {
  /** Bytes that the listener may keep. The port is not read again before a promise it returns settles. */
  data(bytes: Uint8Array): void | Promise<void>;
  /** Once, last: the port went away by itself (why), or was closed by us (undefined). */
  closed(why: PortError | undefined): void;
}

/** An open serial line or tcp connection. Nothing is buffered here: back-pressure reaches the other end. */
export interface Port {
  /** As the user named it. */
  readonly name: string;
  /** Starts reading; once. */
  listen(listener: PortListener): void;
  /** Settles when the system has taken all of the bytes. @throws PortError `port-gone` */
  write(bytes: Uint8Array): Promise<void>;
  /** Gives the port free, whatever state it is in; may be called again. */
  close(): Promise<void>;
  /** What on this machine may keep the module from being heard; sentences, or undefined. */
  hint(): Promise<string | undefined>;
}
