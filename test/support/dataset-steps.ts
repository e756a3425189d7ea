import {
  type Aggregation,
  asc,
  avg,
  coalesce,
  col,
  count,
  countDistinct,
  type DataSet,
  desc,
  type Expression,
  max,
  min,
  Schema,
  sum,
  types,
} from "../../src/index.ts";
import {
  aggregateValues,
  groupRows,
  joinRows,
  pickRow,
  type ReferenceAggregate,
  type ReferenceJoin,
  type RowOrder,
  sortRows,
} from "../reference/dataset-rows.ts";
import { compareValues, type Row, type Value } from "../reference/plan-rows.ts";
import type { Choices } from "./choices.ts";

/** A dataset and the rows that it must have, in any order. */
export interface Checked {
  readonly data: DataSet;
  readonly rows: readonly Row[];
  /** Column names; the first letter is the type: i int32, l int64, x float64, s utf8, b bool. */
  readonly names: readonly string[];
}

export const TYPES = { i: types.int32, l: types.int64, x: types.float64, s: types.utf8, b: types.bool };
type Kind = keyof typeof TYPES;

const kindOf = (name: string): Kind => name[0] as Kind;
export const schemaOf = (names: readonly string[]): Schema =>
  Schema.of(Object.fromEntries(names.map((name) => [name, TYPES[kindOf(name)]])));
const ofKind = (names: readonly string[], kinds: string): string[] => names.filter((name) => kinds.includes(name[0]));

/** Results above this are cut, so that joins of joins stay testable. */
const MOST_ROWS = 10_000;

/** A plan that is made at random has no types that a compiler could know. */
const untyped = (data: unknown): DataSet => data as DataSet;

type Step = (input: Checked, choices: Choices, other: Checked) => Checked;

/** The options of a method that takes a function: result columns are declared or left to inference. */
function shapeOf(names: readonly string[], rows: readonly Row[], choices: Choices): { schema?: Schema } {
  // Inference needs a row, and finds float64, int64, utf8 and bool in values that are not null.
  const isInferable = rows.length > 0 && ofKind(names, "i").length === 0 && rows.every((row) => isWhole(row, names));
  return isInferable && choices.below(3) === 0 ? {} : { schema: schemaOf(names) };
}
const isWhole = (row: Row, names: readonly string[]) => names.every((name) => row[name] !== null);

/** A condition and what it means. */
function condition(names: readonly string[], choices: Choices): [Expression, (row: Row) => boolean] {
  const name = choices.of(names);
  const column = col(name);
  const ordered = (value: Value, than: Value) => (value === null ? undefined : compareValues(value, than));
  switch (choices.below(5)) {
    case 0:
      return [column.isNull(), (row) => row[name] === null];
    case 1:
      return [column.isNotNull(), (row) => row[name] !== null];
    default:
  }
  switch (kindOf(name)) {
    case "i": {
      const bound = choices.below(5);
      return choices.below(2) === 0
        ? [column.gt(bound), (row) => (ordered(row[name], bound) ?? -1) > 0]
        : [
            column.mod(2).eq(0).or(column.eq(bound)),
            (row) => row[name] !== null && (Number(row[name]) % 2 === 0 || row[name] === bound),
          ];
    }
    case "l":
      return [column.le(7n), (row) => (ordered(row[name], 7n) ?? 1) <= 0];
    case "x":
      return [column.lt(1.5), (row) => (ordered(row[name], 1.5) ?? 1) < 0];
    case "s":
      return [column.ne("a"), (row) => row[name] !== null && row[name] !== "a"];
    case "b":
      return choices.below(2) === 0
        ? [column, (row) => row[name] === true]
        : [column.not(), (row) => row[name] === false];
  }
}

const filter: Step = ({ data, rows, names }, choices) => {
  const [expression, keeps] = condition(names, choices);
  return { data: data.filter(expression), rows: rows.filter(keeps), names };
};

const filterRows: Step = ({ data, rows, names }, choices) => {
  const [, keeps] = condition(names, choices);
  return { data: data.filter((row) => keeps({ ...row } as Row)), rows: rows.filter(keeps), names };
};

const select: Step = ({ data, rows, names }, choices) => {
  const kept = choices.some(names);
  if (kept.length === 0) kept.push(choices.of(names));
  if (choices.below(2) === 0)
    return { data: data.select(...kept), rows: rows.map((row) => pickRow(row, kept)), names: kept };
  const renamed = kept.map((name, i) => `${name[0]}_${i}`);
  const columns = Object.fromEntries(kept.map((name, i) => [renamed[i], col(name)]));
  const rename = (row: Row): Row => Object.fromEntries(kept.map((name, i) => [renamed[i], row[name]]));
  return { data: data.select(columns), rows: rows.map(rename), names: renamed };
};

/** Adds or replaces a column. */
const compute: Step = ({ data, rows, names }, choices) => {
  const name = choices.of(names);
  const [as, expression, value] = computed(name, choices);
  const result = rows.map((row) => ({ ...row, [as]: value(row[name]) }));
  return {
    data: untyped(data.withColumns({ [as]: expression })),
    rows: result,
    names: names.includes(as) ? names : [...names, as],
  };
};

function computed(name: string, choices: Choices): [string, Expression, (value: Value) => Value] {
  const column = col(name);
  const isNew = choices.below(2) === 0;
  const as = (kind: Kind) => (isNew || kindOf(name) !== kind ? `${kind}_of_${name.slice(0, 12)}` : name);
  switch (kindOf(name)) {
    case "i":
      return [as("i"), column.mod(7).add(1), (value) => (value === null ? null : (Number(value) % 7) + 1)];
    case "l":
      return [as("l"), coalesce(column, 3n), (value) => value ?? 3n];
    case "x":
      return [as("x"), column.mul(-2), (value) => (value === null ? null : Number(value) * -2)];
    case "s":
      return [as("b"), column.startsWith("a"), (value) => (value === null ? null : String(value).startsWith("a"))];
    case "b":
      return [as("i"), column.cast(types.int32), (value) => (value === null ? null : Number(value))];
  }
}

const map: Step = ({ data, rows, names }, choices) => {
  const kept = choices.some(names);
  const change = (row: Row): Row => {
    const result: Record<string, Value> = {};
    for (const name of kept) result[name] = row[name];
    result.x_map = row[names[0]] === null ? -1 : 0.5;
    return result;
  };
  const result = rows.map(change);
  const given = [...kept, "x_map"].filter((name, i, all) => all.indexOf(name) === i);
  return {
    data: untyped(data.map((row) => change(row as Row), shapeOf(given, result, choices))),
    rows: result,
    names: given,
  };
};

const flatMap: Step = ({ data, rows, names }, choices) => {
  const many = 1 + choices.below(3);
  const spread = (row: Row): Row[] =>
    Array.from({ length: row[names[0]] === null ? 0 : many }, (_, i) => ({
      ...pickRow(row, names),
      l_flat: BigInt(i),
    }));
  const result = rows.flatMap(spread);
  const given = names.includes("l_flat") ? names : [...names, "l_flat"];
  return cut({
    data: untyped(data.flatMap((row) => spread(row as Row), shapeOf(given, result, choices))),
    rows: result,
    names: given,
  });
};

const AGGREGATES: Readonly<Record<ReferenceAggregate, (name: string) => Aggregation>> = {
  count: (name) => count(name) as Aggregation,
  sum: (name) => sum(name),
  min: (name) => min(name),
  max: (name) => max(name),
  avg: (name) => avg(name),
  countDistinct: (name) => countDistinct(name),
};

const aggregate: Step = ({ data, rows, names }, choices) => {
  const keys = choices.some(names).slice(0, 3);
  const chosen: { as: string; fn?: ReferenceAggregate; column: string }[] = [{ as: "l_n", column: "" }];
  for (let i = 0; i < 1 + choices.below(3); i++) {
    const column = choices.of(names);
    const isNumber = "ilx".includes(kindOf(column));
    const fn = choices.of<ReferenceAggregate>(
      isNumber ? ["sum", "min", "max", "avg", "count", "countDistinct"] : ["min", "max", "count", "countDistinct"],
    );
    const kind =
      fn === "avg" ? "x" : fn.startsWith("count") || (fn === "sum" && kindOf(column) !== "x") ? "l" : kindOf(column);
    chosen.push({ as: `${kind}_agg${i}`, fn, column });
  }
  const wanted = chosen.filter(({ as }) => !keys.includes(as));
  const groups = keys.length === 0 ? [rows] : groupRows(rows, keys);
  const result = groups.map(
    (group): Row => ({
      ...(keys.length === 0 ? {} : pickRow(group[0], keys)),
      ...Object.fromEntries(
        wanted.map(({ as, fn, column }) => [
          as,
          fn === undefined
            ? BigInt(group.length)
            : aggregateValues(
                fn,
                group.map((row) => row[column]),
                kindOf(column) !== "x",
              ),
        ]),
      ),
    }),
  );
  const specs = Object.fromEntries(
    wanted.map(({ as, fn, column }) => [as, fn === undefined ? count() : AGGREGATES[fn](column)]),
  );
  const aggregated = keys.length === 0 ? data.aggregate(specs) : data.groupBy(...keys).aggregate(specs);
  return { data: untyped(aggregated), rows: result, names: [...keys, ...wanted.map(({ as }) => as)] };
};

const distinct: Step = ({ data, rows, names }, choices) => {
  const keys = choices.some(names);
  // Which row stands for the others is open, so only keys are looked at.
  if (keys.length === 0) return { data: data.distinct(), rows: groupRows(rows, names).map(([row]) => row), names };
  const firsts = groupRows(rows, keys).map(([row]) => pickRow(row, keys));
  return { data: data.distinct(...keys).select(...keys), rows: firsts, names: keys };
};

const someOrder = (names: readonly string[], choices: Choices): RowOrder[] =>
  names.map((column) => {
    const [descending, nullsFirst] = [choices.below(2) === 1, choices.below(3) === 1];
    return { column, descending, ...(nullsFirst ? { nullsFirst } : {}) };
  });

const asOrdering = ({ column, descending, nullsFirst }: RowOrder) =>
  (descending === true ? desc : asc)(column, nullsFirst === undefined ? {} : { nullsFirst });

const sort: Step = ({ data, rows, names }, choices) => {
  const order = someOrder([choices.of(names), ...choices.some(names)], choices).map(asOrdering);
  return { data: choices.below(2) === 0 ? data.orderBy(...order) : data.sortPartition(...order), rows, names };
};

/** Defined only in a total order. */
const firstRows: Step = ({ data, rows, names }, choices) => {
  const order = someOrder(names, choices);
  const [limit, offset] = [choices.below(9) * 7, choices.below(3)];
  const first = data.orderBy(...order.map(asOrdering)).first(limit, { offset });
  return { data: first, rows: sortRows(rows, order).slice(offset, offset + limit), names };
};

/** Keeps what joins of joins give small enough. */
function cut(input: Checked): Checked {
  if (input.rows.length <= MOST_ROWS) return input;
  const order = input.names.map((column) => ({ column }));
  const data = input.data.orderBy(...input.names).first(500);
  return { ...input, data, rows: sortRows(input.rows, order).slice(0, 500) };
}

const partition: Step = ({ data, rows, names }, choices) => {
  const name = choices.of(names);
  switch (choices.below(4)) {
    case 0:
      return { data: data.partitionByHash(name), rows, names };
    case 1:
      return { data: data.rebalance(), rows, names };
    case 2:
      return { data: data.partitionByRange(...someOrder([name], choices).map(asOrdering)), rows, names };
    default: {
      const custom = data.partitionCustom((value, partitions) => String(value).length % partitions, name);
      return { data: custom, rows, names };
    }
  }
};

/** Numbers from 0 without gaps: the filter keeps all rows only if they are. */
const number: Step = ({ data, rows, names }) => {
  const numbered = data.zipWithIndex("l_row").filter(
    col("l_row")
      .ge(0n)
      .and(col("l_row").lt(BigInt(rows.length))),
  );
  const unique = numbered.distinct("l_row");
  return { data: untyped(unique).drop("l_row"), rows, names };
};

const reduceGroup: Step = ({ data, rows, names }, choices) => {
  const keys = choices.some(names).slice(0, 2);
  const given = [...keys, "l_size"].filter((name, i, all) => all.indexOf(name) === i);
  const size = (group: Iterable<unknown>) => {
    let n = 0n;
    for (const _ of group) n++;
    return n;
  };
  if (keys.length === 0 || keys.includes("l_size")) {
    const schema = schemaOf(["l_size"]);
    return {
      data: untyped(data.reduceGroup((group) => [{ l_size: size(group) }], { schema })),
      rows: [{ l_size: BigInt(rows.length) }],
      names: ["l_size"],
    };
  }
  const result = groupRows(rows, keys).map((group) => ({ ...pickRow(group[0], keys), l_size: BigInt(group.length) }));
  const shape = shapeOf(given, result, choices);
  const grouped = data.groupBy(...keys).reduceGroup((key, group) => [{ ...(key as Row), l_size: size(group) }], shape);
  return { data: untyped(grouped), rows: result, names: given };
};

const JOINS = ["inner", "inner", "left", "right", "full", "semi", "anti"] as const;
const HINTS = [
  "OPTIMIZER_CHOOSES",
  "OPTIMIZER_CHOOSES",
  "BROADCAST_HASH_FIRST",
  "BROADCAST_HASH_SECOND",
  "REPARTITION_HASH_FIRST",
  "REPARTITION_HASH_SECOND",
  "REPARTITION_SORT_MERGE",
] as const;

/** All builders of joins look alike to a plan that knows no types. */
function startJoin(left: DataSet, right: DataSet, type: ReferenceJoin, hint?: (typeof HINTS)[number]) {
  const options = hint === undefined ? {} : { hint };
  const builders = {
    inner: () => left.join(right, options),
    left: () => left.leftOuterJoin(right, options),
    right: () => left.rightOuterJoin(right, options),
    full: () => left.fullOuterJoin(right, options),
    semi: () => left.semiJoin(right, options),
    anti: () => left.antiJoin(right, options),
  };
  return builders[type]() as ReturnType<typeof builders.full>;
}

const join: Step = (left, choices, right) => {
  const kinds = [...new Set(left.names.map(kindOf))].filter((kind) =>
    right.names.some((name) => kindOf(name) === kind),
  );
  if (kinds.length === 0) return left;
  const pairs = Array.from({ length: 1 + choices.below(2) }, () => {
    const kind = choices.of(kinds);
    return [choices.of(ofKind(left.names, kind)), choices.of(ofKind(right.names, kind))] as const;
  });
  const [leftKeys, rightKeys] = [pairs.map(([key]) => key), pairs.map(([, key]) => key)];
  const [type, hint] = [choices.of(JOINS), choices.of(HINTS)];
  const builder = startJoin(left.data, right.data, type, hint).where(...leftKeys);
  const isShared = (name: string) => leftKeys.some((key, i) => key === name && rightKeys[i] === name);
  const names = [...left.names];
  const fromRight: [name: string, column: string][] = [];
  if (type !== "semi" && type !== "anti") {
    for (const column of right.names.filter((name) => !isShared(name))) {
      let name = column;
      while (names.includes(name)) name += "_right";
      names.push(name);
      fromRight.push([name, column]);
    }
  }
  const found = joinRows(left.rows, right.rows, type, leftKeys, rightKeys, MOST_ROWS);
  if (found === undefined) return left;
  const rows = found.map(
    ([a, b]): Row => ({
      // A key of one name comes from whichever side has the row.
      ...Object.fromEntries(
        left.names.map((name) => [name, a?.[name] ?? (a === undefined && isShared(name) ? b?.[name] : null) ?? null]),
      ),
      ...Object.fromEntries(fromRight.map(([name, column]) => [name, b?.[column] ?? null])),
    }),
  );
  return cut({ data: untyped(builder.equalTo(...rightKeys)), rows, names });
};

/** Pairs through a function, which sees null for a side without match. */
const joinWith: Step = (left, choices, right) => {
  const kinds = [...new Set(left.names.map(kindOf))].filter((kind) =>
    right.names.some((name) => kindOf(name) === kind),
  );
  if (kinds.length === 0) return left;
  const kind = choices.of(kinds);
  const [a, b] = [choices.of(ofKind(left.names, kind)), choices.of(ofKind(right.names, kind))];
  const type = choices.of(["inner", "left", "right", "full"] as const);
  const names = ["b_left", "b_right", `${kind}_key`];
  const pair = (x: Row | null | undefined, y: Row | null | undefined): Row => ({
    b_left: x != null,
    b_right: y != null,
    [`${kind}_key`]: x?.[a] ?? y?.[b] ?? null,
  });
  const rows = joinRows(left.rows, right.rows, type, [a], [b], MOST_ROWS)?.map(([x, y]) => pair(x, y));
  if (rows === undefined) return left;
  const joined = startJoin(left.data, right.data, type).where(a).equalTo(b);
  const schema = schemaOf(names);
  return cut({
    data: untyped(joined.with((x, y) => pair(x as Row | null, y as Row | null), { schema })),
    rows,
    names,
  });
};

const coGroup: Step = (left, choices, right) => {
  const kinds = [...new Set(left.names.map(kindOf))].filter((kind) =>
    right.names.some((name) => kindOf(name) === kind),
  );
  if (kinds.length === 0) return left;
  const kind = choices.of(kinds);
  const [a, b] = [choices.of(ofKind(left.names, kind)), choices.of(ofKind(right.names, kind))];
  const key = `${kind}_key`;
  const all = [
    ...left.rows.map((row): Row => ({ [key]: row[a], b_isLeft: true })),
    ...right.rows.map((row): Row => ({ [key]: row[b], b_isLeft: false })),
  ];
  const rows = groupRows(all, [key]).map((group): Row => {
    const lefts = group.filter((row) => row.b_isLeft === true).length;
    return { [key]: group[0][key], l_left: BigInt(lefts), l_right: BigInt(group.length - lefts) };
  });
  const names = [key, "l_left", "l_right"];
  const grouped = left.data
    .coGroup(right.data)
    .where(a)
    .equalTo(b)
    .with(
      (found, xs, ys) => [
        { [key]: (found as Row)[a], l_left: BigInt([...xs].length), l_right: BigInt([...ys].length) },
      ],
      { schema: schemaOf(names) },
    );
  return { data: untyped(grouped), rows, names };
};

const union: Step = (left, choices, right) => {
  const pairs = left.names.flatMap((a) => {
    const b = right.names.find((name) => kindOf(name) === kindOf(a));
    return b === undefined ? [] : [[a, b] as const];
  });
  if (pairs.length === 0) return left;
  const kept = pairs.slice(0, 1 + choices.below(pairs.length));
  const names = kept.map(([a], i) => `${a[0]}_u${i}`);
  const side = (input: Checked, at: 0 | 1) => ({
    data: input.data.select(Object.fromEntries(kept.map((pair, i) => [names[i], col(pair[at])]))) as unknown as DataSet,
    rows: input.rows.map((row): Row => Object.fromEntries(kept.map((pair, i) => [names[i], row[pair[at]]]))),
  });
  const [a, b] = [side(left, 0), side(right, 1)];
  return cut({ data: a.data.union(b.data), rows: [...a.rows, ...b.rows], names });
};

const cross: Step = (left, choices, right) => {
  const [a, b] = [firstRows(left, choices, left), select(firstRows(right, choices, right), choices, right)];
  const names = [...a.names];
  const fromRight = b.names.map((column) => {
    let name = column;
    while (names.includes(name)) name += "_right";
    names.push(name);
    return [name, column] as const;
  });
  const rows = a.rows.flatMap((x) =>
    b.rows.map(
      (y): Row => ({
        ...pickRow(x, a.names),
        ...Object.fromEntries(fromRight.map(([name, column]) => [name, y[column]])),
      }),
    ),
  );
  return { data: a.data.cross(b.data) as unknown as DataSet, rows, names };
};

const UNARY: readonly Step[] = [
  filter,
  filter,
  select,
  compute,
  compute,
  aggregate,
  aggregate,
  distinct,
  sort,
  firstRows,
  partition,
  partition,
  map,
  filterRows,
  flatMap,
  number,
  reduceGroup,
];
const BINARY: readonly Step[] = [join, join, join, join, joinWith, coGroup, union, union, cross];

/** Applies one step to the top of a stack of datasets: any list of numbers is a plan. */
export function step(stack: readonly Checked[], choices: Choices): Checked[] {
  const [top, ...rest] = stack;
  const kind = choices.below(10);
  if (kind < 5 || top.names.length === 0) return [choices.of(UNARY)(top, choices, top), ...rest];
  if (kind === 5) return [top, ...stack]; // one dataset, used twice
  if (kind === 6) return [...rest, top];
  const [other = top] = rest; // with one dataset left: with itself
  return [choices.of(BINARY)(top, choices, other), ...rest.slice(1)];
}
