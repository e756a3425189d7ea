import { describe, expectTypeOf, it } from "vitest";
import {
  col,
  type DataStream,
  type KeyedStream,
  Schema,
  type StreamExecutionEnvironment,
  types,
} from "../../src/index.ts";

type Fields = { id: types.SimpleType<"int64">; city: types.SimpleType<"utf8">; price: types.SimpleType<"float64"> };
declare const env: StreamExecutionEnvironment;
declare const stream: DataStream<Fields>;
declare const keyed: KeyedStream<Fields, "city">;
const answers = Schema.of({ id: types.int64, answer: types.utf8 });
// Type tests are compiled, never run.
const compiled = (_: () => unknown) => undefined;

describe("types of sources, sinks and reductions of streams", () => {
  it("follow what is generated and declared", () => {
    compiled(() => {
      expectTypeOf(env.fromGenerator((n) => ({ n, even: n % 2 === 0 })).$fields.even.kind).toEqualTypeOf<"bool">();
      const computed = env.fromGenerator({ id: col("n"), half: col("n").div(2) }, { count: 10 });
      expectTypeOf<keyof typeof computed.$fields>().toEqualTypeOf<"id" | "half">();
      // @ts-expect-error: rows are computed from n alone
      env.fromGenerator({ id: col("m") });
      // @ts-expect-error: nothing is read before the job runs
      env.fromIterable([{ id: 1n }]);
      expectTypeOf(env.fromIterable([], { schema: answers }).$fields).toEqualTypeOf<typeof answers.$fields>();
      expectTypeOf(env.socketTextStream("localhost", 9000).$fields.line.kind).toEqualTypeOf<"utf8">();
      expectTypeOf(env.monitorDirectory("in", { format: "text" }).$fields.line.kind).toEqualTypeOf<"utf8">();
      const csv = env.monitorDirectory("in", { format: "csv", read: { schema: answers, delimiter: ";" } });
      expectTypeOf(csv.$fields).toEqualTypeOf<typeof answers.$fields>();
      expectTypeOf(env.readParquet("in", { schema: answers }).$fields).toEqualTypeOf<typeof answers.$fields>();
      expectTypeOf(env.readArrow("in", { schema: answers }).$fields).toEqualTypeOf<typeof answers.$fields>();
      // @ts-expect-error: JSON lines have no delimiter
      env.monitorDirectory("in", { format: "json", read: { delimiter: ";" } });
    });
  });

  it("refuse what does not fit the rows", () => {
    compiled(() => {
      stream.asyncMap(async ({ id }) => ({ id, answer: "yes" }), { schema: answers });
      stream.asyncMap(({ id, city }) => [{ id, answer: city }], { schema: answers, ordered: false });
      // @ts-expect-error: an answer lacks a column
      stream.asyncMap(async ({ id }) => ({ id }), { schema: answers });
      // @ts-expect-error: rows have no such column
      stream.asyncMap(async ({ town }) => ({ id: 1n, answer: town }), { schema: answers });
      stream.writeToFiles("out", { format: "csv", bucketBy: "city", write: { delimiter: ";" } });
      stream.writeToFiles("out", { format: "parquet", bucketBy: { eventTime: "day" }, roll: { rows: 10 } });
      // @ts-expect-error: buckets by a column that is there
      stream.writeToFiles("out", { format: "csv", bucketBy: "town" });
      // @ts-expect-error: a unit that is none
      stream.writeToFiles("out", { format: "csv", bucketBy: { eventTime: "minute" } });
      // @ts-expect-error: files of a stream have no such option
      stream.writeToFiles("out", { format: "csv", write: { overwrite: "append" } });
    });
  });

  it("let any stream be a stream, whatever its columns", () => {
    compiled((): DataStream => stream);
  });

  it("give the columns of reductions", () => {
    compiled(() => {
      expectTypeOf(keyed.reduce((left, right) => ({ ...right, price: left.price })).$fields).toEqualTypeOf<Fields>();
      // @ts-expect-error: the result has all columns
      keyed.reduce((left) => ({ price: left.price }));
      expectTypeOf(keyed.maxBy("price").$fields).toEqualTypeOf<Fields>();
      expectTypeOf(keyed.sum("price").$fields.price.kind).toEqualTypeOf<"float64">();
      expectTypeOf(keyed.sum("id").$fields.id.kind).toEqualTypeOf<"int64">();
      expectTypeOf<keyof ReturnType<typeof keyed.count>["$fields"]>().toEqualTypeOf<"city" | "count">();
      // @ts-expect-error: a misspelt column does not compile
      keyed.sum("prize");
      // @ts-expect-error: nor here
      keyed.minBy("prize");
    });
  });
});
