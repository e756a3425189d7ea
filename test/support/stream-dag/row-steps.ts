import fc from "fast-check";
import { col, OutputTag, WatermarkStrategy } from "../../../src/index.ts";
import { big, type DagStep, type Event, type EventFields, events } from "./events.ts";

// Steps that look at one row at a time, and those that only move rows.

const schema = events;

const mapExpression = fc.record({ n: fc.integer({ min: -3, max: 3 }) }).map(
  ({ n }): DagStep => ({
    inputs: 1,
    text: ([s]) => `${s}.withColumn("v", v * 2 + ${n})`,
    meaning: ([rows]) => rows.map((row) => ({ ...row, v: row.v * 2 + n })),
    build: ([s], at) => at(s.withColumn("v", col("v").mul(2n).add(BigInt(n)))) as never,
  }),
);

const mapFunction = fc.record({ n: fc.integer({ min: 1, max: 3 }) }).map(
  ({ n }): DagStep => ({
    inputs: 1,
    text: ([s]) => `${s}.map(row => ({ ...row, k: "abc"[id % ${n}] }))`,
    meaning: ([rows]) => rows.map((row) => ({ ...row, k: "abc"[Math.abs(row.id) % n] })),
    build: ([s], at) =>
      at(s.map(({ id, v, t }) => ({ id, k: "abc"[Math.abs(Number(id)) % n], v, t }), { schema })) as never,
  }),
);

const filterExpression = fc.record({ m: fc.integer({ min: 2, max: 4 }) }).map(
  ({ m }): DagStep => ({
    inputs: 1,
    text: ([s]) => `${s}.filter(v % ${m} != 0)`,
    meaning: ([rows]) => rows.filter(({ v }) => v % m !== 0),
    build: ([s], at) => at(s.filter(col("v").mod(BigInt(m)).ne(0n))),
  }),
);

const filterFunction = fc.record({ m: fc.integer({ min: 2, max: 4 }) }).map(
  ({ m }): DagStep => ({
    inputs: 1,
    text: ([s]) => `${s}.filter(row => row.v % ${m} != 0)`,
    meaning: ([rows]) => rows.filter(({ v }) => v % m !== 0),
    build: ([s], at) => at(s.filter(({ v }) => big(v) % BigInt(m) !== 0n)),
  }),
);

const flatMap = fc.constant<DagStep>({
  inputs: 1,
  text: ([s]) => `${s}.flatMap(row => |v| % 3 copies)`,
  meaning: ([rows]) =>
    rows.flatMap((row) => Array.from({ length: Math.abs(row.v) % 3 }, (_, i) => ({ ...row, id: row.id * 2 + i }))),
  build: ([s], at) =>
    at(
      s.flatMap(
        ({ id, k, v, t }) =>
          Array.from({ length: Math.abs(Number(v)) % 3 }, (_, i) => ({ id: big(id) * 2n + BigInt(i), k, v, t })),
        { schema },
      ),
    ) as never,
});

const splitPart = fc.record({ part: fc.constantFrom("even" as const, "odd" as const) }).map(
  ({ part }): DagStep => ({
    inputs: 1,
    text: ([s]) => `${s}.split({ even: v % 2 == 0, odd: v % 2 != 0 }).${part}`,
    meaning: ([rows]) => rows.filter(({ v }) => (v % 2 === 0) === (part === "even")),
    build: ([s], at) => at(s.split({ even: col("v").mod(2n).eq(0n), odd: col("v").mod(2n).ne(0n) })[part]),
  }),
);

const ROUTES = ["rebalance", "rescale", "shuffle", "global"] as const;

const union = fc.record({ route: fc.constantFrom(undefined, ...ROUTES) }).map(
  ({ route }): DagStep => ({
    inputs: 2,
    text: ([a, b]) => `${a}${route === undefined ? "" : `.${route}()`}.union(${b})`,
    meaning: ([a, b]) => [...a, ...b],
    build: ([a, b]) => (route === undefined ? a : a[route]()).union(b),
  }),
);

const routed = fc.record({ route: fc.constantFrom(...ROUTES), asFunction: fc.boolean() }).map(
  ({ route, asFunction }): DagStep => ({
    inputs: 1,
    text: ([s]) => `${s}.${route}().${asFunction ? "map(row => row)" : "filter(true)"}`,
    meaning: ([rows]) => rows,
    build: ([s], at) =>
      at(
        asFunction
          ? (s[route]().map(({ id, k, v, t }) => ({ id, k, v, t }), { schema }) as never)
          : s[route]().filter(col("t").isNotNull()),
      ),
  }),
);

const parallelism = fc.integer({ min: 1, max: 3 });

/** Every subtask of the next step gets the row, so that the parallelism is part of the meaning. */
const broadcast = fc.record({ copies: parallelism }).map(
  ({ copies }): DagStep => ({
    inputs: 1,
    text: ([s]) => `${s}.broadcast().filter(true).setParallelism(${copies})`,
    meaning: ([rows]) => rows.flatMap((row) => Array<Event>(copies).fill(row)),
    build: ([s]) => s.broadcast().filter(col("t").isNotNull()).setParallelism(copies),
  }),
);

const partitionCustom = fc.record({ parts: parallelism }).map(
  ({ parts }): DagStep => ({
    inputs: 1,
    text: ([s]) => `${s}.partitionCustom(k => k.length, "k", ${parts}).filter(true).setParallelism(${parts})`,
    meaning: ([rows]) => rows,
    build: ([s]) =>
      s
        .partitionCustom((k, count) => (k ?? "").length % count, "k", parts)
        .filter(col("t").isNotNull())
        .setParallelism(parts),
  }),
);

const reassign = fc.record({ delayMs: fc.constantFrom(undefined, 1000) }).map(
  ({ delayMs }): DagStep => ({
    inputs: 1,
    text: ([s]) => `${s}.assignTimestampsAndWatermarks(${delayMs === undefined ? "none" : `bounded ${delayMs}`})`,
    meaning: ([rows]) => rows,
    build: ([s], at) => {
      const strategy =
        delayMs === undefined
          ? WatermarkStrategy.noWatermarks<EventFields>()
          : WatermarkStrategy.boundedOutOfOrderness<EventFields>(delayMs);
      return at(s.assignTimestampsAndWatermarks(strategy.withTimestamps("t")));
    },
  }),
);

const connected = fc
  .record({ first: fc.constantFrom(undefined, ...ROUTES), second: fc.constantFrom(undefined, ...ROUTES) })
  .map(({ first, second }): DagStep => {
    const name = (s: string, route: string | undefined) => (route === undefined ? s : `${s}.${route}()`);
    return {
      inputs: 2,
      text: ([a, b]) =>
        `${name(a, first)}.connect(${name(b, second)}).flatMap({ 1: row => [row], 2: row => row.v odd ? [] : [-row.v] })`,
      meaning: ([a, b]) => [...a, ...b.filter(({ v }) => v % 2 === 0).map((row) => ({ ...row, v: -row.v }))],
      build: ([a, b], at) =>
        at(
          (first === undefined ? a : a[first]()).connect(second === undefined ? b : b[second]()).flatMap(
            {
              flatMap1: ({ id, k, v, t }) => [{ id, k, v, t }],
              flatMap2: ({ id, k, v, t }) => (big(v) % 2n === 0n ? [{ id, k, v: -big(v), t }] : []),
            },
            { schema },
          ),
        ) as never,
    };
  });

let tags = 0;

const sideOutput = fc.constant(undefined).map((): DagStep => {
  const tag = new OutputTag(`odd ${tags++}`, events);
  return {
    inputs: 1,
    text: ([s]) => `${s}.process(row => row.v odd ? output(odd, row) : collect(row))`,
    meaning: ([rows]) => rows.filter(({ v }) => v % 2 === 0),
    build: ([s], at) =>
      at(
        s.process(
          {
            processElement({ id, k, v, t }, context, out) {
              if (context.timestampMs !== Number(t))
                throw new Error(`the row of ${t} has the time ${context.timestampMs}`);
              if (big(v) % 2n === 0n) out.collect({ id, k, v, t });
              else context.output(tag, { id, k, v, t });
            },
          },
          { schema, sideOutputs: [tag] },
        ),
      ),
    side: { meaning: ([rows]) => rows.filter(({ v }) => v % 2 !== 0), of: (built) => built.getSideOutput(tag) },
  };
});

export const anyRowStep: fc.Arbitrary<DagStep> = fc.oneof(
  filterExpression,
  mapExpression,
  mapFunction,
  filterFunction,
  flatMap,
  splitPart,
  sideOutput,
);

export const anyMove: fc.Arbitrary<DagStep> = fc.oneof(union, routed, connected, broadcast, partitionCustom, reassign);
