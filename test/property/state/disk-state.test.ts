import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { OperatorSnapshot } from "../../../src/core/job-snapshot.ts";
import { Schema } from "../../../src/core/schema.ts";
import { listState, mapState, type StateTtl, valueState } from "../../../src/core/state/descriptors.ts";
import type { KeyedStateBackend, KeyedStateFactory } from "../../../src/core/state/keyed-backend.ts";
import {
  binary,
  bool,
  type DataType,
  date,
  decimal,
  float32,
  float64,
  int8,
  int32,
  int64,
  interval,
  list,
  map,
  struct,
  timestamp,
  uint32,
  uint64,
  utf8,
} from "../../../src/core/types.ts";
import { memoryState } from "../../../src/state/memory/memory-backend.ts";
import { cases, patienceMs } from "../../support/cases.ts";
import { MemoryFiles } from "../../support/memory-files.ts";
import { StateOperator, tinyDiskState } from "../../support/state-operator.ts";
import { StreamOperator } from "../../support/stream-operator.ts";
import { withWorkspace } from "../../support/workspace.ts";

/** Types with values that are easily taken for each other, or for nothing. */
const VALUES: readonly (readonly [DataType, readonly unknown[]])[] = [
  [bool, [true, false]],
  [int8, [-128, 0, 127]],
  [int32, [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)]],
  [uint32, [0, 2 ** 32 - 1]],
  [int64, [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n)]],
  [uint64, [0n, 2n ** 64n - 1n]],
  [float32, [0, -0, Number.NaN, 1.5, Number.POSITIVE_INFINITY]],
  [float64, [0, -0, Number.NaN, 0.1, Number.MIN_VALUE, Number.NEGATIVE_INFINITY]],
  [utf8, ["", "a", "\0", "é", "🜁", "x".repeat(700), "ü".repeat(3000)]],
  [binary, [new Uint8Array(), Uint8Array.of(0), Uint8Array.of(1, 255)]],
  [date, [0, -1, 19_000]],
  [decimal(10, 2), ["0.00", "-1.50", "12345678.90"]],
  [timestamp("ms"), [0, -1, 1_700_000_000_000]],
  [timestamp("ns"), [0n, -1n, 2n ** 62n]],
  [
    interval,
    [
      { months: 0, days: 0, nanoseconds: 0n },
      { months: -1, days: 2, nanoseconds: 3n },
    ],
  ],
  [list(float64), [[], [null], [0], [-0], [Number.NaN], [1, 2]]],
  [map(utf8, int32), [[], [["a", null]], [["a", 1]]]],
  [
    struct({ x: int32, y: list(utf8) }),
    [
      { x: null, y: null },
      { x: 1, y: [] },
      { x: 1, y: ["a", null] },
    ],
  ],
];

const anyTyped = fc.constantFrom(...VALUES);
const SIZES = [0, 1, 40, 400];

interface Step {
  readonly kind: "put" | "append" | "enter" | "clear" | "leave" | "each" | "wait" | "clean" | "checkpoint" | "restore";
  readonly key: number;
  readonly n: number;
  readonly size: number;
}

const anyStep: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom<Step["kind"]>(
    ...(["put", "put", "put", "append", "append", "enter", "enter", "clear", "leave"] as const),
    ...(["each", "wait", "clean", "clean", "checkpoint", "restore"] as const),
  ),
  key: fc.nat(40),
  n: fc.nat(6),
  size: fc.constantFrom(...SIZES),
});

const anyTtl = fc.option(fc.record({ ttlMs: fc.integer({ min: 5, max: 30 }) }), { nil: undefined });

/** A job that keeps its state somewhere, with what it was restored from. */
class Held {
  job: StreamOperator;
  readonly #schema: Schema;

  constructor(
    readonly ws: ConstructorParameters<typeof StreamOperator>[0],
    schema: Schema,
    state: KeyedStateFactory,
  ) {
    this.#schema = schema;
    this.job = new StreamOperator(ws, () => new StateOperator(schema, state));
  }

  restore(state: KeyedStateFactory, snapshot: OperatorSnapshot, parallelism: number): void {
    const { nowMs } = this.job;
    this.job.close();
    const create = () => new StateOperator(this.#schema, state);
    this.job = new StreamOperator(this.ws, create, { nowMs, parallelism, restore: snapshot });
  }

  get operators(): readonly StateOperator[] {
    return this.job.operators as readonly StateOperator[];
  }
}

it(
  "on disk is what it is in memory, for keys and values of all types, whoever has written the checkpoint it goes on from",
  () => {
    let restored = 0;
    let files = 0;
    withWorkspace((ws) => {
      fc.assert(
        fc.property(
          fc.array(anyTyped, { minLength: 1, maxLength: 2 }),
          anyTyped,
          anyTtl,
          fc.array(anyStep, { maxLength: 60, size: "max" }),
          (keyTypes, [valueType, values], ttl: StateTtl | undefined, steps) => {
            const schema = Schema.of(Object.fromEntries(keyTypes.map(([type], i) => [`k${i}`, type])));
            const options = ttl === undefined ? {} : { ttl };
            const value = valueState("value", valueType, options);
            const elements = listState("list", valueType, options);
            const byName = mapState("map", utf8, valueType, options);
            const disk = new MemoryFiles();
            const onDisk = tinyDiskState(disk);
            const held = [new Held(ws, schema, memoryState), new Held(ws, schema, onDisk)] as const;
            const keyOf = (n: number): unknown[] =>
              keyTypes.map(([, all], i) => (n % (all.length + 1) === all.length ? null : all[(n + i) % all.length]));
            const onBoth = <T>(
              act: (backend: KeyedStateBackend, operators: readonly StateOperator[]) => T,
              n?: number,
            ) => {
              const [expected, found] = held.map(({ operators }) => {
                const [first] = operators;
                const key = first.keys.asked(keyOf(n ?? 0));
                const { backend } = operators.find((one) => one.owns(key.keyGroup)) as StateOperator;
                backend.setKey(n === undefined ? undefined : key);
                return act(backend, operators);
              });
              expect(found).toEqual(expected);
            };
            const see = (key: number) =>
              onBoth((backend) => {
                const entries = backend.state(byName);
                return [
                  backend.state(value).get(),
                  backend.state(elements).get(),
                  [...entries.entries()],
                  entries.get("3"),
                ];
              }, key);
            try {
              for (const { kind, key, n, size } of steps) {
                const one = values[n % values.length];
                if (kind === "put") onBoth((backend) => backend.state(value).set(one as never), key);
                else if (kind === "append") {
                  const many = Array.from({ length: size }, (_, i) => values[(n + i) % values.length]);
                  onBoth((backend) => backend.state(elements).addAll(many as never), key);
                } else if (kind === "enter") {
                  onBoth((backend) => backend.state(byName).set(String(n), one as never), key);
                  for (let i = 0; i < size; i++)
                    onBoth((backend) => backend.state(byName).set(`${i}`, one as never), key);
                } else if (kind === "clear") {
                  onBoth((backend) => {
                    if (n % 3 === 0) backend.state(value).clear();
                    if (n % 3 === 1) backend.state(elements).set([]);
                    if (n % 3 === 2) backend.state(byName).delete(String(n));
                  }, key);
                } else if (kind === "leave") {
                  onBoth((backend) => {
                    for (const state of [value, elements, byName]) backend.state(state).clear();
                  }, key);
                } else if (kind === "each") {
                  onBoth((_, operators) => {
                    const seen: string[] = [];
                    for (const { backend } of operators) {
                      backend.setKey(undefined);
                      const state = backend.state(value);
                      backend.forEachKey("value", ({ values: parts }) => {
                        // Keys of which all has expired may be met until it is freed.
                        if (state.get() === null) return;
                        seen.push(show([parts, state.get()]));
                        if (n === 0) state.clear();
                        else if (n === 1) state.set(one as never);
                      });
                    }
                    return seen.sort();
                  });
                } else if (kind === "wait") for (const { job } of held) job.advanceTo(job.nowMs + n * 3);
                else if (kind === "clean") {
                  // Not in equal steps: what has expired is not seen anyway.
                  for (const { operators } of held) for (const { backend } of operators) backend.cleanUp(size);
                } else {
                  const snapshots = held.map(({ job }) => job.checkpoint(n !== 0));
                  if (kind === "checkpoint") continue;
                  const parallelism = 1 + (n % 3);
                  // Each goes on from its own, or from that of the other.
                  const [a, b] = key % 2 === 0 ? snapshots : snapshots.toReversed();
                  held[0].restore(memoryState, a, parallelism);
                  held[1].restore(onDisk, b, parallelism);
                  restored++;
                }
                see(key);
                // A question from outside may still see what has expired.
                if (ttl !== undefined) continue;
                onBoth((backend) => {
                  backend.state(value);
                  const asked = held[0].operators[0].keys.asked(keyOf(key));
                  return backend.get("value", asked);
                }, key);
              }
              for (let key = 0; key <= 40; key++) see(key);
              if (ttl === undefined) {
                const counts = held.map(({ operators }) =>
                  operators.reduce((sum, { backend }) => sum + backend.keyCount, 0),
                );
                expect(counts[1]).toBe(counts[0]);
              }
              files += disk.contents.size;
            } finally {
              for (const { job } of held) job.close();
            }
            expect([...disk.contents.keys()]).toEqual([]);
            expect(disk.openHandles).toBe(0);
          },
        ),
        { numRuns: cases(150) },
      );
    });
    expect(restored).toBeGreaterThan(50);
    expect(files).toBeGreaterThan(50);
  },
  patienceMs(120_000),
);

const show = (value: unknown): string =>
  JSON.stringify(value, (_, each) =>
    typeof each === "bigint" ? `${each}n` : typeof each === "number" ? String(each === 0 ? 0 : each) : each,
  );
