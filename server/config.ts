/** What the one YAML file says, with every default filled in. */
export interface Config {
  /** Issuer name without scheme; also what clients reach the api under. */
  readonly iss: string;
  readonly dataDir: string;
  readonly api: Listener & { readonly names: readonly string[] };
  readonly ops: Listener;
  /** Seconds after creation within which an unlock must be issued. */
  readonly unlockDeadline: number;
  /** Cedar policy file that replaces the default one; undefined for the default. */
  readonly policyFile: string | undefined;
  /** Patterns that a ticket is held against; policy sees the names of those that match. */
  readonly tickets: Readonly<Record<string, RegExp>>;
}

export interface Listener {
  readonly host: string;
  readonly port: number;
}
