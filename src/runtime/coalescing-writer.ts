import type { Batch } from "../core/batch.ts";
import { concatBatches, haveSameMarks } from "../core/columns/concat.ts";
import type { ControlElement } from "../core/stream-element.ts";
import type { Workspace } from "../core/workspace.ts";
import type { ChannelWriter } from "./channel.ts";

/**
 * Gathers the small batches that a stream sends to one channel into larger ones: until there are enough rows, or until
 * the oldest has waited for the buffer timeout, or until the thread runs out of work. A watermark waits with the rows before it, and a later one replaces it:
 * event time may be known later than it could be, never too early. Barriers, idleness and the end send everything first.
 */
export class CoalescingWriter implements ChannelWriter {
  readonly #workspace: Workspace;
  readonly #writer: ChannelWriter;
  readonly #batchRows: number;
  readonly #timeoutMs: number;
  readonly #nowMs: () => number;
  #held: Batch[] = [];
  #heldRows = 0;
  #watermark: ControlElement | undefined;
  /** Wall clock by which what is held must go; infinity where nothing is held. */
  flushAtMs = Number.POSITIVE_INFINITY;

  constructor(
    workspace: Workspace,
    writer: ChannelWriter,
    options: { readonly batchRows: number; readonly timeoutMs: number; readonly nowMs: () => number },
  ) {
    this.#workspace = workspace;
    this.#writer = writer;
    this.#batchRows = options.batchRows;
    this.#timeoutMs = options.timeoutMs;
    this.#nowMs = options.nowMs;
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
    const [first] = this.#held;
    if (first !== undefined && !haveSameMarks(first, batch)) this.flush();
    // Large batches are not worth a copy.
    if (batch.rowCount * 2 >= this.#batchRows || this.#timeoutMs === 0) {
      this.flush();
      this.#writer.send(batch);
      return;
    }
    if (this.#held.length === 0) this.flushAtMs = this.#nowMs() + this.#timeoutMs;
    this.#held.push(batch);
    this.#heldRows += batch.rowCount;
    if (this.#heldRows >= this.#batchRows) this.flush();
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
   * The thread has nothing else to do: rows for a subtask of its own gain nothing by waiting. Those for another thread wait
   * for the timeout, since that thread may be busy and each batch costs it. True where something was sent.
   */
  flushIdle(): boolean {
    if (this.#held.length === 0 || !this.#writer.isLocal || !this.#writer.hasRoom()) return false;
    this.flush();
    return true;
  }

  flush(): void {
    const held = this.#held;
    this.#held = [];
    this.#heldRows = 0;
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

  /** After a failure: drops what is held. */
  close(): void {
    for (const batch of this.#held) batch.release();
    this.#held = [];
  }
}
