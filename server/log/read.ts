/** Proofs, tiles and events, from what is under a signed checkpoint. */
export interface LogReader {
  checkpoint(): Promise<string>;
}
