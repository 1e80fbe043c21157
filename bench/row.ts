import { cpus } from 'node:os';

/** One figure: what was measured, beside the limit or peer it is held against. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What `value` is a multiple of, measured in the same run. */
  readonly beside?: { readonly name: string; readonly value: number };
  /** The ratio must not be above this. */
  readonly most?: number;
  /** Nor below this. */
  readonly least?: number;
}

export function machine(): string {
  const [cpu] = cpus();
  return `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}, ${process.platform} ${process.arch}, Node ${process.version}, OpenSSL ${process.versions.openssl}`;
}

export function print(rows: readonly Row[]): void {
  for (const { name, value, unit, beside, most, least } of rows) {
    const ratio = beside === undefined ? '' : `   ${(value / beside.value).toFixed(2)} × ${beside.name}`;
    const limit =
      most === undefined ? (least === undefined ? '' : ` (at least ${least})`) : ` (limit ${most})`;
    console.log(`${name.padEnd(58)} ${format(value).padStart(10)} ${unit.padEnd(5)}${ratio}${limit}`);
  }
}

/** A sentence for each figure above its limit; none where all are within. */
export function excesses(rows: readonly Row[]): string[] {
  return rows.flatMap(({ name, value, unit, beside, most }) => {
    if (beside === undefined || most === undefined || value <= most * beside.value) return [];
    const limit = format(most * beside.value);
    return [
      `${name}: ${[format(value), unit].join(' ').trim()}, above the limit of ${limit}, ${most} × ${beside.name}`,
    ];
  });
}

/** The median; of an even count, the upper of the middle two. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function format(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
