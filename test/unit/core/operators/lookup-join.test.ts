import { describe, expect, it } from "vitest";
import { LookupJoin, type LookupJoinOptions } from "../../../../src/core/operators/lookup-join.ts";
import type { LookupFunction } from "../../../../src/core/process/lookups.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { int32, utf8 } from "../../../../src/core/types.ts";
import { StreamOperator, type StreamOperatorOptions } from "../../../support/stream-operator.ts";
import { newWorkspace } from "../../../support/workspace.ts";

const INPUT = Schema.of({ id: int32, key: int32 });
const OUTPUT = Schema.of({ id: int32, key: int32, name: utf8 });
const row = (id: number, key: number | null) => ({ row: { id, key }, timeMs: id });

/** Calls that the test answers by hand. */
class Service {
  readonly calls: {
    readonly keys: readonly unknown[];
    readonly attempt: number;
    readonly signal: AbortSignal;
    readonly resolve: (answers: unknown) => void;
    readonly reject: (error: Error) => void;
  }[] = [];
  readonly find: LookupFunction = (keys, { attempt, signal }) =>
    new Promise((resolve, reject) => {
      this.calls.push({ keys, attempt, signal, resolve: resolve as (answers: unknown) => void, reject });
    });

  /** Answers a call: a name for each key. */
  async answer(op: StreamOperator, call: number, of: (key: unknown) => unknown = (key) => ({ name: `name ${key}` })) {
    const { keys, resolve } = this.calls[call];
    resolve(keys.map(of));
    await settled(op);
  }
}

const settled = async (op: StreamOperator) => {
  await new Promise<void>((resolve) => setImmediate(resolve));
  op.answerWakes();
};

async function withLookup(
  options: Partial<LookupJoinOptions>,
  use: (op: StreamOperator, service: Service) => Promise<void>,
  streamOptions: StreamOperatorOptions = {},
) {
  const ws = newWorkspace();
  const service = new Service();
  const create = () =>
    new LookupJoin(service.find, INPUT, {
      site: { name: "lookup" },
      type: "inner",
      keys: ["key"],
      output: OUTPUT,
      found: [{ name: "name", column: "name" }],
      ...options,
    });
  const op = new StreamOperator(ws, create, streamOptions);
  try {
    await use(op, service);
  } finally {
    op.close();
  }
  expect(ws.allocator.liveBlocks).toBe(0);
}

const shown = (op: StreamOperator) =>
  op.emitted.map((one) => ("row" in one ? `${one.row.id}: ${one.row.name} @${one.timeMs}` : `watermark`));
const keysOf = ({ calls }: Service) => calls.map(({ keys }) => keys);

describe("LookupJoin", () => {
  it("asks for the keys of many rows in one call, each once, and gives rows in their order", () =>
    withLookup({ batchSize: 2 }, async (op, service) => {
      op.send(INPUT, [row(1, 7), row(2, 8), row(3, 7), row(4, null), row(5, 9)]);
      op.watermark(5);
      await settled(op);
      expect(keysOf(service)).toEqual([[7, 8], [9]]);
      await service.answer(op, 1);
      expect(shown(op)).toEqual([]);
      await service.answer(op, 0, (key) => (key === 8 ? [{ name: "a" }, { name: "b", more: 1 }] : null));
      expect(shown(op)).toEqual(["2: a @2", "2: b @2", "5: name 9 @5", "watermark"]);
    }));

  it("keeps rows for which nothing is found where it is a left join", () =>
    withLookup({ type: "left" }, async (op, service) => {
      op.send(INPUT, [row(1, 7), row(2, null)]);
      await settled(op);
      await service.answer(op, 0, () => undefined);
      expect(shown(op)).toEqual(["1: null @1", "2: null @2"]);
    }));

  it("gives keys of several columns as objects", () =>
    withLookup({ keys: ["id", "key"] }, async (op, service) => {
      op.send(INPUT, [row(1, 7)]);
      await settled(op);
      expect(keysOf(service)).toEqual([[{ id: 1, key: 7 }]]);
    }));

  it("asks no more than once for what its cache holds, missing rows included, until it is too old", () =>
    withLookup({ type: "left", cache: { maxRows: 10, ttlMs: 100 } }, async (op, service) => {
      const ask = async (id: number, ...keys: number[]) => {
        op.send(
          INPUT,
          keys.map((key) => row(id, key)),
        );
        await settled(op);
      };
      await ask(1, 7, 8);
      await service.answer(op, 0, (key) => (key === 8 ? null : { name: "seven" }));
      op.advanceTo(99);
      await ask(2, 7, 8);
      expect(service.calls).toHaveLength(1);
      expect(shown(op)).toEqual(["1: seven @1", "1: null @1", "2: seven @2", "2: null @2"]);
      op.advanceTo(100);
      await ask(3, 7);
      expect(keysOf(service)[1]).toEqual([7]);
      expect(op.metrics.get("lookupCacheHits")).toBe(2);
    }));

  it("drops what was used longest ago from a full cache, and keeps no missing rows where told so", () =>
    withLookup({ cache: { maxRows: 2, missing: false } }, async (op, service) => {
      for (const [i, key] of [1, 2, 1, 3, 1, 2, 4, 4].entries()) {
        const { length } = service.calls;
        op.send(INPUT, [row(i, key)]);
        await settled(op);
        if (service.calls.length > length)
          await service.answer(op, length, (each) => (each === 4 ? null : { name: "" }));
      }
      expect(keysOf(service)).toEqual([[1], [2], [3], [2], [4], [4]]);
    }));

  it("makes a call again that failed, then fails with its error", () =>
    withLookup({ retry: { attempts: 2, delayMs: 50 } }, async (op, service) => {
      op.send(INPUT, [row(1, 7), row(2, 8)]);
      await settled(op);
      service.calls[0].reject(new Error("busy"));
      await settled(op);
      op.advanceTo(49);
      expect(service.calls).toHaveLength(1);
      op.advanceTo(50);
      expect(keysOf(service)[1]).toEqual([7, 8]);
      expect(service.calls[1].attempt).toBe(2);
      service.calls[1].reject(new Error("busy still"));
      await expect(settled(op)).rejects.toThrow(/busy still/);
    }));

  it("fails the rows of a key whose answer is an error, at the timeout, and where answers are missing", async () => {
    await withLookup({}, async (op, service) => {
      op.send(INPUT, [row(1, 7)]);
      await settled(op);
      await expect(service.answer(op, 0, () => new Error("no such shard"))).rejects.toThrow(/no such shard/);
    });
    await withLookup({ timeoutMs: 20 }, async (op) => {
      op.send(INPUT, [row(1, 7)]);
      await settled(op);
      op.advanceTo(20);
      expect(() => op.answerWakes()).toThrow(expect.objectContaining({ code: "ASYNC_TIMEOUT" }));
    });
    await withLookup({ retry: { attempts: 9, delayMs: 1 } }, async (op, service) => {
      op.send(INPUT, [row(1, 7)]);
      await settled(op);
      service.calls[0].resolve([]);
      await expect(settled(op)).rejects.toMatchObject({ code: "LOOKUP_ANSWERS_INVALID" });
    });
  });

  it("aborts its calls when it ends, and asks again after a restore", async () => {
    let signal: AbortSignal | undefined;
    await withLookup({}, async (op, service) => {
      op.send(INPUT, [row(1, 7)]);
      await settled(op);
      ({ signal } = service.calls[0]);
      const restore = op.snapshot();
      await withLookup(
        {},
        async (after, again) => {
          after.answerWakes();
          await settled(after);
          await again.answer(after, 0);
          expect(shown(after)).toEqual(["1: name 7 @1"]);
        },
        { restore },
      );
    });
    expect(signal?.aborted).toBe(true);
  });

  it("refuses sizes that are none", () => {
    const make = (options: object) => () =>
      new LookupJoin(() => [], INPUT, {
        site: { name: "lookup" },
        type: "inner",
        keys: ["key"],
        output: OUTPUT,
        found: [],
        ...options,
      });
    const refusal = expect.objectContaining({ code: "ASYNC_OPTION_INVALID" });
    expect(make({ batchSize: 0 })).toThrow(refusal);
    expect(make({ cache: { maxRows: 0 } })).toThrow(refusal);
    expect(make({ cache: { maxRows: 1, ttlMs: -1 } })).toThrow(refusal);
    expect(make({ retry: { attempts: 0, delayMs: 1 } })).toThrow(refusal);
  });
});
