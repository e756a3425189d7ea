import { PlanError } from "../../core/errors.ts";
import { nearestNames } from "../../core/expressions/suggest.ts";
import type { Schema } from "../../core/schema.ts";
import { type DataType, formatType } from "../../core/types.ts";
import { quoted, quotedIn } from "./names.ts";
import type { PostgresClient } from "./postgres-client.ts";
import { keyOf, type PostgresSinkOptions } from "./postgres-options.ts";

/** A column of the table as the catalogue tells it. */
interface CatalogueColumn {
  readonly name: string;
  /** As it is written in SQL: numeric(10,2), "app"."mood". */
  readonly type: string;
  /** Of the type, or of that below a domain: int8, numeric, _text (an array of texts). */
  readonly baseType: string;
  readonly isRequired: boolean;
  /** Filled in by the server where it is not given. */
  readonly hasDefault: boolean;
  readonly isGenerated: boolean;
}

/** The table that rows go to. */
export interface TargetTable {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly CatalogueColumn[];
}

/** A column of the stream and the one of the table that it fills. */
export interface TargetColumn extends CatalogueColumn {
  readonly source: string;
  /** The server reads JSON, an array, or the plain text of the value. */
  readonly form: "json" | "array" | "text";
}

/** @throws {PlanError} POSTGRES_TABLE_UNKNOWN */
export async function findTable(client: PostgresClient, options: PostgresSinkOptions): Promise<TargetTable> {
  const { schema, table } = options;
  const name = schema === undefined ? quoted(table) : quotedIn(schema, table);
  const doing = `look at the table ${name}`;
  const [found] = await client.query(
    doing,
    `SELECT c.oid, n.nspname AS schema, c.relname AS name FROM pg_catalog.pg_class c
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.oid = pg_catalog.to_regclass($1) AND c.relkind IN ('r', 'p', 'f', 'v')`,
    [name],
  );
  if (found === undefined) {
    throw new PlanError(
      "POSTGRES_TABLE_UNKNOWN",
      `There is no table ${name} in the database.`,
      "Create it, or see to table and schema: they are written as in the catalogue, without quotes.",
    );
  }
  const columns = await client.query(
    doing,
    `SELECT a.attname AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type, b.typname AS "baseType",
       a.attnotnull AS "isRequired", a.atthasdef OR a.attidentity <> '' AS "hasDefault",
       a.attgenerated <> '' OR a.attidentity = 'a' AS "isGenerated"
     FROM pg_catalog.pg_attribute a
     JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
     JOIN pg_catalog.pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
     WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
    [found.oid],
  );
  return {
    schema: found.schema as string,
    name: found.name as string,
    columns: columns as unknown as CatalogueColumn[],
  };
}

/**
 * Which columns of the table those of the stream fill, in the order of the stream.
 * @throws {PlanError} POSTGRES_COLUMNS where they do not fit: none of that name, another type, a required one left out
 */
export function matchColumns(target: TargetTable, schema: Schema, options: PostgresSinkOptions): TargetColumn[] {
  const { columns: renamed = {} } = options;
  const table = quotedIn(target.schema, target.name);
  for (const source of [...Object.keys(renamed), ...keyOf(options)]) {
    if (schema.names.includes(source)) continue;
    throw misfit(`The stream has no column "${source}".`, suggestion(source, schema.names));
  }
  const matched = schema.fields.map(({ name: source, type }) => {
    const name = Object.hasOwn(renamed, source) ? renamed[source] : source;
    const column = target.columns.find((each) => each.name === name);
    if (column === undefined) {
      const names = target.columns.map((each) => each.name);
      throw misfit(
        `The table ${table} has no column "${name}".`,
        `${suggestion(name, names)} Name it with columns: { ${JSON.stringify(source)}: ... }, or select other columns.`,
      );
    }
    if (column.isGenerated) {
      throw misfit(`The server generates the column "${name}" of ${table} itself.`, "Leave it out of the stream.");
    }
    const form = formFor(type, column.baseType);
    if (form !== undefined) return { ...column, source, form };
    throw misfit(
      `The column "${source}" has the type ${formatType(type)}, and "${name}" of ${table} is of the type ${column.type}.`,
      "Convert it with an expression, such as col(...).cast(...), or change the type in the table.",
    );
  });
  const filled = new Set(matched.map(({ name }) => name));
  if (filled.size < matched.length) throw misfit(`Two columns of the stream fill one of ${table}.`, "See to columns.");
  const empty = target.columns.find(
    ({ name, isRequired, hasDefault, isGenerated }) => isRequired && !hasDefault && !isGenerated && !filled.has(name),
  );
  if (empty === undefined) return matched;
  throw misfit(
    `The column "${empty.name}" of ${table} may not be null, and no column of the stream fills it.`,
    "Give the stream a column of that name, or the table a default.",
  );
}

/** Names in the table of the columns of the key. */
export const keyColumns = (options: PostgresSinkOptions): string[] =>
  keyOf(options).map((name) => options.columns?.[name] ?? name);

/** @throws {PlanError} POSTGRES_KEY_NOT_UNIQUE where nothing keeps the server from holding two rows of one key */
export async function checkKey(
  client: PostgresClient,
  { schema, name }: TargetTable,
  key: readonly string[],
): Promise<void> {
  const table = quotedIn(schema, name);
  const found = await client.query(
    `look at the indices of ${table}`,
    `SELECT 1 FROM pg_catalog.pg_index i
     WHERE i.indrelid = pg_catalog.to_regclass($1) AND i.indisunique AND i.indisvalid AND i.indimmediate
       AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnkeyatts = $3
       AND (SELECT count(*) FROM pg_catalog.pg_attribute a WHERE a.attrelid = i.indrelid AND a.attname = ANY($2)
            AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])) = $3`,
    [table, key, key.length],
  );
  if (found.length > 0) return;
  const columns = key.map(quoted).join(", ");
  throw new PlanError(
    "POSTGRES_KEY_NOT_UNIQUE",
    `The table ${table} has no unique index on exactly the columns of the key, ${columns}.`,
    `Make one: CREATE UNIQUE INDEX ON ${table} (${columns}).`,
  );
}

const NUMBERS = ["numeric", "float8", "float4"];
const TEXTS = ["text", "varchar", "bpchar"];

/** Types of the server that hold every value of a type, or refuse one that they do not; every one may go to a text. */
const SERVER_TYPES: Partial<Record<DataType["kind"], readonly string[]>> = {
  bool: ["bool"],
  int8: ["int2", "int4", "int8", ...NUMBERS],
  int16: ["int2", "int4", "int8", ...NUMBERS],
  int32: ["int2", "int4", "int8", ...NUMBERS],
  int64: ["int2", "int4", "int8", "numeric"],
  uint8: ["int2", "int4", "int8", ...NUMBERS],
  uint16: ["int2", "int4", "int8", ...NUMBERS],
  uint32: ["int4", "int8", "oid", ...NUMBERS],
  uint64: ["int8", "numeric"],
  float32: NUMBERS,
  float64: NUMBERS,
  decimal: ["numeric"],
  binary: ["bytea"],
  date: ["date", "timestamp"],
  time: ["time"],
  interval: ["interval"],
};
const JSON_TYPES = ["json", "jsonb"];

/** How values are written for a type of the server; undefined where they do not fit. */
function formFor(type: DataType, serverType: string): TargetColumn["form"] | undefined {
  switch (type.kind) {
    case "null":
    case "utf8":
      // The server reads texts as whatever the column is: uuid, json, inet, an enum.
      return "text";
    case "struct":
    case "map":
      return JSON_TYPES.includes(serverType) || TEXTS.includes(serverType) ? "json" : undefined;
    case "list": {
      if (JSON_TYPES.includes(serverType) || TEXTS.includes(serverType)) return "json";
      const isPlain = !["list", "struct", "map"].includes(type.element.kind);
      return isPlain && serverType.startsWith("_") && formFor(type.element, serverType.slice(1)) === "text"
        ? "array"
        : undefined;
    }
    case "timestamp": {
      const isFit = serverType === (type.timezone === undefined ? "timestamp" : "timestamptz");
      return isFit || TEXTS.includes(serverType) ? "text" : undefined;
    }
    default:
      if (TEXTS.includes(serverType) && type.kind !== "binary" && type.kind !== "interval") return "text";
      return SERVER_TYPES[type.kind]?.includes(serverType) ? "text" : undefined;
  }
}

const misfit = (what: string, hint: string): PlanError => new PlanError("POSTGRES_COLUMNS", what, hint);

function suggestion(name: string, names: readonly string[]): string {
  const near = nearestNames(name, names).map((each) => `"${each}"`);
  return near.length > 0
    ? `Did you mean ${near.join(" or ")}?`
    : `There are ${names.map((each) => `"${each}"`).join(", ")}.`;
}
