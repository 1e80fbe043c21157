/** What the one YAML file says, with every default filled in. */
export interface Config {
  /** Issuer name without scheme; also what clients reach the api under. */
  readonly iss: string;
  readonly dataDir: string;
  readonly api: Listener & { readonly names: readonly string[] };
  readonly ops: Listener;
  /** Seconds after creation within which an unlock must be issued. */
  readonly unlockDeadline: number;
}

export interface Listener {
  readonly host: string;
  readonly port: number;
}
