import { Sqlite } from '../../sqlite/driver.ts';

/** A row's compared columns. */
export type Members = Readonly<Record<string, string | number | null>>;

/** Rows put aside while something is compared: on disk, so that memory does not grow with the database. */
export class Scratch {
  // An unnamed SQLite database is a temporary file that is gone when it is closed.
  readonly #database = new Sqlite('');
  readonly #get;
  readonly #put;
  readonly #remove;

  constructor() {
    this.#database.pragma('journal_mode = OFF');
    this.#database.exec(
      'create table rows (name text, key text, members text, primary key (name, key)) without rowid',
    );
    this.#get = this.#database.prepare<[string, string], { members: string }>(
      'select members from rows where name = ? and key = ?',
    );
    this.#put = this.#database.prepare<[string, string, string]>(
      'insert into rows values (?, ?, ?) on conflict do update set members = excluded.members',
    );
    this.#remove = this.#database.prepare<[string, string]>('delete from rows where name = ? and key = ?');
  }

  get(table: string, key: string): Members | undefined {
    const row = this.#get.get(table, key);
    return row && JSON.parse(row.members);
  }

  /** Adds a row, or changes these members of it. */
  merge(table: string, key: string, members: Members): void {
    this.#put.run(table, key, JSON.stringify({ ...this.get(table, key), ...members }));
  }

  remove(table: string, key: string): void {
    this.#remove.run(table, key);
  }

  /** Keys of the rows that are left of a table. */
  *keys(table: string): Generator<string> {
    const rows = this.#database
      .prepare<[string], { key: string }>('select key from rows where name = ? order by key')
      .iterate(table);
    for (const { key } of rows) yield key;
  }

  close(): void {
    this.#database.close();
  }
}
