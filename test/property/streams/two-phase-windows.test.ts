import fc from "fast-check";
import { expect, it } from "vitest";
import { WindowAggregateOperator, type WindowAggregateSpec } from "../../../src/core/operators/window-aggregate.ts";
import { WindowPartialsOperator } from "../../../src/core/operators/window-partials.ts";
import { Schema } from "../../../src/core/schema.ts";
import { int32, utf8 } from "../../../src/core/types.ts";
import type { AlignedWindowSpec } from "../../../src/core/windows/window-spec.ts";
import type { Workspace } from "../../../src/core/workspace.ts";
import { WindowedRows } from "../../reference/windowed-rows.ts";
import { anyAlignedWindow, anyLatenessMs, anyRowTime, START_MS } from "../../support/arbitrary-window.ts";
import { cases } from "../../support/cases.ts";
import { StreamHarness } from "../../support/stream-harness.ts";
import { expectResults } from "../../support/window-results.ts";
import { withWorkspace } from "../../support/workspace.ts";

// Window aggregates in two phases: several senders combine their rows, and a window aggregate behind them merges what
// they send. Event time there is the least of the senders that are not idle.

const SCHEMA = Schema.of({ other: utf8, value: int32, key: utf8 });

interface Row {
  readonly key: string;
  readonly time: number;
  readonly value: number | null;
}

type Step =
  | { readonly kind: "rows"; readonly sender: number; readonly rows: readonly Row[] }
  | { readonly kind: "watermark"; readonly sender: number; readonly byMs: number }
  | { readonly kind: "idle"; readonly sender: number }
  | { readonly kind: "restore"; readonly senders: number; readonly parallelism: number };

const anyRow = fc.record({
  key: fc.constantFrom("", "a", "b", "c"),
  time: anyRowTime(3000),
  value: fc.option(fc.integer({ min: -100, max: 100 })),
});

const sender = fc.nat(2);
const anySteps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant("rows" as const),
        sender,
        rows: fc.array(anyRow, { maxLength: 12, size: "max" }),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({ kind: fc.constant("watermark" as const), sender, byMs: fc.integer({ min: 1, max: 30 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("idle" as const), sender }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("restore" as const),
        senders: fc.integer({ min: 1, max: 3 }),
        parallelism: fc.integer({ min: 1, max: 3 }),
      }),
    },
  ),
  { maxLength: 30, size: "max" },
);

const all: WindowAggregateSpec["aggregates"] = [
  { fn: "sum", column: "value", as: "total" },
  { fn: "countAll", as: "n" },
  { fn: "avg", column: "value", as: "mean" },
  { fn: "count", column: "value", as: "values" },
  { fn: "min", column: "value", as: "least" },
  { fn: "max", column: "other", as: "greatest" },
];
const anyAggregates = fc.constantFrom(all, all.slice(0, 1), all.slice(1, 2), all.slice(4));

const otherOf = ({ value }: Row): string | null => (value === null ? null : `x${value}`);

function resultOf(rows: readonly Row[]) {
  const values = rows.flatMap(({ value }) => (value === null ? [] : [value]));
  const total = values.reduce((a, b) => a + b, 0);
  const none = values.length === 0;
  return {
    total: none ? null : BigInt(total),
    n: BigInt(rows.length),
    mean: none ? null : total / values.length,
    values: BigInt(values.length),
    least: none ? null : Math.min(...values),
    greatest: rows.map(otherOf).reduce((a, b) => (a === null || (b !== null && b > a) ? b : a), null),
  };
}

/** Event time behind the exchange, as the runtime combines it: the least of those that are not idle, never going back. */
class SenderTimes {
  watermarkMs = START_MS;
  #senders: { ms: number; isIdle: boolean }[] = [];

  restart(count: number): void {
    this.#senders = Array.from({ length: count }, () => ({ ms: this.watermarkMs, isIdle: false }));
  }

  get count(): number {
    return this.#senders.length;
  }

  advance(sender: number, byMs: number): number {
    const one = this.#senders[sender];
    one.isIdle = false;
    one.ms += byMs;
    this.#combine();
    return one.ms;
  }

  activate(sender: number): void {
    this.#senders[sender].isIdle = false;
  }

  idle(sender: number): void {
    this.#senders[sender].isIdle = true;
    this.#combine();
  }

  #combine(): void {
    const active = this.#senders.filter(({ isIdle }) => !isIdle);
    if (active.length > 0) this.watermarkMs = Math.max(this.watermarkMs, Math.min(...active.map(({ ms }) => ms)));
  }
}

/** Without any combining: each row meets the watermark that there is when it is sent. */
function reference(window: AlignedWindowSpec, latenessMs: number, steps: readonly Step[], isKeyed: boolean) {
  const wanted = new WindowedRows<Row>(window, latenessMs, isKeyed);
  const times = new SenderTimes();
  times.restart(2);
  for (const step of steps) {
    if (step.kind === "restore") times.restart(step.senders);
    else if (step.kind === "idle") times.idle(step.sender % times.count);
    else if (step.kind === "watermark") times.advance(step.sender % times.count, step.byMs);
    else {
      if (step.rows.length > 0) times.activate(step.sender % times.count);
      for (const row of step.rows) wanted.add(row, times.watermarkMs);
    }
  }
  return wanted;
}

function run(ws: Workspace, spec: WindowAggregateSpec, steps: readonly Step[], batchRows: number, isPoor: boolean) {
  const { keys, window, aggregates } = spec;
  // Judges soon, and lets some batches pass uncombined.
  const reduction = isPoor ? { lookRows: 1, poorShare: 0.2, passedRows: 20 } : {};
  const partials = { kind: "windowPartials", keys, window, aggregates, holdMs: 10, reduction } as const;
  const sent = new WindowPartialsOperator(partials, SCHEMA).outputSchema;
  const final = new StreamHarness(
    ws,
    () => new WindowAggregateOperator({ ...spec, partialsOf: SCHEMA.fields }, sent),
    [{ schema: sent, keys }],
    { batchRows },
  );
  const metrics = new Map<string, number>();
  const times = new SenderTimes();
  let senders: { harness: StreamHarness; given: number; watermarkMs: number }[] = [];
  let watermarkMs = START_MS;
  const deliver = (sender: number): void => {
    const one = senders[sender];
    const fresh = one.harness.emitted.slice(one.given);
    one.given = one.harness.emitted.length;
    for (const { time } of fresh) expect(typeof time, "partial aggregates have event times").toBe("number");
    final.rows(
      0,
      fresh.map(({ row }) => row),
      { times: fresh.map(({ time }) => Number(time)) },
    );
  };
  const restart = (count: number): void => {
    for (const { harness } of senders) {
      for (const [name, value] of harness.metrics) metrics.set(name, (metrics.get(name) ?? 0) + value);
    }
    times.restart(count);
    senders = Array.from({ length: count }, () => {
      const harness = new StreamHarness(
        ws,
        () => new WindowPartialsOperator(partials, SCHEMA),
        [{ schema: SCHEMA, keys: [] }],
        { batchRows },
      );
      harness.watermark(watermarkMs);
      return { harness, given: 0, watermarkMs };
    });
  };
  const combineTimes = (): void => {
    if (times.watermarkMs > watermarkMs) final.watermark(times.watermarkMs);
    watermarkMs = times.watermarkMs;
  };
  final.watermark(watermarkMs);
  restart(2);
  for (const step of steps) {
    if (step.kind === "restore") {
      for (const [sender, { harness }] of senders.entries()) {
        harness.flush();
        deliver(sender);
        expect(harness.snapshotBytes(), "they have no state").toEqual([""]);
        harness.close();
      }
      final.restart(keys.length === 0 ? 1 : step.parallelism);
      restart(step.senders);
      continue;
    }
    const sender = step.sender % senders.length;
    const { harness } = senders[sender];
    if (step.kind === "rows") {
      const rows = step.rows.map((row) => ({ key: row.key, value: row.value, other: otherOf(row) }));
      if (rows.length > 0) times.activate(sender);
      harness.rows(0, rows, { times: step.rows.map(({ time }) => time) });
      deliver(sender);
    } else if (step.kind === "watermark") {
      const timeMs = times.advance(sender, step.byMs);
      harness.watermark(timeMs);
      deliver(sender);
      combineTimes();
    } else {
      harness.flush();
      deliver(sender);
      times.idle(sender);
      combineTimes();
    }
  }
  for (const [sender, { harness }] of senders.entries()) {
    harness.end();
    deliver(sender);
  }
  restart(0);
  final.end();
  return {
    results: final.emitted,
    late: final.metrics.get("lateRows") ?? 0,
    outside: metrics.get("rowsOutsideWindows") ?? 0,
  };
}

it("window aggregates in two phases give what every row by itself would, whoever sends it and however they are cut, late, idle and restored", () => {
  fc.assert(
    fc.property(
      anyAlignedWindow,
      anyLatenessMs,
      anySteps,
      fc.constantFrom(1, 3, 1024),
      fc.boolean(),
      anyAggregates,
      fc.boolean(),
      (window, allowedLatenessMs, steps, batchRows, isKeyed, aggregates, isPoor) => {
        const keys = isKeyed ? ["key"] : [];
        const spec: WindowAggregateSpec = { kind: "windowAggregate", keys, window, aggregates, allowedLatenessMs };
        const wanted = reference(window, allowedLatenessMs, steps, isKeyed);
        const given = withWorkspace((ws) => run(ws, spec, steps, batchRows, isPoor));
        expect(given).toMatchObject({ late: wanted.late.length, outside: wanted.outside });
        expectResults(given.results, wanted, resultOf, spec);
      },
    ),
    { numRuns: cases(200) },
  );
});
