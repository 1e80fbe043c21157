/** What the one YAML file says, with every default filled in. */
export interface Config {
  /** Issuer name without scheme; also what clients reach the api under. */
  readonly iss: string;
  readonly dataDir: string;
  readonly api: Listener & {
    /** DNS names and IP addresses in the server's certificate. */
    readonly names: readonly string[];
    /** Origin that clients are told in enrolment codes: `https://host:port`. */
    readonly origin: string;
  };
  readonly ops: Listener;
  /** Requests by each principal; and by each address, of those that nobody is authenticated for. */
  readonly limits: { readonly principal: Rate; readonly address: Rate };
  /** Seconds after creation within which an unlock must be issued. */
  readonly unlockDeadline: number;
  /** Cedar policy file that replaces the default one; undefined for the default. */
  readonly policyFile: string | undefined;
  /** Patterns that a ticket is held against; policy sees the names of those that match. */
  readonly tickets: Readonly<Record<string, RegExp>>;
}

export interface Rate {
  /** Requests a second in the long run, and at once. */
  readonly perSecond: number;
  readonly burst: number;
}

export interface Listener {
  readonly host: string;
  readonly port: number;
}
