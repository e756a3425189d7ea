/** What state on disk costs against state in memory, where it is eight times what may be held of it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Schema, StreamExecutionEnvironment, stateBackends, types, valueState } from "../../dist/index.js";
import type { Finding, StreamingOptions } from "./main.ts";
import { numbers, sinkOf } from "./rows.ts";

declare const gc: (() => void) | undefined;

const TIMES_LARGER = 8;
const BAR = 0.3;
const ROWS_PER_KEY = 4;
const NOTE = "what is known of this customer, by number: ".repeat(5);
const last = valueState("last", types.utf8);

interface Access {
  readonly name: string;
  /** Spreads the keys 0, 1, ... of a stream in which each comes as often as the others. */
  readonly keyOf: (n: number, keys: number) => number;
}

const ACCESSES: readonly Access[] = [
  { name: "all keys alike", keyOf: (n, keys) => (n * 48_271) % keys },
  // Four rows of five are of one key in twenty.
  {
    name: "80 % of rows on 5 % of keys",
    keyOf: (n, keys) => (n * 48_271) % (n % 5 === 0 ? keys : Math.ceil(keys / 20)),
  },
];

interface Run {
  readonly rowsPerSecond: number;
  readonly stateBytes: number;
  readonly residentBytes: number;
  readonly checkpoints: number;
  readonly sum: number;
}

async function run(
  { keyOf }: Access,
  events: number,
  { memoryBytes, checkpoints }: { memoryBytes?: number; checkpoints?: string } = {},
): Promise<Run> {
  const keys = Math.ceil(events / ROWS_PER_KEY);
  const environment = StreamExecutionEnvironment.create();
  if (memoryBytes !== undefined) environment.setStateBackend(stateBackends.disk({ memoryBytes }));
  if (checkpoints !== undefined) environment.enableCheckpointing(1000, { directory: checkpoints });
  let sum = 0;
  let rows = 0;
  let halfMs = 0;
  gc?.();
  numbers(environment, { count: events, keys, rowsPerMs: 1000 })
    .map(({ n }) => ({ key: keyOf(Number(n), keys), n }), { schema: Schema.of({ key: types.int32, n: types.int64 }) })
    .keyBy("key")
    .process(
      {
        processElement({ n }, context, out) {
          const state = context.state(last);
          const before = state.get();
          // What was there has to be right.
          sum += before === null ? 1 : Number(before.slice(NOTE.length)) % 1000;
          state.set(NOTE + String(n));
          out.collect({ n });
        },
      },
      { schema: Schema.of({ n: types.int64 }) },
    )
    .addSink(
      sinkOf((batch) => {
        rows += batch.rowCount;
        // The state is as large as it gets, and the code is compiled.
        if (halfMs === 0 && rows >= events / 2) halfMs = performance.now();
      }),
    );
  const job = await environment.executeAsync();
  let stateBytes = 0;
  let residentBytes = 0;
  const observe = setInterval(() => {
    const bytes = job.metrics.reduce((total, vertex) => total + (vertex.stateBytes ?? 0), 0);
    stateBytes = Math.max(stateBytes, bytes);
    residentBytes = Math.max(residentBytes, process.memoryUsage.rss());
  }, 50);
  await job.result().finally(() => clearInterval(observe));
  const rowsPerSecond = (events - events / 2) / ((performance.now() - halfMs) / 1000);
  return { rowsPerSecond, stateBytes, residentBytes, checkpoints: job.checkpointStatistics?.completed ?? 0, sum };
}

const best = (runs: readonly Run[]): Run => runs.reduce((a, b) => (b.rowsPerSecond > a.rowsPerSecond ? b : a));

export async function diskState({ events, rounds }: StreamingOptions): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const access of ACCESSES) {
    const { stateBytes } = await run(access, events);
    const memoryBytes = Math.ceil(stateBytes / TIMES_LARGER);
    const found: Record<"memory" | "disk" | "kept", Run[]> = { memory: [], disk: [], kept: [] };
    for (let round = 0; round < rounds; round++) {
      found.disk.push(await run(access, events, { memoryBytes }));
      const checkpoints = mkdtempSync(join(tmpdir(), "millrace-bench-"));
      try {
        found.kept.push(await run(access, events, { memoryBytes, checkpoints }));
      } finally {
        rmSync(checkpoints, { recursive: true, force: true });
      }
      found.memory.push(await run(access, events));
    }
    const [memory, disk, kept] = [best(found.memory), best(found.disk), best(found.kept)];
    for (const one of [disk, kept]) if (one.sum !== memory.sum) throw new Error(`${one.sum} instead of ${memory.sum}`);
    const million = ({ rowsPerSecond }: Run): string => (rowsPerSecond / 1e6).toFixed(3);
    const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
    for (const [what, one] of [
      ["", disk],
      [`, ${kept.checkpoints} checkpoints`, kept],
    ] as const) {
      const ratio = one.rowsPerSecond / memory.rowsPerSecond;
      findings.push({
        text: `${access.name}${what}: ${mib(stateBytes)} of state with ${mib(memoryBytes)}: ${million(one)} M rows/s, ${million(memory)} in memory: ${ratio.toFixed(2)}; held ${mib(one.stateBytes)}, resident ${mib(one.residentBytes)}`,
        isMet: ratio >= BAR && one.stateBytes <= memoryBytes * 1.1,
      });
    }
  }
  return findings;
}
