import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { Batch } from "../../../src/core/batch.ts";
import { buildBatch } from "../../../src/core/columns/build.ts";
import { Schema } from "../../../src/core/schema.ts";
import { loadTableFormat } from "../../../src/core/snapshot-tables.ts";
import { START_OF_TIME_MS } from "../../../src/core/time/time.ts";
import { int64 } from "../../../src/core/types.ts";
import type { Workspace } from "../../../src/core/workspace.ts";
import { writeWatermark } from "../../../src/runtime/chain-watermarks.ts";
import { LocalChannel } from "../../../src/runtime/channel.ts";
import type { InFlightOwner } from "../../../src/runtime/in-flight-tables.ts";
import { JoinedSnapshots } from "../../../src/runtime/joined-snapshots.ts";
import { ReplayingInput } from "../../../src/runtime/replaying-input.ts";
import { type SubtaskSnapshot, TableReader, TableWriter } from "../../../src/runtime/snapshots.ts";
import type { WantedInput } from "../../../src/runtime/subtask-input.ts";
import { cases } from "../../support/cases.ts";
import { withWorkspace } from "../../support/workspace.ts";

beforeAll(loadTableFormat);

const schema = Schema.of({ id: int64 });
const CHANNELS = 2;
const RUNS = cases(300);

/** Something arrives in a channel, or the subtask asks for its next event. */
type Move =
  | { readonly kind: "batch" | "idle"; readonly channel: number }
  | { readonly kind: "watermark"; readonly channel: number; readonly by: number }
  | { readonly kind: "ask"; readonly wanted: WantedInput };

const channel = fc.nat(CHANNELS - 1);
const anyMove = (hasIdle: boolean): fc.Arbitrary<Move> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("batch" as const), channel }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("watermark" as const), channel, by: fc.nat(9) }) },
    { weight: hasIdle ? 2 : 0, arbitrary: fc.record({ kind: fc.constant("idle" as const), channel }) },
    {
      weight: 5,
      arbitrary: fc.record({ kind: fc.constant("ask" as const), wanted: fc.constantFrom<WantedInput>("any", "none") }),
    },
  );
const movesOf = (hasIdle: boolean) => fc.array(anyMove(hasIdle), { maxLength: 25, size: "max" });

/** What all subtasks were sent, and how they met it. */
class Rows {
  #count = 0;
  readonly sent = new Set<number>();
  /** By row: how often it was given, and the watermark of its channel that was sent before it. */
  readonly given = new Map<number, number>();
  readonly #before = new Map<number, number>();
  /** Rows that came behind a watermark of all that their own channel had not reached. */
  readonly late: number[] = [];

  send(channelMs: number): number {
    const id = this.#count++;
    this.sent.add(id);
    this.#before.set(id, channelMs);
    return id;
  }

  give(id: number, watermarkMs: number): void {
    this.given.set(id, (this.given.get(id) ?? 0) + 1);
    if (watermarkMs > (this.#before.get(id) ?? 0)) this.late.push(id);
  }

  check(hasIdle: boolean): void {
    expect([...this.given.keys()].toSorted((a, b) => a - b)).toEqual([...this.sent]);
    expect([...this.given.values()].every((times) => times === 1)).toBe(true);
    // An idle channel does not hold back the others: its next row may be late.
    if (!hasIdle) expect(this.late).toEqual([]);
  }
}

/** The input of a subtask, its channels and what it has been given. */
class Reader {
  readonly #workspace: Workspace;
  readonly #rows: Rows;
  readonly #place: { readonly subtask: number; readonly parallelism: number };
  readonly #channels: readonly LocalChannel[];
  readonly #input: ReplayingInput;
  readonly #channelMs: number[];
  #watermarkMs = START_OF_TIME_MS;

  /** `channelMs`: the watermarks that its producers had sent before, which they do again. */
  constructor(
    workspace: Workspace,
    rows: Rows,
    place: { readonly subtask: number; readonly parallelism: number },
    channelMs: readonly number[] = Array(CHANNELS).fill(0),
  ) {
    this.#workspace = workspace;
    this.#rows = rows;
    this.#place = place;
    this.#channelMs = [...channelMs];
    this.#channels = channelMs.map(() => new LocalChannel(100));
    const inputs = [this.#channels.map((reader, i) => ({ name: `channel ${i}`, reader, mayBeOvertaken: true }))];
    const owner: InFlightOwner = {
      ...{ workspace, ...place, uid: "step" },
      schemaOf: () => schema,
      // In a new layout all goes to the first.
      owned: (batch) => (place.subtask === 0 ? batch.retain() : undefined),
    };
    for (const [i, timeMs] of channelMs.entries()) {
      if (timeMs > 0) this.#channels[i].control({ kind: "watermark", timeMs });
    }
    this.#input = new ReplayingInput(
      inputs,
      owner,
      () => 0,
      () => undefined,
    );
  }

  get channelMs(): readonly number[] {
    return this.#channelMs;
  }

  /** Whether every channel has had a watermark in this run. */
  get hasTime(): boolean {
    return this.#channelMs.every((ms) => ms > 0);
  }

  get watermarkMs(): number {
    return this.#watermarkMs;
  }

  restore(snapshots: readonly SubtaskSnapshot[]): void {
    const { operators } = new JoinedSnapshots(8, true).join(1, snapshots);
    const target = { keyGroups: { start: 0, end: 8 }, ...this.#place };
    this.#input.restore(new TableReader(this.#workspace, operators.step, target));
  }

  move(move: Move): void {
    switch (move.kind) {
      case "ask":
        this.ask(move.wanted);
        return;
      case "batch": {
        const id = this.#rows.send(this.#channelMs[move.channel]);
        this.#channels[move.channel].send(buildBatch(this.#workspace, schema, [{ id: BigInt(id) }]));
        return;
      }
      case "idle":
        this.#channels[move.channel].control({ kind: "idle" });
        return;
      case "watermark":
        this.#channelMs[move.channel] += move.by;
        this.#channels[move.channel].control({ kind: "watermark", timeMs: this.#channelMs[move.channel] });
    }
  }

  /** False where there is nothing. */
  ask(wanted: WantedInput): boolean {
    const event = this.#input.next(wanted);
    if (event?.kind === "watermark") {
      expect(event.timeMs).toBeGreaterThan(this.#watermarkMs);
      this.#watermarkMs = event.timeMs;
    }
    if (event?.kind === "batch") this.#give(event.batch);
    return event !== undefined;
  }

  /** A barrier comes on all channels and passes at once, ahead of what is queued. */
  overtaken(checkpointId: number): SubtaskSnapshot {
    const barrier = { checkpointId, alignedUntilMs: 0 };
    for (const each of this.#channels) each.control({ kind: "barrier", barrier });
    expect(this.#input.overtakesAtMs).toBe(0);
    expect(this.#input.overtake()).toBe(barrier);
    const writer = new TableWriter(this.#workspace);
    writeWatermark({ workspace: this.#workspace, ...this.#place }, writer, this.#watermarkMs);
    this.#input.snapshot(() => writer, barrier);
    return { subtask: this.#place.subtask, operators: [{ uid: "step", tables: writer.finish() }] };
  }

  readAll(): void {
    while (this.ask("any"));
  }

  close(): void {
    this.#input.close();
  }

  #give(batch: Batch): void {
    this.#rows.give(Number(this.#workspace.i64[batch.columns[0].data >>> 3]), this.#watermarkMs);
    batch.release();
  }
}

describe("rows that barriers have overtaken", () => {
  const script = fc.boolean().chain((hasIdle) =>
    fc.record({
      hasIdle: fc.constant(hasIdle),
      before: fc.array(movesOf(hasIdle), { minLength: 1, maxLength: 4, size: "max" }),
      between: movesOf(hasIdle),
      after: movesOf(hasIdle),
    }),
  );

  it("are in the checkpoint, whatever waits for its turn, also before all of an earlier one is replayed", () => {
    fc.assert(
      fc.property(script, ({ hasIdle, before: [moves], between, after }) =>
        withWorkspace((workspace) => {
          const rows = new Rows();
          const place = { subtask: 0, parallelism: 1 };
          let reader = new Reader(workspace, rows, place);
          for (const [i, part] of [moves, between].entries()) {
            for (const move of part) reader.move(move);
            const taken = reader.overtaken(i + 1);
            const { channelMs } = reader;
            reader.close();
            reader = new Reader(workspace, rows, place, channelMs);
            reader.restore([taken]);
          }
          for (const move of after) reader.move(move);
          reader.readAll();
          reader.close();
          rows.check(hasIdle);
          if (!hasIdle && reader.hasTime) expect(reader.watermarkMs).toBe(Math.min(...reader.channelMs));
        }),
      ),
      { numRuns: RUNS },
    );
  });

  it("are read again by a run that goes on, though its channels have more by then", () => {
    fc.assert(
      fc.property(script, ({ hasIdle, before: [moves], between }) =>
        withWorkspace((workspace) => {
          const rows = new Rows();
          const reader = new Reader(workspace, rows, { subtask: 0, parallelism: 1 });
          for (const move of moves) reader.move(move);
          reader.overtaken(1);
          for (const move of between) reader.move(move);
          reader.readAll();
          reader.close();
          rows.check(hasIdle);
        }),
      ),
      { numRuns: RUNS },
    );
  });

  it("are late at no other parallelism: event time is that of the subtask that was least far", () => {
    fc.assert(
      fc.property(script, fc.constantFrom(1, 3), ({ hasIdle, before, after }, parallelism) =>
        withWorkspace((workspace) => {
          const rows = new Rows();
          const readers = [0, 1].map((subtask) => new Reader(workspace, rows, { subtask, parallelism: 2 }));
          for (const [i, moves] of before.entries()) {
            for (const move of moves) {
              // Rows are for one of them, what is said of event time for all.
              const isOfOne = move.kind === "batch" || move.kind === "ask";
              for (const reader of isOfOne ? [readers[i % 2]] : readers) reader.move(move);
            }
          }
          const taken = readers.map((reader) => reader.overtaken(1));
          const [{ channelMs }] = readers;
          for (const reader of readers) reader.close();
          const reader = new Reader(workspace, rows, { subtask: 0, parallelism }, channelMs);
          reader.restore(taken);
          for (const move of after) reader.move(move);
          reader.readAll();
          reader.close();
          rows.check(hasIdle);
        }),
      ),
      { numRuns: RUNS },
    );
  });
});
