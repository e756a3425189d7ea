import { describe, expectTypeOf, it } from "vitest";
import {
  CountEvictor,
  CountTrigger,
  col,
  count,
  type DataStream,
  DeltaTrigger,
  EventTimeSessionWindows,
  GlobalWindows,
  OutputTag,
  PurgingTrigger,
  Schema,
  sum,
  TumblingEventTimeWindows,
  types,
} from "../../src/index.ts";

const fields = { user: types.utf8, page: types.int32, cost: types.float64 } as const;
declare const clicks: DataStream<typeof fields>;
// Type tests are compiled, never run.
const compiled = (_: () => unknown) => undefined;
const rowOf = <R>(_: { executeAndCollect(): AsyncGenerator<R> }): R => undefined as never;

describe("a windowed stream's types", () => {
  it("have bounds for windows of time alone", () => {
    compiled(() => {
      const hourly = clicks
        .keyBy("user")
        .window(TumblingEventTimeWindows.of(1))
        .aggregate({ total: sum("cost") });
      expectTypeOf(rowOf(hourly)).toEqualTypeOf<{
        readonly user: string | null;
        readonly windowStart: number | null;
        readonly windowEnd: number | null;
        readonly total: number | null;
      }>();
      const counted = clicks.keyBy("user").countWindow(10).aggregate({ clicks: count() });
      expectTypeOf(rowOf(counted)).toEqualTypeOf<{ readonly user: string | null; readonly clicks: bigint | null }>();
      const all = clicks.windowAll(GlobalWindows.create()).max("page");
      expectTypeOf(rowOf(all)).toEqualTypeOf<{ readonly page: number | null }>();
      const best = clicks.keyBy("user").countWindow(5, 1).maxBy("cost");
      expectTypeOf(rowOf(best).cost).toEqualTypeOf<number | null>();
      // @ts-expect-error: a misspelt column does not compile
      clicks.keyBy("user").countWindow(5).sum("coast");
    });
  });

  it("know rows and keys of functions, and infer what these give", () => {
    compiled(() => {
      const windows = clicks.keyBy("user").window(TumblingEventTimeWindows.of(1));
      const reduced = windows.reduce((a, b) => ({ user: a.user, cost: a.cost, page: (a.page ?? 0) + (b.page ?? 0) }));
      expectTypeOf(rowOf(reduced)).toEqualTypeOf<{
        readonly user: string | null;
        readonly page: number | null;
        readonly cost: number | null;
      }>();
      const listed = windows.process((user, { window }, rows) => {
        expectTypeOf(user).toEqualTypeOf<string | null>();
        return rows.map(({ page }) => ({ user: user ?? "", page: page ?? 0, start: BigInt(window.startMs) }));
      });
      expectTypeOf(rowOf(listed)).toEqualTypeOf<{
        readonly user: string | null;
        readonly page: number | null;
        readonly start: bigint | null;
      }>();
      const declared = windows.apply((user, _window, rows) => [{ user, pages: BigInt(rows.length) }], {
        schema: Schema.of({ user: types.utf8, pages: types.int64 }),
      });
      expectTypeOf(rowOf(declared)).toEqualTypeOf<{ readonly user: string | null; readonly pages: bigint | null }>();
      const mean = {
        createAccumulator: () => ({ sum: 0, n: 0 }),
        add: (state: { sum: number; n: number }, { cost }: { readonly cost: number | null }) => ({
          sum: state.sum + (cost ?? 0),
          n: state.n + 1,
        }),
        getResult: ({ sum, n }: { sum: number; n: number }) => ({ mean: sum / n }),
        merge: (a: { sum: number; n: number }, b: { sum: number; n: number }) => ({ sum: a.sum + b.sum, n: a.n + b.n }),
      };
      expectTypeOf(rowOf(windows.aggregate(mean))).toEqualTypeOf<{ readonly mean: number | null }>();
      const named = windows.aggregate(mean, (user, _context, [{ mean }]) => [{ user: user ?? "", mean }]);
      expectTypeOf(rowOf(named)).toEqualTypeOf<{ readonly user: string | null; readonly mean: number | null }>();
      clicks.windowAll(TumblingEventTimeWindows.of(1)).process((key) => {
        expectTypeOf(key).toEqualTypeOf<undefined>();
        return [{ one: 1 }];
      });
      const inline = windows.aggregate({
        createAccumulator: () => 0,
        add: (total: number, row) => total + (row.cost ?? 0),
        getResult: (total) => ({ total }),
        merge: (a, b) => a + b,
      });
      expectTypeOf(rowOf(inline)).toEqualTypeOf<{ readonly total: number | null }>();
    });
  });

  it("know rows of triggers, evictors and windows of one's own", () => {
    compiled(() => {
      const windows = clicks.keyBy("user").window(GlobalWindows.create());
      windows.trigger(CountTrigger.of(2)).evictor(CountEvictor.of(3));
      windows.trigger(PurgingTrigger.of(CountTrigger.of(2))).count();
      windows.trigger(DeltaTrigger.of(1, (last, row) => (row.cost ?? 0) - (last.cost ?? 0)));
      windows.trigger({
        onElement: ({ page }, _timeMs, _window, context) => {
          context.registerEventTimeTimer(1);
          return page === 1 ? "FIRE" : "CONTINUE";
        },
        onEventTime: () => "CONTINUE",
        onProcessingTime: () => "CONTINUE",
        clear: () => undefined,
      });
      windows.evictor({ evictBefore: (rows) => rows.filter(({ row }) => row.page !== null) });
      clicks.keyBy("user").window({
        assignWindows: ({ page }, timestampMs) => [{ startMs: timestampMs, endMs: timestampMs + (page ?? 0) }],
      });
      const sessions = EventTimeSessionWindows.withDynamicGap((row: { page: number }) => row.page);
      const both = clicks.keyBy("user").join(clicks.keyBy("user")).window(sessions);
      expectTypeOf(both.$fields.windowEnd.kind).toEqualTypeOf<"timestamp">();
      const others = clicks.select({ user: col("user"), seen: col("cost") }).keyBy("user");
      const all = clicks
        .keyBy("user")
        .join(others)
        .window(GlobalWindows.create(), { trigger: CountTrigger.of(2) });
      expectTypeOf(rowOf(all)).toEqualTypeOf<{
        readonly user: string | null;
        readonly page: number | null;
        readonly cost: number | null;
        readonly seen: number | null;
      }>();
      const own = clicks
        .keyBy("user")
        .join(others)
        .window({
          assignWindows: (given, timestampMs) => [
            { startMs: timestampMs, endMs: timestampMs + (given.side === "left" ? (given.row.page ?? 0) : 1) },
          ],
        });
      expectTypeOf(own.$fields.windowStart.kind).toEqualTypeOf<"timestamp">();
      const groups = clicks.keyBy("user").coGroup(others).window(GlobalWindows.create());
      groups
        .trigger(DeltaTrigger.of(1, (last, row) => (row.side === last.side ? 1 : 2)))
        .evictor(CountEvictor.of(3))
        .evictor({ evictBefore: (rows) => rows.filter(({ row }) => row.side === "right" && row.row.seen !== null) })
        .allowedLateness(7);
      groups.trigger({
        onElement: (given) => (given.side === "left" && given.row.page === 1 ? "FIRE" : "CONTINUE"),
        onEventTime: () => "CONTINUE",
        onProcessingTime: () => "CONTINUE",
        clear: () => undefined,
      });
      // @ts-expect-error: the right rows have no page
      groups.evictor({ evictBefore: (rows) => rows.filter(({ row }) => row.side === "right" && row.row.page) });
      windows.sideOutputLateData(new OutputTag("late", Schema.of(fields)));
      // @ts-expect-error: late rows have the columns of the stream
      windows.sideOutputLateData(new OutputTag("late", Schema.of({ user: types.int64 })));
    });
  });
});
