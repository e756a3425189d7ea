import type { DataType } from "../../src/core/types.ts";
import {
  type Aggregation,
  asc,
  avg,
  col,
  count,
  countDistinct,
  type DataSet,
  desc,
  type Expression,
  every,
  largest,
  max,
  median,
  min,
  quantile,
  type Schema,
  smallest,
  some,
  stddev,
  sum,
} from "../../src/index.ts";
import { sqlType as simpleSqlType, toSql } from "../reference/expression-sql.ts";
import type { Choices } from "./choices.ts";
import { anyCondition, anyValue, type PipelineColumn } from "./sql-expressions.ts";

/** A dataset, and a query that has the same rows. */
export interface Pipeline {
  readonly data: DataSet;
  readonly sql: string;
  readonly columns: readonly PipelineColumn[];
}

type Step = (input: Pipeline, choices: Choices, other: Pipeline) => Pipeline | Promise<Pipeline>;

const sqlType = (type: DataType): string =>
  type.kind === "list" ? `${sqlType(type.element)}[]` : type.kind === "binary" ? "blob" : simpleSqlType(type);

const quoted = (name: string) => `"${name}"`;
const listed = (names: readonly string[]) => names.map(quoted).join(", ");
const untyped = (data: unknown): DataSet => data as DataSet;
const sameType = (a: DataType, b: DataType) => JSON.stringify(a) === JSON.stringify(b);
const namesOf = (columns: readonly PipelineColumn[]) => columns.map(({ name }) => name);

/** Columns that can be keys: DuckDB's lists could be too, ours cannot. */
const isKey = ({ exact, type }: PipelineColumn) => exact && type.kind !== "list";

const kept = (choices: Choices, columns: readonly PipelineColumn[], most: number): PipelineColumn[] => {
  const chosen = choices.some(columns);
  return (chosen.length === 0 && columns.length > 0 ? [choices.of(columns)] : chosen).slice(0, most);
};

const picked = (input: Pipeline, columns: readonly PipelineColumn[]): Pipeline =>
  columns.length === input.columns.length
    ? input
    : {
        data: untyped(input.data.select(...namesOf(columns))),
        sql: `SELECT ${listed(namesOf(columns))} FROM (${input.sql})`,
        columns,
      };

/** A name that no column has. */
function freshName(columns: readonly PipelineColumn[], start: string): string {
  let name = start;
  for (let i = 0; columns.some((column) => column.name === name); i++) name = `${start}${i}`;
  return name;
}

const filter: Step = ({ data, sql, columns }, choices) => {
  const condition = anyCondition(columns, choices);
  return { data: data.filter(condition), sql: `SELECT * FROM (${sql}) WHERE ${toSql(condition.node)}`, columns };
};

const select: Step = (input, choices) => picked(input, kept(choices, input.columns, 12));

const rename: Step = (input, choices) => {
  const columns = kept(choices, input.columns, 12);
  const renamed = columns.map((column, i) => ({ ...column, name: `r${i}` }));
  return {
    data: untyped(input.data.select(Object.fromEntries(columns.map(({ name }, i) => [`r${i}`, col(name)])))),
    sql: `SELECT ${columns.map(({ name }, i) => `${quoted(name)} AS r${i}`).join(", ")} FROM (${input.sql})`,
    columns: renamed,
  };
};

/** Columns as our schema has them; DuckDB's are cast to the same types. */
async function typed(data: DataSet, columns: readonly { name: string; exact: boolean }[]): Promise<PipelineColumn[]> {
  const schema: Schema = await data.schema();
  return columns.map(({ name, exact }) => ({ name, exact, type: schema.fields[schema.indexOf(name)].type }));
}

const compute: Step = async ({ data, sql, columns }, choices) => {
  const values: Record<string, Expression> = {};
  for (let i = 0; i <= choices.below(3); i++) {
    const isReplaced = choices.below(4) === 0 && columns.length > 0;
    const name = isReplaced ? choices.of(columns).name : freshName(columns, `c${i}`);
    values[name] = anyValue(columns, choices);
  }
  const result = untyped(data.withColumns(values as never));
  const added = Object.keys(values).filter((name) => !columns.some((column) => column.name === name));
  const all = [
    ...columns.map(({ name, exact }) => ({ name, exact: exact || name in values })),
    ...added.map((name) => ({ name, exact: true })),
  ];
  const types = await typed(result, all);
  const sqlColumns = types.map(({ name, type }) =>
    name in values ? `CAST(${toSql(values[name].node)} AS ${sqlType(type)}) AS ${quoted(name)}` : quoted(name),
  );
  return { data: result, sql: `SELECT ${sqlColumns.join(", ")} FROM (${sql})`, columns: types };
};

interface Aggregate {
  readonly aggregation: Aggregation;
  readonly sql: string;
  readonly exact: boolean;
}

function anyAggregate(columns: readonly PipelineColumn[], choices: Choices): Aggregate {
  const usable = columns.filter(isKey);
  if (usable.length === 0) return { aggregation: count() as Aggregation, sql: "count(*)", exact: true };
  const { name, type } = choices.of(usable);
  const value = quoted(name);
  const isNumber = /int|float|decimal/.test(type.kind);
  const options: Aggregate[] = [
    { aggregation: count(name) as Aggregation, sql: `count(${value})`, exact: true },
    { aggregation: countDistinct(name), sql: `count(DISTINCT ${value})`, exact: true },
    { aggregation: min(name), sql: `min(${value})`, exact: true },
    { aggregation: max(name), sql: `max(${value})`, exact: true },
  ];
  if (type.kind === "bool") {
    options.push({ aggregation: every(name), sql: `bool_and(${value})`, exact: true });
    options.push({ aggregation: some(name), sql: `bool_or(${value})`, exact: true });
  }
  if (isNumber) {
    const isFloat = type.kind.startsWith("float");
    const number = `${value}::DOUBLE`;
    options.push({ aggregation: sum(name), sql: `sum(${value})`, exact: true });
    // DuckDB's mean of NaN and infinities may be either NaN; ours too.
    options.push({ aggregation: avg(name), sql: `avg(${value})`, exact: false });
    if (!isFloat && type.kind !== "decimal") {
      options.push({ aggregation: stddev(name), sql: `stddev_samp(${number})`, exact: false });
      options.push({ aggregation: median(name), sql: `median(${number})`, exact: false });
      options.push({ aggregation: quantile(name, 0.25), sql: `quantile_cont(${number}, 0.25)`, exact: false });
      options.push({ aggregation: largest(name, 2), sql: `coalesce(max(${value}, 2), [])`, exact: true });
      options.push({ aggregation: smallest(name, 3), sql: `coalesce(min(${value}, 3), [])`, exact: true });
    }
  }
  return choices.of(options);
}

const aggregate: Step = async ({ data, sql, columns }, choices) => {
  const keys = choices.below(6) === 0 ? [] : kept(choices, columns.filter(isKey), 3);
  const chosen = Array.from({ length: 1 + choices.below(4) }, (_, i) => ({
    name: freshName(keys, `a${i}`),
    ...(i === 0
      ? { aggregation: count() as Aggregation, sql: "count(*)", exact: true }
      : anyAggregate(columns, choices)),
  }));
  const aggregations = Object.fromEntries(chosen.map(({ name, aggregation }) => [name, aggregation]));
  const names = namesOf(keys);
  const result = untyped(
    keys.length === 0 ? data.aggregate(aggregations) : data.groupBy(...names).aggregate(aggregations),
  );
  const types = await typed(result, [...keys, ...chosen]);
  const sqlColumns = chosen.map(
    (each, i) => `CAST(${each.sql} AS ${sqlType(types[keys.length + i].type)}) AS ${quoted(each.name)}`,
  );
  const group = keys.length === 0 ? "" : ` GROUP BY ${listed(names)}`;
  return {
    data: result,
    sql: `SELECT ${[...names.map(quoted), ...sqlColumns].join(", ")} FROM (${sql})${group}`,
    columns: types,
  };
};

const distinct: Step = (input, choices) => {
  const columns = kept(choices, input.columns.filter(isKey), 4);
  if (columns.length === 0) return input;
  const { data, sql } = picked(input, columns);
  return { data: data.distinct(), sql: `SELECT DISTINCT * FROM (${sql})`, columns };
};

/** Which row stands for the others is open, so only the columns that are equal are looked at. */
const distinctOf: Step = (input, choices) => {
  const columns = kept(choices, input.columns.filter(isKey), 2);
  if (columns.length === 0) return input;
  const names = namesOf(columns);
  return {
    data: untyped(input.data.distinct(...names).select(...names)),
    sql: `SELECT DISTINCT ${listed(names)} FROM (${input.sql})`,
    columns,
  };
};

interface Order {
  readonly name: string;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

const anyOrder = (columns: readonly PipelineColumn[], choices: Choices): Order[] => {
  const start = choices.below(Math.max(1, columns.length));
  return [...columns.slice(start), ...columns.slice(0, start)].map(({ name }) => ({
    name,
    descending: choices.below(2) === 1,
    nullsFirst: choices.below(3) === 1,
  }));
};
const ordering = ({ name, descending, nullsFirst }: Order) => (descending ? desc : asc)(name, { nullsFirst });
const orderSql = (order: readonly Order[]) =>
  order
    .map(
      ({ name, descending, nullsFirst }) =>
        `${quoted(name)} ${descending ? "DESC" : "ASC"} NULLS ${nullsFirst ? "FIRST" : "LAST"}`,
    )
    .join(", ");

/** By all columns, so that which rows come first is certain. */
const top: Step = (input, choices) => {
  if (!input.columns.some(isKey)) return input;
  const { data, sql, columns } = picked(input, input.columns.filter(isKey));
  const order = anyOrder(columns, choices);
  const [rows, offset] = [choices.of([0, 1, 3, 20, 500]), choices.of([0, 0, 2, 30])];
  return {
    data: data.orderBy(...order.map(ordering)).first(rows, { offset }),
    sql: `SELECT * FROM (${sql}) ORDER BY ${orderSql(order)} LIMIT ${rows} OFFSET ${offset}`,
    columns,
  };
};

const firstOfGroups: Step = (input, choices) => {
  if (!input.columns.some(isKey)) return input;
  const { data, sql, columns } = picked(input, input.columns.filter(isKey));
  const keys = namesOf(kept(choices, columns, 2));
  const order = anyOrder(columns, choices);
  const rows = 1 + choices.below(3);
  return {
    data: untyped(
      data
        .groupBy(...keys)
        .sortGroup(...order.map(ordering))
        .first(rows),
    ),
    sql: `SELECT * FROM (${sql}) QUALIFY row_number() OVER (PARTITION BY ${listed(keys)} ORDER BY ${orderSql(order)}) <= ${rows}`,
    columns,
  };
};

/** No effect on the rows; another way through exchanges, threads and closures. */
const detour: Step = ({ data, sql, columns }, choices) => {
  const keys = namesOf(columns.filter(isKey));
  switch (choices.below(5)) {
    case 0:
      return { data: data.rebalance(), sql, columns };
    case 1:
      return { data: keys.length === 0 ? data : data.partitionByHash(choices.of(keys)), sql, columns };
    case 2:
      return { data: keys.length === 0 ? data : data.orderBy(desc(choices.of(keys))), sql, columns };
    case 3:
      return { data: data.filter(() => true), sql, columns };
    default:
      return { data: keys.length === 0 ? data : data.partitionByRange(choices.of(keys)), sql, columns };
  }
};

/** Through objects of JavaScript and back. */
const copied: Step = async ({ data, sql, columns }) => ({
  data: untyped(data.map((row) => ({ ...row }), { schema: await data.schema() })),
  sql,
  columns,
});

const doubled: Step = async ({ data, sql, columns }) => ({
  data: untyped(data.flatMap((row) => [{ ...row }, { ...row }], { schema: await data.schema() })),
  sql: `SELECT * FROM (${sql}) UNION ALL SELECT * FROM (${sql})`,
  columns,
});

const persisted: Step = async ({ data, sql, columns }) => ({ data: await data.persist(), sql, columns });

const unnest: Step = ({ data, sql, columns }, choices) => {
  const lists = columns.filter(({ type }) => type.kind === "list");
  if (lists.length === 0) return { data, sql, columns };
  const { name, type, exact } = choices.of(lists);
  const others = columns.filter((column) => column.name !== name);
  const keepEmpty = choices.below(2) === 0;
  const list = keepEmpty
    ? `CASE WHEN ${quoted(name)} IS NULL OR len(${quoted(name)}) = 0 THEN [NULL] ELSE ${quoted(name)} END`
    : quoted(name);
  return {
    data: untyped(data.unnest(name as never, { keepEmpty })),
    sql: `SELECT ${[...others.map((column) => quoted(column.name)), `unnest(${list}) AS ${quoted(name)}`].join(", ")} FROM (${sql})`,
    columns: [...others, { name, exact, type: type.kind === "list" ? type.element : type }],
  };
};

const JOINS = ["inner", "inner", "left", "right", "full", "semi", "anti"] as const;
const HINTS = [
  "OPTIMIZER_CHOOSES",
  "OPTIMIZER_CHOOSES",
  "OPTIMIZER_CHOOSES",
  "BROADCAST_HASH_FIRST",
  "BROADCAST_HASH_SECOND",
  "REPARTITION_HASH_FIRST",
  "REPARTITION_HASH_SECOND",
  "REPARTITION_SORT_MERGE",
] as const;

/** All joins look alike to a plan that knows no types. */
function startJoin(left: DataSet, right: DataSet, type: (typeof JOINS)[number], hint: (typeof HINTS)[number]) {
  const builders = {
    inner: () => left.join(right, { hint }),
    left: () => left.leftOuterJoin(right, { hint }),
    right: () => left.rightOuterJoin(right, { hint }),
    full: () => left.fullOuterJoin(right, { hint }),
    semi: () => left.semiJoin(right, { hint }),
    anti: () => left.antiJoin(right, { hint }),
  };
  return builders[type]() as ReturnType<typeof builders.full>;
}

/** The pipeline with names for its columns that the other one does not have. */
function apartFrom(other: Pipeline, { data, sql, columns }: Pipeline): Pipeline {
  let prefix = "j";
  while (other.columns.some(({ name }) => name.startsWith(prefix))) prefix += "j";
  return {
    data: untyped(data.rename(Object.fromEntries(columns.map(({ name }, i) => [name, `${prefix}${i}`])))),
    sql: `SELECT ${columns.map(({ name }, i) => `${quoted(name)} AS ${prefix}${i}`).join(", ")} FROM (${sql})`,
    columns: columns.map((column, i) => ({ ...column, name: `${prefix}${i}` })),
  };
}

const join: Step = (left, choices, other) => {
  const right = apartFrom(left, picked(other, kept(choices, other.columns, 5)));
  const pairs = left.columns
    .filter(isKey)
    .flatMap((a) => right.columns.filter((b) => isKey(b) && sameType(a.type, b.type)).map((b) => [a, b] as const));
  if (pairs.length === 0) return left;
  const chosen = Array.from({ length: 1 + choices.below(2) }, () => choices.of(pairs));
  const [type, hint] = [choices.of(JOINS), choices.of(HINTS)];
  const on = chosen.map(([a, b]) => `l.${quoted(a.name)} = r.${quoted(b.name)}`).join(" AND ");
  const isHalf = type === "semi" || type === "anti";
  return {
    data: untyped(
      startJoin(left.data, right.data, type, hint)
        .where(...chosen.map(([a]) => a.name))
        .equalTo(...chosen.map(([, b]) => b.name)),
    ),
    sql: `SELECT ${isHalf ? "l.*" : "l.*, r.*"} FROM (${left.sql}) AS l ${type} JOIN (${right.sql}) AS r ON ${on}`,
    columns: isHalf ? left.columns : [...left.columns, ...right.columns],
  };
};

/** On keys of one name, which stand in the result once. */
const joinByName: Step = (left, choices, other) => {
  const shared = left.columns.filter(
    (a) => isKey(a) && other.columns.some((b) => isKey(b) && a.name === b.name && sameType(a.type, b.type)),
  );
  if (shared.length === 0) return left;
  const keys = namesOf(kept(choices, shared, 2));
  const right = picked(
    other,
    other.columns.filter(({ name }) => keys.includes(name) || choices.below(5) === 0),
  );
  const others = right.columns.filter(({ name }) => !keys.includes(name));
  const clashes = others.filter(({ name }) => left.columns.some((column) => column.name === name));
  if (clashes.some(({ name }) => left.columns.some((column) => column.name === `${name}_right`))) return left;
  const names = others.map((column) => (clashes.includes(column) ? `${column.name}_right` : column.name));
  const type = choices.of(["inner", "left", "right", "full"] as const);
  const fromLeft = left.columns.map(({ name }) =>
    keys.includes(name)
      ? `${type === "right" ? "r" : type === "full" ? `coalesce(l.${quoted(name)}, r` : "l"}.${quoted(name)}${type === "full" ? ")" : ""} AS ${quoted(name)}`
      : `l.${quoted(name)}`,
  );
  const fromRight = others.map(({ name }, i) => `r.${quoted(name)} AS ${quoted(names[i])}`);
  const on = keys.map((key) => `l.${quoted(key)} = r.${quoted(key)}`).join(" AND ");
  return {
    data: untyped(
      startJoin(left.data, right.data, type, choices.of(HINTS))
        .where(...keys)
        .equalTo(...keys),
    ),
    sql: `SELECT ${[...fromLeft, ...fromRight].join(", ")} FROM (${left.sql}) AS l ${type} JOIN (${right.sql}) AS r ON ${on}`,
    columns: [...left.columns, ...others.map((column, i) => ({ ...column, name: names[i] }))],
  };
};

/** Columns of the same types of both. */
const union: Step = (left, choices, right) => {
  const pairs = left.columns.flatMap((a) => {
    const b = right.columns.find(({ type }) => sameType(a.type, type));
    return b === undefined ? [] : [[a, b] as const];
  });
  if (pairs.length === 0) return left;
  const chosen = pairs.slice(0, 1 + choices.below(pairs.length));
  const side = ({ data, sql }: Pipeline, at: 0 | 1) => ({
    data: untyped(data.select(Object.fromEntries(chosen.map((pair, i) => [`u${i}`, col(pair[at].name)])))),
    sql: `SELECT ${chosen.map((pair, i) => `${quoted(pair[at].name)} AS u${i}`).join(", ")} FROM (${sql})`,
  });
  const [a, b] = [side(left, 0), side(right, 1)];
  return {
    data: a.data.union(b.data),
    sql: `${a.sql} UNION ALL ${b.sql}`,
    columns: chosen.map(([x, y], i) => ({ name: `u${i}`, type: x.type, exact: x.exact && y.exact })),
  };
};

const unionByName: Step = (left, choices, other) => {
  const isOdd = ({ name, type }: PipelineColumn) =>
    left.columns.some((column) => column.name === name && !sameType(column.type, type));
  const right = picked(
    other,
    kept(
      choices,
      other.columns.filter((column) => !isOdd(column)),
      8,
    ),
  );
  if (right.columns.length === 0) return left;
  const added = right.columns.filter(({ name }) => !left.columns.some((column) => column.name === name));
  return {
    data: untyped(left.data.unionByName(right.data, { allowMissing: true })),
    sql: `SELECT * FROM (${left.sql}) UNION ALL BY NAME SELECT * FROM (${right.sql})`,
    columns: [
      ...left.columns.map((column) => ({
        ...column,
        exact: column.exact && right.columns.every(({ name, exact }) => name !== column.name || exact),
      })),
      ...added,
    ],
  };
};

const cross: Step = async (left, choices, other) => {
  const few = await top(other, choices, other);
  const right = apartFrom(left, few);
  const [a, b] = [await top(left, choices, left), right];
  return {
    data: untyped(a.data.cross(b.data)),
    sql: `SELECT * FROM (${a.sql}) AS l, (${b.sql}) AS r`,
    columns: [...a.columns, ...b.columns],
  };
};

const UNARY: readonly Step[] = [
  filter,
  filter,
  filter,
  select,
  rename,
  compute,
  compute,
  compute,
  aggregate,
  aggregate,
  aggregate,
  distinct,
  distinctOf,
  top,
  firstOfGroups,
  detour,
  detour,
  copied,
  doubled,
  persisted,
  unnest,
];
const BINARY: readonly Step[] = [join, join, join, join, joinByName, joinByName, union, union, unionByName, cross];

/**
 * Applies one step to the top of a stack of pipelines: any list of numbers is a plan. `rowsOf` counts the rows of a
 * query; a step that gives more than `mostRows` is left out.
 */
export async function step(
  stack: readonly Pipeline[],
  choices: Choices,
  rowsOf: (sql: string) => Promise<number>,
  mostRows: number,
): Promise<Pipeline[]> {
  const [first, ...rest] = stack;
  const kind = choices.below(12);
  if (kind === 10) return [first, ...stack]; // one dataset, used twice
  if (kind === 11) return [...rest, first];
  const isBinary = kind >= 6;
  const [other = first] = rest; // with one dataset left: with itself
  const next = await choices.of(isBinary ? BINARY : UNARY)(first, choices, other);
  const result = (await rowsOf(next.sql)) > mostRows ? first : next;
  return isBinary ? [result, ...rest.slice(1)] : [result, ...rest];
}

/** Orders by some columns, or by none; the second value are those whose sequence is then certain. */
export function ordered(input: Pipeline, choices: Choices): [Pipeline, PipelineColumn[]] {
  const keys = choices.below(2) === 0 ? [] : kept(choices, input.columns.filter(isKey), 3);
  if (keys.length === 0) return [input, []];
  const order = anyOrder(keys, choices);
  return [
    {
      data: input.data.orderBy(...order.map(ordering)),
      sql: `SELECT * FROM (${input.sql}) ORDER BY ${orderSql(order)}`,
      columns: input.columns,
    },
    keys,
  ];
}
