import { describe, expect, it } from "vitest";
import {
  buildBatch,
  readRows,
  Schema,
  type Sink,
  type SinkWriter,
  type Source,
  type SourceContext,
  type SplitReader,
  StreamExecutionEnvironment,
  types,
} from "../../../src/index.ts";
import { NotingSink } from "../../support/custom-connectors.ts";
import { withWorkspace } from "../../support/workspace.ts";

const columns = Schema.of({ n: types.int32 });

const reads = (part: object): Partial<Source> => ({
  openSplit: () => ({ next: () => undefined, close: () => undefined, ...part }) as SplitReader,
});

async function read(part: object): Promise<unknown> {
  const source: Source = {
    spec: { kind: "own" },
    description: "own",
    schema: columns,
    statistics: {},
    splits: () => [{ id: "first", payload: null }],
    ...reads({}),
    ...part,
  } as Source;
  const env = StreamExecutionEnvironment.create();
  env.fromSource(source).addSink(new NotingSink());
  return env.execute();
}

/** As JavaScript gives it, where nothing holds wrong things back. */
const once = (make: (context: SourceContext) => unknown) => ({
  openSplit: (_: unknown, context: SourceContext) => {
    const given = [make(context)];
    return { next: () => given.pop(), close: () => undefined };
  },
});
const others = Schema.of({ text: types.utf8 });

describe("a source of one's own that gives", () => {
  it.each<[string, object, RegExp]>([
    ["no array of splits", { splits: () => ({}) }, /splits\(\) gave an object/],
    ["splits later", { splits: async () => [] }, /splits\(\) gave an object of the class Promise/],
    ["a split without an id", { splits: () => [{ payload: 1 }] }, /a split without an id/],
    [
      "an id twice",
      { splits: () => [1, 2].map((payload) => ({ id: "same", payload })) },
      /two splits with the id "same"/,
    ],
    ["a payload that is no JSON", { splits: () => [{ id: "a", payload: 1n }] }, /no JSON: payload is a bigint/],
    ["no enumerator", { createEnumerator: () => ({}) }, /createEnumerator\(\) gave/],
    ["an interval of 0", { createEnumerator: () => ({ discover: () => [], intervalMs: 0 }) }, /intervalMs is 0/],
    ["no found splits", { createEnumerator: () => ({ discover: () => "a" }) }, /discover\(\) gave "a"/],
    [
      "an id found twice",
      {
        createEnumerator: () => ({
          discover: async () => [
            { id: "a", payload: 0 },
            { id: "a", payload: 0 },
          ],
        }),
      },
      /"a"/,
    ],
    ["no reader", { openSplit: () => undefined }, /openSplit\(\) gave undefined for "first"/],
    ["a reader later", { openSplit: async () => ({}) }, /class Promise/],
    ["rows for a batch", once(() => [{ n: 1 }]), /next\(\) gave an array.*buildBatch/],
    ["null for the end", reads({ next: () => null }), /next\(\) gave null.*undefined at the end/],
    ["null later", reads({ next: async () => null }), /next\(\) gave null/],
    [
      "a batch of other columns",
      once(({ workspace }) => buildBatch(workspace, others, [{ text: "a" }])),
      /\(text utf8\)/,
    ],
  ])("%s is told so", async (_, part, message) => {
    await expect(read(part)).rejects.toMatchObject({ code: "SOURCE_INVALID", message: expect.stringMatching(message) });
  });

  it("an offset that is no JSON is told so, where it goes into a checkpoint", async () => {
    const part = {
      openSplit: (_: unknown, { workspace }: SourceContext) => {
        let left = 3;
        return {
          next: () => (left-- > 0 ? buildBatch(workspace, columns, [{ n: left }]) : undefined),
          offset: () => 1n,
          close: () => undefined,
        };
      },
    };
    await expect(read(part)).rejects.toMatchObject({
      code: "SOURCE_INVALID",
      message: expect.stringMatching(/offset\(\)/),
    });
  });

  it.each(["spec", "description", "statistics"])("no %s is refused at the call", async (name) => {
    await expect(read({ [name]: undefined })).rejects.toMatchObject({
      code: "ARGUMENT_INVALID",
      message: expect.stringContaining(`without ${name}`),
    });
  });

  it("an unknown boundedness is refused at the call", async () => {
    await expect(read({ boundedness: "endless" })).rejects.toMatchObject({ code: "ARGUMENT_INVALID" });
  });
});

describe("a sink of one's own that gives", () => {
  async function write(part: object, writerPart: object = {}, checkpoints = false): Promise<unknown> {
    const createWriter = () =>
      ({
        write: () => new Promise((resolve) => setTimeout(resolve, 20)),
        prepareCheckpoint: () => [],
        prepareCommit: () => null,
        close: () => undefined,
        ...writerPart,
      }) as SinkWriter;
    const sink = Object.assign(new NotingSink(), { createWriter, ...part }) as Sink;
    const env = StreamExecutionEnvironment.create({ batchRows: 1 });
    if (checkpoints) env.enableCheckpointing(1);
    env.fromSequence(0, 5).addSink(sink);
    return env.execute();
  }

  it.each<[string, object, object, RegExp]>([
    ["no writer", { createWriter: () => undefined }, {}, /createWriter\(\) gave undefined/],
    ["a writer later", { createWriter: async () => ({}) }, {}, /class Promise/],
    ["a writer that writes nothing", {}, { write: undefined }, /createWriter\(\) gave/],
    ["no array of committables", {}, { prepareCheckpoint: () => "a" }, /prepareCheckpoint\(\) gave "a"/],
    ["a committable that is no JSON", {}, { prepareCheckpoint: async () => [1n] }, /committable is a bigint/],
    ["nothing to commit at the end", {}, { prepareCommit: () => undefined }, /committable is undefined/],
    ["a time that is none", {}, { deadlineMs: "soon", onTime: () => undefined }, /deadlineMs is "soon"/],
  ])("%s is told so, and not restarted", async (_, part, writerPart, message) => {
    await expect(write(part, writerPart, true)).rejects.toMatchObject({
      code: "SINK_INVALID",
      message: expect.stringMatching(message),
    });
  });

  it.each(["spec", "description"])("no %s is refused at the call", async (name) => {
    await expect(write({ [name]: undefined })).rejects.toMatchObject({ code: "ARGUMENT_INVALID" });
  });
});

describe("rows of batches", () => {
  const all = Schema.of({ id: types.int64, at: types.timestamp("ms"), text: types.utf8 });

  it("come back as they were given", () =>
    withWorkspace((workspace) => {
      const rows = [
        { id: 1, at: new Date(5), text: "a" },
        { id: 2n, at: 6, text: null },
      ];
      const batch = buildBatch(workspace, all, rows);
      expect(readRows(workspace, batch)).toEqual([
        { id: 1n, at: 5, text: "a" },
        { id: 2n, at: 6, text: null },
      ]);
      batch.release();
    }));

  it.each<[string, object, string]>([
    ["a misspelt column", { id: 1n, at: 0, txt: "a" }, "ROW_PROPERTY_UNKNOWN"],
    ["a value of another type", { id: 1n, at: 0, text: 5 }, "VALUE_INVALID"],
    ["no object", 5 as never, "ROW_INVALID"],
  ])("are refused with %s, without a leak", (_, row, code) =>
    withWorkspace((workspace) => {
      const rows = [{ id: 1n, at: 0, text: "a" }, row as never];
      expect(() => buildBatch(workspace, all, rows)).toThrow(expect.objectContaining({ code }));
    }),
  );

  it("want a workspace, a schema, rows and a batch", () =>
    withWorkspace((workspace) => {
      for (const call of [
        () => buildBatch({} as never, all, []),
        () => buildBatch(workspace, {} as never, []),
        () => buildBatch(workspace, all, {} as never),
        () => readRows(undefined as never, {} as never),
        () => readRows(workspace, [] as never),
      ]) {
        expect(call).toThrow(expect.objectContaining({ code: "ARGUMENT_INVALID" }));
      }
    }));

  it("do not compile where a column is misspelt, missing, or of another type", () => {
    const compiled = (_: () => unknown) => undefined;
    compiled(() =>
      withWorkspace((workspace) => {
        buildBatch(workspace, all, [{ id: 1, at: new Date(), text: null }]);
        // @ts-expect-error: a misspelt column
        buildBatch(workspace, all, [{ id: 1, at: new Date(), txt: null }]);
        // @ts-expect-error: a missing one
        buildBatch(workspace, all, [{ id: 1, at: new Date() }]);
        // @ts-expect-error: a value of another type
        buildBatch(workspace, all, [{ id: 1, at: new Date(), text: 5 }]);
        const [{ text }] = readRows(workspace, buildBatch(workspace, all, []));
        text?.trim();
      }),
    );
  });
});
