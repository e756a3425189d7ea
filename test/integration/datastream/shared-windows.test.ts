import { beforeAll, describe, expect, it } from "vitest";
import {
  ContinuousEventTimeTrigger,
  CountEvictor,
  CountTrigger,
  CumulateEventTimeWindows,
  type DataStream,
  DeltaTrigger,
  EventTimeSessionWindows,
  EventTimeTrigger,
  GlobalWindows,
  OutputTag,
  PurgingTrigger,
  Schema,
  StreamExecutionEnvironment,
  type TaggedRow,
  TumblingEventTimeWindows,
  TumblingProcessingTimeWindows,
  types,
  WatermarkStrategy,
} from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";

beforeAll(loadEngine);

const views = Schema.of({ user: types.utf8, at: types.int64, page: types.utf8 });
const buys = Schema.of({ total: types.int32, user: types.utf8, at: types.int64 });
type View = { user: string | null; at: bigint; page: string };
type Buy = { user: string | null; at: bigint; total: number };
const coded = (code: string) => expect.objectContaining({ code });

const seen = (user: string | null, at: number, page: string): View => ({ user, at: BigInt(at), page });
const bought = (user: string | null, at: number, total: number): Buy => ({ user, at: BigInt(at), total });

const VIEWS = [
  seen("ann", 0, "a"),
  seen("bob", 4, "b"),
  seen("ann", 12, "c"),
  seen(null, 13, "d"),
  seen("ann", 27, "e"),
];
const BUYS = [bought("ann", 3, 1), bought(null, 5, 2), bought("ann", 14, 3), bought("bob", 28, 4)];

type Options = { parallelism?: number; batchRows?: number; runtimeMode?: "STREAMING" | "BATCH" };
const run = <T>(options: Options, body: (env: StreamExecutionEnvironment) => Promise<T>): Promise<T> =>
  new Simulation({ seed: 3 }).run((host) =>
    body(StreamExecutionEnvironment.create({ host, batchRows: 4, ...options })),
  );

const within = (boundMs: number) => ({
  views: WatermarkStrategy.boundedOutOfOrderness<typeof views.$fields>(boundMs).withTimestamps("at"),
  buys: WatermarkStrategy.boundedOutOfOrderness<typeof buys.$fields>(boundMs).withTimestamps("at"),
});

function keyed(env: StreamExecutionEnvironment, boundMs = 50, given = { views: VIEWS, buys: BUYS }) {
  return {
    left: env.fromCollection(given.views, views, within(boundMs).views).keyBy("user"),
    right: env.fromCollection(given.buys, buys, within(boundMs).buys).keyBy("user"),
  };
}

const summary = Schema.of({ user: types.utf8, pages: types.utf8, totals: types.utf8 });
const summarise = (
  { user }: { readonly user: string | null },
  left: Iterable<{ readonly page: string | null }>,
  right: Iterable<{ readonly total: number | null }>,
) => {
  const pages = [...left].map(({ page }) => page).sort();
  const totals = [...right].map(({ total }) => total).sort();
  return [{ user, pages: pages.join(), totals: totals.join() }];
};

async function texts<F extends typeof summary.$fields>(stream: DataStream<F>): Promise<string[]> {
  const found: string[] = [];
  for await (const row of stream.executeAndCollect()) {
    const { user, pages, totals } = row as { user: string | null; pages: string; totals: string };
    found.push(`${user}: ${pages} | ${totals}`);
  }
  return found.sort();
}

describe("windows of two streams", () => {
  const modes = [
    ["STREAMING", 1],
    ["STREAMING", 2],
    ["BATCH", 2],
  ] as const;

  it.each(modes)("may be global: all rows meet at the end of the input, in mode %s at parallelism %d", (mode, n) =>
    run({ runtimeMode: mode, parallelism: n }, async (env) => {
      const { left, right } = keyed(env);
      const groups = left.coGroup(right).window(GlobalWindows.create()).apply(summarise, { schema: summary });
      expect(await texts(groups)).toEqual(["ann: a,c,e | 1,3", "bob: b | 4", "null: d | 2"]);
    }),
  );

  it.each(modes)("may cumulate, in mode %s at parallelism %d", (mode, n) =>
    run({ runtimeMode: mode, parallelism: n }, async (env) => {
      const { left, right } = keyed(env);
      const windows = CumulateEventTimeWindows.of(20, 10);
      const groups = left.coGroup(right).window(windows).apply(summarise, { schema: summary });
      expect(await texts(groups)).toEqual([
        "ann: a | 1",
        "ann: a,c | 1,3",
        "ann: e | ",
        "ann: e | ",
        "bob:  | 4",
        "bob:  | 4",
        "bob: b | ",
        "bob: b | ",
        "null:  | 2",
        "null: d | 2",
      ]);
    }),
  );

  it.each(modes)("may be one's own, which see the side of each row, in mode %s at parallelism %d", (mode, n) =>
    run({ runtimeMode: mode, parallelism: n }, async (env) => {
      const { left, right } = keyed(env);
      const own = {
        // Views of ten milliseconds; what was bought is in all of them.
        assignWindows: (
          { side, row }: TaggedRow<{ page: string | null }, { total: number | null }>,
          timeMs: number,
        ) => {
          expect(Object.keys(row)).toEqual(side === "left" ? ["user", "at", "page"] : ["total", "user", "at"]);
          const starts = side === "left" ? [Math.floor(timeMs / 10) * 10] : [0, 10, 20];
          return starts.map((startMs) => ({ startMs, endMs: startMs + 10 }));
        },
      };
      const pairs = left.join(right, { type: "full" }).window(own);
      const found: string[] = [];
      for await (const { user, page, total, windowStart } of pairs.executeAndCollect()) {
        found.push(`${user} ${page} ${total} from ${Number(windowStart)}`);
      }
      expect(found.sort()).toEqual(
        [
          ...["a 1", "a 3"].map((pair) => `ann ${pair} from 0`),
          ...["c 1", "c 3"].map((pair) => `ann ${pair} from 10`),
          ...["e 1", "e 3"].map((pair) => `ann ${pair} from 20`),
          "bob b 4 from 0",
          "bob null 4 from 10",
          "bob null 4 from 20",
          "null d null from 10",
          ...[0, 10, 20].map((start) => `null null 2 from ${start}`),
        ].sort(),
      );
    }),
  );

  it("fire as their trigger says, with all rows or, where it purges, with the new ones", () =>
    run({}, async (env) => {
      const counted = async (purges: boolean) => {
        const { left, right } = keyed(env);
        const trigger = purges ? PurgingTrigger.of(CountTrigger.of(2)) : CountTrigger.of(2);
        const groups = left
          .coGroup(right)
          .window(GlobalWindows.create())
          .trigger(trigger)
          .apply((key, l, r) => [{ user: key.user, rows: [...l].length + [...r].length }], {
            schema: Schema.of({ user: types.utf8, rows: types.int32 }),
          });
        const found: string[] = [];
        for await (const { user, rows } of groups.executeAndCollect()) found.push(`${user} ${rows}`);
        return found.sort();
      };
      expect(await counted(true)).toEqual(["ann 2", "ann 2", "bob 2", "null 2"]);
      expect(await counted(false)).toEqual(["ann 2", "ann 4", "bob 2", "null 2"]);
    }));

  it("count rows of both streams", () =>
    run({}, async (env) => {
      const { left, right } = keyed(env);
      const rows = { schema: Schema.of({ user: types.utf8, rows: types.int32 }) };
      const groups = left
        .coGroup(right)
        .countWindow(3, 1)
        .apply(({ user }, l, r) => [{ user, rows: [...l].length + [...r].length }], rows);
      const found: string[] = [];
      for await (const { user, rows } of groups.executeAndCollect()) found.push(`${user} ${rows}`);
      expect(found.sort()).toEqual(["ann 1", "ann 2", "ann 3", "ann 3", "ann 3", "bob 1", "bob 2", "null 1", "null 2"]);
      let pairs = 0;
      for await (const row of left.join(right).countWindow(5).executeAndCollect()) {
        expect(Object.keys(row)).toEqual(["user", "at", "page", "total", "at_right"]);
        pairs++;
      }
      expect(pairs).toBe(3 * 2);
    }));

  it("let an evictor choose among the rows of both sides", () =>
    run({}, async (env) => {
      const { left, right } = keyed(env);
      const joined = left.join(right).window(TumblingEventTimeWindows.of(20), {
        evictor: {
          // The last row of either side.
          evictBefore: (rows) => {
            const newest = (wanted: string) =>
              rows
                .filter(({ row: { side } }) => side === wanted)
                .toSorted((a, b) => a.timestampMs - b.timestampMs)
                .at(-1);
            return rows.filter((row) => row === newest("left") || row === newest("right"));
          },
        },
      });
      const found: string[] = [];
      for await (const { user, page, total } of joined.executeAndCollect()) found.push(`${user} ${page} ${total}`);
      expect(found).toEqual(["ann c 3"]);
      const kept = left
        .coGroup(right)
        .window(GlobalWindows.create())
        .evictor(CountEvictor.of(1))
        .apply(({ user }, l, r) => [{ user, rows: [...l].length + [...r].length }], {
          schema: Schema.of({ user: types.utf8, rows: types.int32 }),
        });
      for await (const { rows } of kept.executeAndCollect()) expect(rows).toBe(1);
    }));

  it("take triggers in sessions, whose gaps a function may give", () =>
    run({ parallelism: 2 }, async (env) => {
      const { left, right } = keyed(env);
      const windows = EventTimeSessionWindows.withDynamicGap((row: { readonly page?: unknown }) =>
        row.page === undefined ? 5 : 8,
      );
      const by = (trigger?: EventTimeTrigger) => {
        const grouped = left.coGroup(right).window(windows);
        return texts(
          (trigger === undefined ? grouped : grouped.trigger(trigger)).apply(summarise, { schema: summary }),
        );
      };
      expect(await by(EventTimeTrigger.create())).toEqual(await by());
    }));

  // A late view, and a later one that lets the watermark pass it.
  const LATE = {
    views: [
      seen("ann", 1, "a"),
      seen("ann", 12, "b"),
      seen("ann", 3, "late"),
      seen("ann", 40, "c"),
      seen("ann", 4, "too late"),
    ],
    buys: [bought("ann", 2, 1), bought("ann", 40, 2)],
  };

  it("wait for late rows without a trigger, and are asked about each with one", () =>
    // Batches of single rows, so that watermarks pass between them.
    run({ batchRows: 1 }, async (env) => {
      const by = async (trigger?: EventTimeTrigger) => {
        const { left, right } = keyed(env, 0, LATE);
        const windows = left.join(right, { type: "left" }).window(TumblingEventTimeWindows.of(10), {
          allowedLatenessMs: 10,
          evictor: CountEvictor.of(100),
          ...(trigger === undefined ? {} : { trigger }),
        });
        const found: string[] = [];
        const late: string[] = [];
        windows.getSideOutput(new OutputTag("lateLeft", views)).forEach(({ page }) => void late.push(String(page)));
        windows.forEach(({ page, total }) => void found.push(`${page} ${total}`));
        await env.execute();
        return { found: found.sort(), late };
      };
      const once = ["a 1", "b null", "c 2", "late 1"];
      expect(await by()).toEqual({ found: once, late: ["too late"] });
      const { found, late } = await by(EventTimeTrigger.create());
      expect(late).toEqual(["too late"]);
      expect([...new Set(found)]).toEqual(once);
    }));

  it("go by the clock", () =>
    run({}, async (env) => {
      const paced = (name: string, rowsPerSecond: number) =>
        env.fromGenerator((n) => ({ key: name.slice(0, 0), n: Number(n) }), {
          count: 10,
          rowsPerSecond,
          schema: Schema.of({ key: types.utf8, n: types.int32 }),
        });
      const joined = paced("a", 10)
        .keyBy("key")
        .join(paced("b", 10).keyBy("key"))
        .window(TumblingProcessingTimeWindows.of(1_000), { evictor: CountEvictor.of(2) });
      let pairs = 0;
      for await (const { windowStart, windowEnd } of joined.executeAndCollect()) {
        expect(Number(windowEnd) - Number(windowStart)).toBe(1_000);
        pairs++;
      }
      expect(pairs).toBeGreaterThan(0);
    }));

  it("fire early and keep what a trigger remembers, tagged rows too", () =>
    run({}, async (env) => {
      const { left, right } = keyed(env);
      const delta = DeltaTrigger.of(5, (last: TaggedRow, row: TaggedRow) => Number(row.row.at) - Number(last.row.at));
      const joined = left.coGroup(right).window(GlobalWindows.create()).trigger(delta);
      const fired = await texts(joined.apply(summarise, { schema: summary }));
      expect(fired.length).toBeGreaterThan(0);
      const early = left
        .join(right)
        .window(TumblingEventTimeWindows.of(20), { trigger: ContinuousEventTimeTrigger.of(5) });
      const pairs = new Set<string>();
      for await (const { page, total } of early.executeAndCollect()) pairs.add(`${page} ${total}`);
      expect([...pairs].sort()).toEqual(["a 1", "a 3", "c 1", "c 3"]);
    }));

  it("refuse what cannot mean anything, where it is asked for", () => {
    const env = StreamExecutionEnvironment.create();
    const { left, right } = keyed(env);
    const endless = env.socketTextStream("localhost", 9).keyBy("line" as never) as never as typeof right;
    const join = left.join(right);
    const group = left.coGroup(right);
    const grouped = (windows: typeof group extends { window(...args: never[]): infer W } ? W : never) =>
      windows.apply(summarise as never, { schema: summary });
    expect(() => join.window(1 as never)).toThrow(coded("WINDOW_INVALID"));
    expect(() => group.window({} as never)).toThrow(coded("WINDOW_INVALID"));
    expect(() => join.window(GlobalWindows.create(), { trigger: 1 as never })).toThrow(coded("TRIGGER_INVALID"));
    expect(() => join.window(GlobalWindows.create(), { evictor: {} as never })).toThrow(coded("EVICTOR_INVALID"));
    expect(() => join.window(GlobalWindows.create(), { evict: {} } as never)).toThrow(coded("OPTION_UNKNOWN"));
    expect(() => join.window(GlobalWindows.create(), { allowedLatenessMs: -1 })).toThrow(
      coded("WINDOW_LATENESS_INVALID"),
    );
    expect(() => group.window(GlobalWindows.create()).trigger(undefined as never)).toThrow(coded("TRIGGER_INVALID"));
    expect(() => group.window(GlobalWindows.create()).evictor(7 as never)).toThrow(coded("EVICTOR_INVALID"));
    expect(() => group.window(GlobalWindows.create()).allowedLateness(0.5)).toThrow(coded("WINDOW_LATENESS_INVALID"));
    expect(() => join.countWindow(0)).toThrow(coded("WINDOW_ROWS_INVALID"));
    expect(() => grouped(group.countWindow(2).trigger(CountTrigger.of(1)))).toThrow(coded("WINDOW_TRIGGER_INVALID"));
    const own = {
      onElement: () => "CONTINUE" as const,
      onEventTime: () => "CONTINUE" as const,
      onProcessingTime: () => "CONTINUE" as const,
      clear: () => {},
    };
    expect(() => join.window(EventTimeSessionWindows.withGap(5), { trigger: own })).toThrow(
      coded("WINDOW_TRIGGER_UNMERGEABLE"),
    );
    const never = left.join(endless);
    expect(() => never.window(GlobalWindows.create())).toThrow(coded("WINDOW_NEVER_FIRES"));
    expect(() => grouped(left.coGroup(endless).window(GlobalWindows.create()))).toThrow(coded("WINDOW_NEVER_FIRES"));
    expect(() => never.window(GlobalWindows.create(), { trigger: CountTrigger.of(3) })).not.toThrow();
    const numbers = env.fromCollection([{ user: 1 }]).keyBy("user");
    expect(() => join.window(GlobalWindows.create())).not.toThrow();
    expect(() => left.join(numbers).window(GlobalWindows.create())).toThrow(coded("JOIN_KEYS_MISMATCH"));
    expect(() =>
      left
        .coGroup(numbers)
        .window(GlobalWindows.create())
        .apply(() => [], { schema: summary }),
    ).toThrow(coded("KEY_TYPES_DIFFER"));
    const changing = left.count().keyBy("user");
    expect(() => left.join(changing).window(GlobalWindows.create())).toThrow(coded("UPDATES_NOT_ACCEPTED"));
  });
});
