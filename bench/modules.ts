import { Sqlite } from '../sqlite/driver.ts';

/** A production order has so many modules. */
const ORDER = 50_000;
/** What a sealed bundle takes: 1,100 bytes and its nonce, tag and key's name. */
const SEALED = 1145;
const AT_ONCE = 250_000;

/** The nth module of the data set: all that it is looked up by. */
export function nth(n: number) {
  return { hwid: `LTE4-${padded(n, 12)}`, imei: imei(n), order: `ORDER-${padded(Math.floor(n / ORDER), 6)}` };
}

/**
 * Fills a database that has its tables with modules `from` up to `to`, as if they had been registered: one
 * in fifty never confirmed, one in a thousand suspended, as many retired. Their events are left out.
 */
export function fillModules(file: string, from: number, to: number): void {
  const database = new Sqlite(file);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = OFF');
  database.function('hwid', { deterministic: true }, (n: unknown) => nth(Number(n)).hwid);
  database.function('imei', { deterministic: true }, (n: unknown) => nth(Number(n)).imei);
  database.function('of', { deterministic: true }, (n: unknown) => nth(Number(n)).order);
  const fill = database.prepare(INSERT);
  for (let first = from; first < to; first += AT_ONCE) fill.run(first, Math.min(first + AT_ONCE, to));
  database.pragma('wal_checkpoint(TRUNCATE)');
  database.exec('analyze');
  database.close();
}

const INSERT = `
with recursive n(i) as (select ? union all select i + 1 from n where i + 1 < ?)
insert into modules (hwid, imei, "order", dkt, x, y, state, granted_seq, pwv, pwv_seq,
                     bundle_jti, sealed_bundle, bundle_digest, registered, registered_by, confirmed)
select hwid(i), imei(i), of(i), printf('%043d', i), printf('%043d', i), printf('%043d', -i),
       case when i % 1000 = 1 then 'suspended' when i % 1000 = 2 then 'retired'
            when i % 50 = 3 then 'registered' else 'confirmed' end,
       2, 1, 1, printf('00000000-0000-7000-8000-%012d', i), zeroblob(${SEALED}), printf('%043d', i),
       '2026-01-01T00:00:00.000Z', 'line-1', '2026-01-01T00:00:10.000Z'
  from n`;

/** 14 digits and the check digit of 3GPP TS 23.003 annex B. */
function imei(n: number): string {
  const digits = `35${padded(n, 12)}`;
  const sum = [...digits].reduce((total, digit, place) => {
    const doubled = Number(digit) * (place % 2 === 0 ? 1 : 2);
    return total + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return `${digits}${(10 - (sum % 10)) % 10}`;
}

function padded(n: number, length: number): string {
  return String(n).padStart(length, '0');
}
