import { createRequire } from 'node:module';
import type BetterSqlite from 'better-sqlite3';

/**
 * better-sqlite3 for the Node that runs it. 12 is the last that runs on Node 20. On Node 24 it ends the
 * process with an assertion as soon as a statement is collected: its node::ObjectWrap takes a hook off
 * an environment that is gone. 13 is made for Node-API and needs Node 22.
 */
const require = createRequire(import.meta.url);
const [major = 0] = process.versions.node.split('.').map(Number);
export const Sqlite: typeof BetterSqlite = require(major < 22 ? 'better-sqlite3' : 'better-sqlite3-13');

export type SqliteConnection = BetterSqlite.Database;
