import { describe, expect, it } from "vitest";
import { AsyncMap, type AsyncMapOptions } from "../../../../src/core/operators/async-map.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { int32, utf8 } from "../../../../src/core/types.ts";
import { StreamOperator, type StreamOperatorOptions } from "../../../support/stream-operator.ts";
import { newWorkspace } from "../../../support/workspace.ts";

const INPUT = Schema.of({ id: int32 });
const OUTPUT = Schema.of({ text: utf8 });
const row = (id: number) => ({ row: { id }, timeMs: id });

/** Questions that the test answers by hand. */
class Service {
  readonly open = new Map<
    number,
    { resolve: (result: unknown) => void; reject: (error: Error) => void; signal: AbortSignal }
  >();
  asked: number[] = [];
  readonly ask = ({ id }: Record<string, unknown>, { signal }: { signal: AbortSignal }) =>
    new Promise<object>((resolve, reject) => {
      this.asked.push(id as number);
      this.open.set(id as number, { resolve: resolve as never, reject, signal });
    });

  async answer(op: StreamOperator, ...ids: number[]): Promise<void> {
    for (const id of ids) this.open.get(id)?.resolve({ text: `answer ${id}` });
    await settled();
    op.answerWakes();
  }
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

async function withAsync(
  options: Partial<AsyncMapOptions>,
  use: (op: StreamOperator, service: Service) => Promise<void>,
  given?: ConstructorParameters<typeof AsyncMap>[0],
  streamOptions: StreamOperatorOptions = {},
) {
  const ws = newWorkspace();
  const service = new Service();
  const op = new StreamOperator(
    ws,
    () =>
      new AsyncMap(given ?? (service.ask as never), INPUT, {
        shape: { schema: OUTPUT },
        site: { name: "asyncMap" },
        isOrdered: true,
        ...options,
      }),
    streamOptions,
  );
  try {
    await use(op, service);
  } finally {
    op.close();
  }
  expect(ws.allocator.liveBlocks).toBe(0);
}

const shown = (op: StreamOperator) =>
  op.emitted.map((one) => ("row" in one ? `${one.row.text} @${one.timeMs}` : `watermark ${one.watermark}`));

describe("AsyncMap", () => {
  it("gives answers in the order of the rows, and watermarks behind them", () =>
    withAsync({}, async (op, service) => {
      op.send(INPUT, [row(1), row(2)]);
      op.watermark(2);
      op.send(INPUT, [row(3)]);
      await service.answer(op, 2, 3);
      expect(shown(op)).toEqual([]);
      await service.answer(op, 1);
      op.watermark(9);
      expect(shown(op)).toEqual(["answer 1 @1", "answer 2 @2", "watermark 2", "answer 3 @3", "watermark 9"]);
    }));

  it("gives answers as they come where unordered, but not past a watermark", () =>
    withAsync({ isOrdered: false }, async (op, service) => {
      op.send(INPUT, [row(1), row(2), row(3)]);
      op.watermark(3);
      op.watermark(4);
      op.send(INPUT, [row(5), row(6)]);
      await service.answer(op, 6, 3);
      await service.answer(op, 1);
      expect(shown(op)).toEqual(["answer 3 @3", "answer 1 @1"]);
      await service.answer(op, 2);
      expect(shown(op).slice(2)).toEqual(["answer 2 @2", "watermark 4", "answer 6 @6"]);
    }));

  it("asks for no more rows than its capacity, and waits meanwhile", () =>
    withAsync({ capacity: 2 }, async (op, service) => {
      op.send(INPUT, [row(1), row(2), row(3)]);
      expect(service.asked).toEqual([1, 2]);
      const output = { emit: () => {}, emitWatermark: () => {}, emitSide: () => {}, isClosed: false };
      expect(op.operators[0].resume?.(output)).toBe("waiting");
      await service.answer(op, 2); // ordered: it waits for the first, and takes room
      expect(service.asked).toEqual([1, 2]);
      await service.answer(op, 1);
      expect(service.asked).toEqual([1, 2, 3]);
      expect(op.operators[0].resume?.(output)).toBe("done");
      expect(op.operators[0].processWatermark?.({ timeMs: Number.MAX_SAFE_INTEGER }, output)).toBe("waiting");
    }));

  it("asks again for the rows in flight after a restore, also those whose answer waited", () =>
    withAsync({ capacity: 2 }, async (op, service) => {
      op.send(INPUT, [row(1), row(2), row(3)]);
      op.watermark(3);
      await service.answer(op, 2);
      const restore = op.snapshot();
      await withAsync(
        {},
        async (after, again) => {
          after.answerWakes();
          expect(again.asked).toEqual([1, 2, 3]);
          await again.answer(after, 1, 2, 3);
          expect(shown(after)).toEqual(["answer 1 @1", "answer 2 @2", "answer 3 @3"]);
          expect(after.snapshot().tables.inFlight.parts.length).toBe(1);
        },
        undefined,
        { restore },
      );
    }));

  it("tries again after a delay that grows, and fails with what the last attempt gave", () =>
    withAsync({ retry: { attempts: 3, delayMs: 10, backoff: 2 } }, async (op, service) => {
      op.send(INPUT, [row(1)]);
      for (const delayMs of [10, 20]) {
        service.open.get(1)?.reject(new Error("busy"));
        await settled();
        op.advanceTo(op.nowMs + delayMs - 1);
        const before = service.asked.length;
        op.advanceTo(op.nowMs + 1);
        expect(service.asked.length).toBe(before + 1);
      }
      service.open.get(1)?.reject(new Error("still busy"));
      await settled();
      expect(() => op.answerWakes()).toThrow(/asyncMap threw Error: still busy/);
      expect(op.metrics.get("asyncRetries")).toBe(2);
    }));

  it("gives up at the timeout: an error, or what the function puts in place of the answer", async () => {
    await withAsync({ timeoutMs: 50 }, async (op, service) => {
      op.send(INPUT, [row(1)]);
      const signal = service.open.get(1)?.signal;
      op.advanceTo(50);
      expect(signal?.aborted).toBe(true);
      expect(() => op.answerWakes()).toThrow(/within 50 ms/);
    });
    const given = {
      asyncInvoke: () => new Promise<object>(() => {}),
      timeout: ({ id }: Record<string, unknown>) => [{ text: `none for ${id}` }],
    };
    await withAsync(
      { timeoutMs: 50 },
      async (op) => {
        op.send(INPUT, [row(1)]);
        op.advanceTo(60);
        op.answerWakes();
        expect(shown(op)).toEqual(["none for 1 @1"]);
      },
      given,
    );
  });

  it("takes rows, no row, or an answer that is there at once", () =>
    withAsync(
      { capacity: 1 },
      async (op) => {
        op.send(INPUT, [row(0), row(1), row(2)]);
        expect(shown(op)).toEqual(["a @1", "a @2", "a @2"]);
        expect(() => op.send(INPUT, [row(9)])).toThrow(/answered with "text"/);
      },
      (({ id }: { id: number }) =>
        id === 9 ? "text" : id === 0 ? null : Array.from({ length: id }, () => ({ text: "a" }))) as never,
    ));

  it("refuses options that mean nothing", () => {
    const make = (options: object) => () =>
      new AsyncMap(async () => null, INPUT, {
        shape: { schema: OUTPUT },
        site: { name: "x" },
        isOrdered: true,
        ...options,
      });
    for (const options of [{ capacity: 0 }, { timeoutMs: -1 }, { retry: { attempts: 0, delayMs: 1 } }]) {
      expect(make(options)).toThrow(/Give a number/);
    }
  });
});
