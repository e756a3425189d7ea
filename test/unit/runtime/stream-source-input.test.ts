import { beforeAll, describe, expect, it } from "vitest";
import { buildBatch } from "../../../src/core/columns/build.ts";
import { columnNode } from "../../../src/core/expressions/node.ts";
import type { OperatorContext } from "../../../src/core/operator.ts";
import { Schema } from "../../../src/core/schema.ts";
import { loadTableFormat } from "../../../src/core/snapshot-tables.ts";
import type { Source } from "../../../src/core/source.ts";
import { int64 } from "../../../src/core/types.ts";
import type { Workspace } from "../../../src/core/workspace.ts";
import { JoinedSnapshots } from "../../../src/runtime/joined-snapshots.ts";
import { type SubtaskSnapshot, TableReader, TableWriter } from "../../../src/runtime/snapshots.ts";
import { StreamSourceInput } from "../../../src/runtime/stream-source-input.ts";
import { newWorkspace } from "../../support/workspace.ts";

beforeAll(loadTableFormat);

const schema = Schema.of({ t: int64 });
const IDLE_MS = 50;

/** A source of splits that give one row at a time, each when it is told to; rows that were given before are skipped. */
class ToldSource implements Source {
  readonly spec = { kind: "told" };
  readonly schema = schema;
  readonly statistics = {};
  readonly description = "told";
  readonly #times: readonly (readonly number[])[];
  readonly openSplits: number;
  readonly #waiting: (() => void)[] = [];

  constructor(times: readonly (readonly number[])[], openSplits = Number.POSITIVE_INFINITY) {
    this.#times = times;
    this.openSplits = openSplits;
  }

  splits() {
    return this.#times.map((_, i) => ({ id: `${i}`, payload: i }));
  }

  openSplit({ payload }: { readonly payload: unknown }, { workspace }: { workspace: Workspace }, offset?: unknown) {
    const times = this.#times[payload as number];
    let at = (offset as number | undefined) ?? 0;
    return {
      next: () =>
        new Promise<ReturnType<typeof buildBatch> | undefined>((resolve) => {
          this.#waiting[payload as number] = () =>
            resolve(at === times.length ? undefined : buildBatch(workspace, schema, [{ t: BigInt(times[at++]) }]));
        }),
      offset: () => at,
      close: () => undefined,
    };
  }

  async tell(split: number): Promise<void> {
    this.#waiting[split]?.();
    for (let i = 0; i < 5; i++) await undefined;
  }
}

function inputOf(
  workspace: Workspace,
  source: Source,
  place: { subtask: number; parallelism: number } = { subtask: 0, parallelism: 1 },
) {
  const clock = { now: 0 };
  const input = new StreamSourceInput({
    source,
    context: {
      ...place,
      workspace,
      host: { clock: { nowMs: () => clock.now } } as OperatorContext["host"],
      batchRows: 10,
      count: () => undefined,
    },
    strategy: {
      timestamps: { kind: "expression", expression: columnNode("t") },
      generator: { kind: "boundedOutOfOrderness", delayMs: 0 },
      idlenessMs: IDLE_MS,
    },
    emitsWatermarks: true,
    watermarkIntervalMs: 1000,
  });
  const given: number[] = [];
  /** What it says next: a batch as its number of rows so far. */
  const next = (): string | undefined => {
    const event = input.next("any", () => undefined);
    if (event?.kind === "watermark") return `watermark ${event.timeMs}`;
    if (event?.kind !== "batch") return event?.kind;
    for (let row = 0; row < event.batch.rowCount; row++) {
      given.push(Number(workspace.i64[(event.batch.columns[0].data >>> 3) + row]));
    }
    event.batch.release();
    return "batch";
  };
  const all = () => {
    const events: string[] = [];
    for (let event = next(); event !== undefined; event = next()) events.push(event);
    return events;
  };
  const snapshot = (): SubtaskSnapshot => {
    const writer = new TableWriter(workspace);
    input.snapshot(() => writer);
    return { subtask: place.subtask, operators: [{ uid: "source", tables: writer.finish() }] };
  };
  const restore = (...taken: SubtaskSnapshot[]) => {
    const { operators } = new JoinedSnapshots(12, true).join(1, taken);
    input.restore(new TableReader(workspace, operators.source, { keyGroups: { start: 0, end: 12 }, ...place }));
  };
  return { input, clock, given, next, all, snapshot, restore };
}

describe("a source of a stream", () => {
  it("has in a snapshot what it has given, whatever lies between its events", async () => {
    const workspace = newWorkspace();
    const source = new ToldSource([[1, 2, 3], [5]]);
    const run = inputOf(workspace, source);
    const checked = async () => {
      const resumed = new ToldSource([[1, 2, 3], [5]]);
      const again = inputOf(workspace, resumed);
      again.restore(run.snapshot());
      again.all();
      for (let i = 0; i < 4; i++) {
        await resumed.tell(0);
        again.all();
        await resumed.tell(1);
        again.all();
      }
      expect([...run.given, ...again.given].sort((a, b) => a - b)).toEqual([1, 2, 3, 5]);
      again.input.close();
    };
    run.all();
    await source.tell(0);
    run.all();
    run.clock.now += IDLE_MS;
    run.all(); // both splits are idle now
    await source.tell(0);
    const events: string[] = [];
    for (let event = run.next(); event !== undefined; event = run.next()) {
      events.push(event);
      await checked();
    }
    expect(events.slice(0, 2)).toEqual(["active", "batch"]);
    run.input.close();
    expect(workspace.allocator.liveBlocks).toBe(0);
  });

  it("knows how far splits were read that wait for their turn since others of its splits are read first", async () => {
    const workspace = newWorkspace();
    const times = [
      [1, 2],
      [11, 12],
    ];
    const source = new ToldSource(times, 1);
    const before = [0, 1].map((subtask) => inputOf(workspace, source, { subtask, parallelism: 2 }));
    for (const { all } of before) all();
    for (const split of [0, 1]) await source.tell(split);
    for (const { all } of before) all();
    expect(before.flatMap(({ given }) => given)).toEqual([1, 11]);
    // Both splits are those of one subtask now, which opens one of them.
    const between = inputOf(workspace, new ToldSource(times, 1));
    between.restore(...before.map(({ snapshot }) => snapshot()));
    between.all();
    const resumed = new ToldSource(times, 1);
    const after = inputOf(workspace, resumed);
    after.restore(between.snapshot());
    for (let i = 0; i < 4; i++) {
      after.all();
      for (const split of [0, 1]) await resumed.tell(split);
    }
    after.all();
    expect(after.given).toEqual([2, 12]);
    for (const { input } of [...before, between, after]) input.close();
    expect(workspace.allocator.liveBlocks).toBe(0);
  });

  it("goes on from its watermark after a restore, though the splits to come begin behind it", async () => {
    const workspace = newWorkspace();
    const source = new ToldSource([[100], [7, 120]], 1);
    const first = inputOf(workspace, source);
    first.all();
    await source.tell(0);
    expect(first.all()).toEqual(["batch", "watermark 99"]);
    await source.tell(0);
    first.all();
    const taken = first.snapshot();
    first.input.close();
    const resumed = new ToldSource([[100], [7, 120]], 1);
    const second = inputOf(workspace, resumed);
    second.restore(taken);
    expect(second.all()).toEqual(["watermark 99"]);
    await resumed.tell(1);
    expect(second.all()).toEqual(["batch"]);
    await resumed.tell(1);
    expect(second.all()).toEqual(["batch", "watermark 119"]);
    second.input.close();
    expect(workspace.allocator.liveBlocks).toBe(0);
  });

  it("goes on from its own watermark where it is spread as before, else from the least of all", async () => {
    const workspace = newWorkspace();
    const source = new ToldSource([[100], [50]]);
    const before = [0, 1].map((subtask) => inputOf(workspace, source, { subtask, parallelism: 2 }));
    for (const { all } of before) all();
    for (const split of [0, 1]) await source.tell(split);
    for (const { all } of before) all();
    const taken = before.map(({ snapshot }) => snapshot());
    const watermarks = (parallelism: number) =>
      Array.from({ length: parallelism }, (_, subtask) => {
        const after = inputOf(workspace, new ToldSource([[100], [50]]), { subtask, parallelism });
        after.restore(...taken);
        const [event] = after.all();
        after.input.close();
        return event;
      });
    expect(watermarks(2)).toEqual(["watermark 99", "watermark 49"]);
    expect(watermarks(1)).toEqual(["watermark 49"]);
    for (const { input } of before) input.close();
    expect(workspace.allocator.liveBlocks).toBe(0);
  });
});
