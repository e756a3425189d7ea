import type { Batch } from "../core/batch.ts";
import { concatBatches, haveSameMarks } from "../core/columns/concat.ts";
import { batchBytes } from "../core/columns/size.ts";
import type { ControlElement } from "../core/stream-element.ts";
import type { Workspace } from "../core/workspace.ts";
import type { ChannelWriter } from "./channel.ts";
import type { StreamSettings } from "./job-graph.ts";

/** A channel of a batch job gathers so many bytes, or as large a share of its thread's memory. */
const GATHERED_BYTES = 256 * 1024;
const GATHERED_SHARE = 1 / 1024;
/** Batches may be slices of larger ones, which they keep from being freed. */
const GATHERED_BATCHES = 64;
/** Batches of so large a share of the rows wanted go as they are; in a stream, copying a quarter cost Nexmark's Q5 more than sending it. */
const LARGE_SHARE = 1 / 2;
const LARGE_STREAM_SHARE = 1 / 4;
/** Rows that a limit waits for end the job, so they must not wait for the end of a long scan. */
const BATCH_JOB_TIMEOUT_MS = 50;

/** When gathered rows are sent. */
export interface Gathering {
  /** As soon as there are so many. */
  readonly batchRows: number;
  /** In a batch job: or so many bytes. A batch of a quarter of that goes as it is. */
  readonly batchBytes?: number;
  /** When the oldest has waited for this long; 0 where nothing waits. */
  readonly timeoutMs: number;
  readonly nowMs: () => number;
}

/** `memoryBytes`: what the thread may use. */
export function gatheringFor(
  stream: StreamSettings | undefined,
  { batchRows, memoryBytes, nowMs }: { batchRows: number; memoryBytes: number; nowMs: () => number },
): Gathering {
  if (stream !== undefined) return { batchRows, timeoutMs: stream.bufferTimeoutMs, nowMs };
  const enough = Math.min(GATHERED_BYTES, memoryBytes * GATHERED_SHARE);
  return { batchRows, batchBytes: enough, timeoutMs: BATCH_JOB_TIMEOUT_MS, nowMs };
}

/**
 * Gathers the small batches that go to one channel into larger ones: until there are enough rows, or until the oldest
 * has waited for the buffer timeout, or until the thread runs out of work. What is behind a filter or a partition would
 * cost its consumer, and a message to another thread, as much as a full batch each.
 * A watermark waits with the rows before it, and a later one replaces it: event time may be known later than it could
 * be, never too early. Barriers, idleness and the end send everything first.
 */
export class CoalescingWriter implements ChannelWriter {
  readonly #workspace: Workspace;
  readonly #writer: ChannelWriter;
  readonly #gathering: Gathering;
  #held: Batch[] = [];
  #heldRows = 0;
  #heldBytes = 0;
  #watermark: ControlElement | undefined;
  /** Wall clock by which what is held must go; infinity where nothing is held. */
  flushAtMs = Number.POSITIVE_INFINITY;

  constructor(workspace: Workspace, writer: ChannelWriter, gathering: Gathering) {
    this.#workspace = workspace;
    this.#writer = writer;
    this.#gathering = gathering;
  }

  get isClosed(): boolean {
    return this.#writer.isClosed;
  }

  get isLocal(): boolean {
    return this.#writer.isLocal === true;
  }

  hasRoom(): boolean {
    return this.#writer.hasRoom();
  }

  send(batch: Batch): void {
    const { batchRows, batchBytes: enough = Number.POSITIVE_INFINITY, timeoutMs, nowMs } = this.#gathering;
    if (this.#held.length > 0 && !this.#canFollow(this.#held[0], batch)) this.flush();
    const byteLength = this.#isBatchJob ? batchBytes(this.#workspace, batch) : 0;
    // Large batches are not worth a copy.
    if (
      batch.rowCount >= batchRows * (this.#isBatchJob ? LARGE_SHARE : LARGE_STREAM_SHARE) ||
      byteLength * 4 >= enough ||
      timeoutMs === 0
    ) {
      this.flush();
      this.#writer.send(batch);
      return;
    }
    if (this.#held.length === 0) this.flushAtMs = nowMs() + timeoutMs;
    this.#held.push(batch);
    this.#heldRows += batch.rowCount;
    this.#heldBytes += byteLength;
    const isFull = this.#isBatchJob && (this.#heldBytes >= enough || this.#held.length >= GATHERED_BATCHES);
    if (isFull || this.#heldRows >= batchRows) this.flush();
  }

  control(element: ControlElement): void {
    if (element.kind === "watermark" && this.#held.length > 0) {
      this.#watermark = element;
      return;
    }
    this.flush();
    this.#writer.control(element);
  }

  end(): void {
    this.flush();
    this.#writer.end();
  }

  flushDue(nowMs: number): void {
    if (nowMs >= this.flushAtMs) this.flush();
  }

  /**
   * The thread has nothing else to do. Rows for a subtask of its own gain nothing by waiting. In a stream, those for
   * another thread wait for the timeout, since that thread may be busy and each batch costs it. In a batch job they go,
   * full queue or not: all that this thread waits for may wait for them. True where something was sent.
   */
  flushIdle(): boolean {
    if (this.#held.length === 0) return false;
    if (!this.#isBatchJob && !(this.#writer.isLocal === true && this.#writer.hasRoom())) return false;
    this.flush();
    return true;
  }

  flush(): void {
    const held = this.#held;
    this.#held = [];
    this.#heldRows = 0;
    this.#heldBytes = 0;
    this.flushAtMs = Number.POSITIVE_INFINITY;
    if (held.length === 1) this.#writer.send(held[0]);
    else if (held.length > 1) {
      const joined = concatBatches(this.#workspace, held);
      for (const batch of held) batch.release();
      this.#writer.send(joined);
    }
    if (this.#watermark !== undefined) this.#writer.control(this.#watermark);
    this.#watermark = undefined;
  }

  #canFollow(first: Batch, batch: Batch): boolean {
    return haveSameMarks(first, batch) && (!this.#isBatchJob || shareDictionaries(first, batch));
  }

  get #isBatchJob(): boolean {
    return this.#gathering.batchBytes !== undefined;
  }

  /** After a failure: drops what is held. */
  close(): void {
    for (const batch of this.#held) batch.release();
    this.#held = [];
  }
}

/** Rows over other dictionaries would have to be decoded, and until then both dictionaries be kept. */
const shareDictionaries = (a: Batch, b: Batch): boolean =>
  a.columns.every(({ dictionary }, i) => dictionary === b.columns[i].dictionary);
