import type { Batch } from "../../core/batch.ts";
import { buildBatch } from "../../core/columns/build.ts";
import type { Schema } from "../../core/schema.ts";
import type { Json, Source, SourceContext, Split, SplitReader } from "../../core/source.ts";
import type { Fields } from "../../core/types.ts";
import type { SplitDeal } from "./fault-schedule.ts";

/** How rows come over virtual time: chunks of so many, after so many milliseconds, both in turn. */
export interface Arrival {
  readonly chunks: readonly number[];
  readonly delaysMs: readonly number[];
}

/**
 * Rows in memory as a stream over virtual time: several splits, some of them empty perhaps, whose readers tell where they
 * stand, so that a restored job goes on behind the row that was read last.
 */
export class InputSource<F extends Fields = Fields> implements Source {
  readonly spec = { kind: "fault-check-input" };
  readonly schema: Schema<F>;
  readonly statistics = {};
  readonly description: string;
  readonly openSplits = Number.POSITIVE_INFINITY;
  readonly staysWithCaller = true;
  readonly #splits: readonly (readonly object[])[];
  readonly #arrival: Arrival;

  constructor(name: string, schema: Schema<F>, rows: readonly object[], splits: SplitDeal, arrival: Arrival) {
    this.schema = schema;
    this.description = name;
    this.#arrival = arrival;
    this.#splits = dealRows(rows, splits);
  }

  splits(): readonly Split[] {
    return this.#splits.map((rows, i) => ({ id: `${this.description} ${i}`, rows: rows.length, payload: i }));
  }

  openSplit({ payload }: Split, context: SourceContext, offset?: Json): SplitReader {
    const rows = this.#splits[payload as number];
    return new InputReader(rows, this.schema, this.#arrival, context, (offset as number | undefined) ?? 0);
  }
}

class InputReader implements SplitReader {
  readonly #rows: readonly object[];
  readonly #schema: Schema;
  readonly #arrival: Arrival;
  readonly #context: SourceContext;
  #at: number;
  #turn: number;
  #wakeUp: () => void = () => undefined;

  constructor(rows: readonly object[], schema: Schema, arrival: Arrival, context: SourceContext, at: number) {
    this.#rows = rows;
    this.#schema = schema;
    this.#arrival = arrival;
    this.#context = context;
    this.#at = at;
    this.#turn = at;
  }

  next(): Batch | undefined | Promise<Batch | undefined> {
    const { chunks, delaysMs } = this.#arrival;
    const turn = this.#turn++;
    if (this.#at >= this.#rows.length) return undefined;
    const delayMs = delaysMs[turn % delaysMs.length] ?? 0;
    const take = () => this.#take(chunks[turn % chunks.length] ?? 1);
    if (delayMs === 0) return take();
    return new Promise<void>((resolve) => {
      this.#wakeUp = resolve;
      this.#context.host.scheduler.after(delayMs, resolve);
    }).then(take);
  }

  offset(): Json {
    return this.#at;
  }

  close(): void {
    this.#wakeUp();
  }

  #take(chunk: number): Batch {
    const { host, workspace, batchRows } = this.#context;
    const end = Math.min(this.#rows.length, this.#at + Math.max(1, Math.min(chunk, batchRows)));
    const rows = this.#rows.slice(this.#at, end) as Record<string, unknown>[];
    host.crashPoint?.("source.read");
    const batch = buildBatch(workspace, this.#schema, rows);
    this.#at = end;
    return batch;
  }
}

/** The rows of each split, in their order. */
export function dealRows(rows: readonly object[], { count, deal }: SplitDeal): object[][] {
  const splits: object[][] = Array.from({ length: count }, () => []);
  // Without splits there is nowhere to put a row.
  if (count === 0 && rows.length > 0) splits.push([]);
  for (const [i, row] of rows.entries()) {
    const to = deal.length === 0 ? 0 : Math.abs(deal[i % deal.length]) % splits.length;
    splits[to].push(row);
  }
  return splits;
}
