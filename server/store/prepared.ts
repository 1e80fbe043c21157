import {
  type Compilable,
  type CompiledQuery,
  type Kysely,
  type QueryResult,
  type RawBuilder,
  sql,
} from 'kysely';
import type { Database } from './schema.ts';

/** A query that only needs its values. */
export type Prepared<V, O> = (db: Kysely<Database>, values: V) => Promise<QueryResult<O>>;

/**
 * Builds a query at its first use and from then on only binds values to it: Kysely takes longer to
 * build and compile a query than SQLite to run it. For what every request or unlock goes through.
 *
 * `build` gets a placeholder for each member of `values`, so the query's shape must not depend on
 * them: no conditions on a value, no lists, no `is` for what may be null.
 */
export function prepared<V extends object, O>(
  build: (db: Kysely<Database>, values: V) => Compilable<O>,
): Prepared<V, O> {
  const compiled = new WeakMap<object, CompiledQuery<O>>();
  return (db, values) => {
    // Transactions come and go; the adapter is the same for all of one database.
    const { adapter } = db.getExecutor();
    const query = compiled.get(adapter) ?? build(db, placeholders(values)).compile();
    compiled.set(adapter, query);
    const given = values as Readonly<Record<string, unknown>>;
    const parameters = query.parameters.map((parameter) =>
      parameter instanceof Placeholder ? given[parameter.name] : parameter,
    );
    return db.executeQuery({ ...query, parameters });
  };
}

/**
 * Words that stand in the query's text, and are not bound to it. SQLite looks into a bound value by
 * which it could choose a plan (the states of a partial index, a limit), and then prepares the
 * statement anew each time that one is bound: dearer than all else about the query.
 */
export function literals<const T extends string>(...words: readonly T[]): RawBuilder<T>[] {
  return words.map((word) => sql.lit(word));
}

class Placeholder {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

function placeholders<V extends object>(values: V): V {
  return Object.fromEntries(Object.keys(values).map((name) => [name, new Placeholder(name)])) as V;
}
