import * as fc from "fast-check";
import { expect, it } from "vitest";
import { readRows } from "../../../src/core/columns/read.ts";
import type { OperatorSnapshot } from "../../../src/core/job-snapshot.ts";
import { Schema } from "../../../src/core/schema.ts";
import { listState, type StateTtl, valueState } from "../../../src/core/state/descriptors.ts";
import type { KeyedStateBackend } from "../../../src/core/state/keyed-backend.ts";
import { allTableBatches } from "../../../src/core/state/table-batches.ts";
import { float64, int32, int64, list, utf8 } from "../../../src/core/types.ts";
import type { Workspace } from "../../../src/core/workspace.ts";
import { memoryState } from "../../../src/state/memory/memory-backend.ts";
import { cases, patienceMs } from "../../support/cases.ts";
import { StateOperator, tinyDiskState } from "../../support/state-operator.ts";
import { statesOfManyValues } from "../../support/states-of-every-kind.ts";
import { StreamOperator } from "../../support/stream-operator.ts";
import { withWorkspace } from "../../support/workspace.ts";

/** Keys of one column that is its own identity, of one that is not, and of two columns. */
const KEYS: readonly { readonly schema: Schema; readonly values: readonly (readonly unknown[])[] }[] = [
  {
    schema: Schema.of({ number: float64 }),
    values: [null, 0, Number.NaN, 1, -1, 2, 3, 4, 5, 6, 7, 8].map((value) => [value]),
  },
  {
    schema: Schema.of({ parts: list(utf8) }),
    values: [null, [], ["a"], ["a", null], ["a,"], ["", "a"], ["b"], ["c"], ["d"], ["e"], ["f"], ["g"]].map((value) => [
      value,
    ]),
  },
  {
    schema: Schema.of({ word: utf8, id: int64 }),
    values: ["", "a", "é", null].flatMap((word) => [null, 0n, 2n ** 62n].map((id) => [word, id])),
  },
];

const descriptors = (options: { ttl?: StateTtl }) => ({
  value: valueState("value", utf8, options),
  ...statesOfManyValues(options),
  window: listState("window", int32, options),
});
type Kind = keyof ReturnType<typeof descriptors>;

function askFor(backend: KeyedStateBackend, { window, ...others }: ReturnType<typeof descriptors>): void {
  for (const descriptor of Object.values(others)) backend.state(descriptor);
  backend.stateInNamespace(window);
}

type Step =
  | {
      readonly kind: "act";
      readonly state: Kind;
      readonly action: "put" | "take" | "read";
      readonly key: number;
      readonly n: number;
      /** How far the row's event time is before or behind the watermark. */
      readonly aheadMs: number;
    }
  | { readonly kind: "fill" }
  /** And perhaps has it again, with one state of those that it had. */
  | { readonly kind: "forgetKey"; readonly key: number; readonly renewed?: Kind | undefined }
  | { readonly kind: "clock"; readonly by: number }
  | { readonly kind: "checkpoint"; readonly isComplete: boolean }
  /** Functions may ask for their states at once, or when the next rows come. */
  | { readonly kind: "restore"; readonly parallelism: number; readonly asksAtOnce: boolean };

const KINDS: readonly Kind[] = ["value", "list", "map", "sum", "mean", "window"];
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("act" as const),
      state: fc.constantFrom(...KINDS),
      action: fc.constantFrom("put" as const, "put" as const, "take" as const, "read" as const),
      key: fc.nat(11),
      n: fc.integer({ min: -2, max: 2 }),
      aheadMs: fc.constantFrom(0, 0, 4, -4, -15),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("forgetKey" as const),
      key: fc.nat(11),
      renewed: fc.constantFrom(undefined, ...KINDS),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("fill" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("clock" as const), by: fc.nat(12) }) },
  // Mostly complete: two in a row make changes possible.
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant("checkpoint" as const), isComplete: fc.constantFrom(true, true, false) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("restore" as const),
      parallelism: fc.integer({ min: 1, max: 3 }),
      asksAtOnce: fc.boolean(),
    }),
  },
);

/** A key goes behind a checkpoint, and others come after it, so that on disk it is written before the next one. */
const GONE_AND_WRITTEN: Step[] = [
  { kind: "fill" },
  { kind: "checkpoint", isComplete: true },
  { kind: "forgetKey", key: 0, renewed: undefined },
  { kind: "act", state: "value", action: "put", key: 1, n: 0, aheadMs: 0 },
  { kind: "act", state: "value", action: "put", key: 2, n: 0, aheadMs: 0 },
  { kind: "checkpoint", isComplete: true },
];

const anyTtl = fc.option(
  fc.record({
    ttlMs: fc.integer({ min: 5, max: 30 }),
    timeDomain: fc.constantFrom("processing" as const, "event" as const),
    updateOn: fc.constantFrom("create-and-write" as const, "read-and-write" as const),
    visibility: fc.constantFrom("never-expired" as const, "until-cleanup" as const),
  }),
  { nil: undefined },
);

/** Rows of all tables by key, in the order in which they stand there; what has expired may be there or not. */
function contents(ws: Workspace, { tables }: OperatorSnapshot, isExpired: (updatedAtMs: unknown) => boolean) {
  const found: Record<string, string[]> = {};
  for (const [name, table] of Object.entries(tables)) {
    for (const batch of allTableBatches(ws, table)) {
      for (const row of readRows(ws, batch)) {
        expect("removed" in row).toBe(false);
        if (isExpired(row.updatedAtMs)) continue;
        const key = Object.entries(row).filter(([column]) => column.startsWith("key"));
        const place = `${name} ${text(key)}`;
        found[place] ??= [];
        found[place].push(text(row));
      }
      batch.release();
    }
  }
  return found;
}

/** The values, elements and entries that a state has for a key. */
function partsOf(name: string, value: unknown): readonly unknown[] {
  if (value === null) return [];
  if (name !== "window") return ["list", "map"].includes(name) ? (value as unknown[]) : [value];
  return (value as [unknown, unknown[]][]).flatMap(([namespace, values]) => values.map((each) => [namespace, each]));
}

/** The states that have more rows in a checkpoint than the job holds, expired ones included. */
function freedRows(rows: Readonly<Record<string, readonly string[]>>, held: readonly string[]): string[] {
  return KINDS.flatMap((name) => {
    const tables = Object.entries(rows).filter(([place]) => place.split(" ")[0].endsWith(`:${name}`));
    const written = tables.reduce((count, [, each]) => count + each.length, 0);
    const left = held.filter((line) => line.split(" ")[1] === name).length;
    return written > left ? [`${name} has ${written} rows instead of ${left}`] : [];
  });
}

/** Lines of which there are more than there were. */
function beyond(lines: readonly string[], before: readonly string[]): string[] {
  const left = [...before];
  return lines.filter((line) => {
    const at = left.indexOf(line);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

const text = (value: unknown): string =>
  JSON.stringify(value, (_, each) =>
    typeof each === "bigint" ? `${each}n` : typeof each === "number" ? String(each) : each,
  );

it.each([
  ["memory", memoryState],
  ["disk", tinyDiskState()],
] as const)(
  "of every kind, in %s, is in checkpoints that build on each other as in one that is written whole",
  (_, state) => {
    let withChanges = 0;
    let restored = 0;
    withWorkspace((ws) => {
      fc.assert(
        fc.property(
          fc.constantFrom(...KEYS),
          anyTtl,
          fc.array(anyStep, { maxLength: 40, size: "max" }),
          ({ schema, values }, ttl, steps) => {
            const states = descriptors(ttl === undefined ? {} : { ttl });
            const create = () => new StateOperator(schema, state);
            let job = new StreamOperator(ws, create);
            const isExpired = (updatedAtMs: unknown) =>
              ttl !== undefined && updatedAtMs != null && Number(updatedAtMs) + ttl.ttlMs <= job.nowMs;
            const keys = values.map((value) => (job.operators[0] as StateOperator).keys.asked(value));
            const at = (key: number, aheadMs = 0): KeyedStateBackend => {
              const operators = job.operators as readonly StateOperator[];
              const operator = operators.find((one) => one.owns(keys[key].keyGroup)) as StateOperator;
              operator.aheadMs = aheadMs;
              operator.backend.setKey(keys[key]);
              return operator.backend;
            };
            const act = (key: number, state: Kind, action: "put" | "take" | "read", n: number, aheadMs = 0) => {
              const backend = at(key, aheadMs);
              backend.setNamespace(n);
              const value = backend.state(states.value);
              const elements = backend.state(states.list);
              const map = backend.state(states.map);
              const sum = backend.state(states.sum);
              const mean = backend.state(states.mean);
              const window = backend.stateInNamespace(states.window);
              const of = { value, list: elements, map, sum, mean, window };
              if (action === "read") {
                for (const one of [value, elements, sum, mean, window]) one.get();
                map.get(n);
                return;
              }
              if (action === "take") {
                if (state === "map") map.delete(n);
                else if (state === "list") elements.set([n]);
                else of[state].clear();
                return;
              }
              if (state === "value") value.set(`${n}`);
              else if (state === "map") map.set(n, `${n}`);
              else if (state === "list") elements.add(n);
              else if (state === "sum") sum.add(n);
              else if (state === "mean") mean.add(n);
              else window.add(n);
            };
            /** All that the job holds, expired or not, one line for each value, element and entry. */
            const held = (): string[] =>
              keys.flatMap((key, number) => {
                const backend = at(number);
                askFor(backend, states);
                return Object.values(states).flatMap(({ name }) => {
                  const parts = partsOf(name, backend.get(name, key));
                  return parts.map((part) => `${number} ${name} ${text(part)}`);
                });
              });
            try {
              for (const step of steps) {
                if (step.kind === "act") act(step.key, step.state, step.action, step.n, step.aheadMs);
                else if (step.kind === "fill") {
                  for (const key of values.keys()) for (const state of KINDS) act(key, state, "put", key);
                } else if (step.kind === "forgetKey") {
                  act(step.key, "value", "take", 0);
                  const backend = at(step.key);
                  for (const state of [states.list, states.map, states.sum, states.mean]) backend.state(state).clear();
                  for (let namespace = -2; namespace < 12; namespace++) {
                    backend.setNamespace(namespace);
                    backend.stateInNamespace(states.window).clear();
                  }
                  if (step.renewed !== undefined) act(step.key, step.renewed, "put", 1);
                } else if (step.kind === "clock") {
                  job.advanceTo(job.nowMs + step.by);
                  for (const one of job.operators) (one as StateOperator).backend.cleanUp(20);
                } else {
                  const isComplete = step.kind === "restore" || step.isComplete;
                  const whole = contents(ws, job.snapshot(), isExpired);
                  const built = job.checkpoint(isComplete);
                  if (Object.values(built.tables).some(({ changes }) => changes !== undefined)) withChanges++;
                  expect(contents(ws, built, isExpired)).toEqual(whole);
                  if (ttl !== undefined)
                    expect(
                      freedRows(
                        contents(ws, built, () => false),
                        held(),
                      ),
                    ).toEqual([]);
                  if (step.kind !== "restore") continue;
                  const { nowMs } = job;
                  const before = held();
                  job.close();
                  job = new StreamOperator(ws, create, { nowMs, parallelism: step.parallelism, restore: built });
                  if (step.asksAtOnce) {
                    for (const { backend } of job.operators as readonly StateOperator[]) askFor(backend, states);
                  }
                  expect(contents(ws, job.snapshot(), isExpired)).toEqual(whole);
                  expect(beyond(held(), before), "what is there though it was freed").toEqual([]);
                  restored++;
                }
              }
            } finally {
              job.close();
            }
          },
        ),
        { numRuns: cases(100), examples: [[KEYS[0], undefined, GONE_AND_WRITTEN]] },
      );
    });
    expect(withChanges).toBeGreaterThan(100);
    expect(restored).toBeGreaterThan(20);
  },
  patienceMs(120_000),
);
