/** Upper ends of the latency histogram's buckets, in seconds. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 60];

interface Latency {
  readonly counts: number[];
  sum: number;
  count: number;
}

/** The server's own counters, written out in the Prometheus text format 0.0.4. */
export class Metrics {
  readonly #requests = new Map<string, number>();
  readonly #latencies = new Map<string, Latency>();
  readonly #gauges = new Map<string, { help: string; read: () => number | Promise<number> }>();

  /** Requests that have begun and have no answer yet; a long poll is one. */
  inFlight = 0;

  constructor() {
    this.gauge('latchkey_requests_in_flight', 'Requests that have no answer yet.', () => this.inFlight);
  }

  begin(): void {
    this.inFlight += 1;
  }

  /** Counts one request that is over. `operation` is an operation's id: never a path, which clients choose. */
  end(operation: string, status: number, seconds: number): void {
    this.inFlight -= 1;
    const labels = `operation="${operation}",status="${status}"`;
    this.#requests.set(labels, (this.#requests.get(labels) ?? 0) + 1);
    const latency = this.#latencies.get(operation) ?? this.#newLatency(operation);
    latency.sum += seconds;
    latency.count += 1;
    const place = buckets.findIndex((end) => seconds <= end);
    if (place >= 0) latency.counts[place] = (latency.counts[place] ?? 0) + 1;
  }

  /** Adds a value that is read when somebody asks. */
  gauge(name: string, help: string, read: () => number | Promise<number>): void {
    this.#gauges.set(name, { help, read });
  }

  async text(): Promise<string> {
    const lines = [
      '# HELP latchkey_requests_total Requests answered.',
      '# TYPE latchkey_requests_total counter',
    ];
    for (const [labels, count] of this.#requests) lines.push(`latchkey_requests_total{${labels}} ${count}`);
    lines.push(
      '# HELP latchkey_request_seconds Time from the first middleware to the last byte.',
      '# TYPE latchkey_request_seconds histogram',
    );
    for (const [operation, latency] of this.#latencies) lines.push(...histogram(operation, latency));
    for (const [name, { help, read }] of this.#gauges) {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, `${name} ${await readingOf(read)}`);
    }
    return `${lines.join('\n')}\n`;
  }

  #newLatency(operation: string): Latency {
    const latency = { counts: buckets.map(() => 0), sum: 0, count: 0 };
    this.#latencies.set(operation, latency);
    return latency;
  }
}

/** Where the database cannot be read, the other values are wanted all the more. */
async function readingOf(read: () => number | Promise<number>): Promise<number> {
  try {
    return await read();
  } catch {
    return Number.NaN;
  }
}

function histogram(operation: string, { counts, sum, count }: Latency): string[] {
  let below = 0;
  const lines = buckets.map((end, place) => {
    below += counts[place] ?? 0;
    return `latchkey_request_seconds_bucket{operation="${operation}",le="${end}"} ${below}`;
  });
  return [
    ...lines,
    `latchkey_request_seconds_bucket{operation="${operation}",le="+Inf"} ${count}`,
    `latchkey_request_seconds_sum{operation="${operation}"} ${sum}`,
    `latchkey_request_seconds_count{operation="${operation}"} ${count}`,
  ];
}
