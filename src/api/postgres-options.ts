import {
  checkPostgresOptions,
  POSTGRES_OPTIONS,
  type PostgresSinkOptions,
  type PostgresSinkSpec,
} from "../connectors/postgres/postgres-options.ts";
import { checkedOptions } from "./options.ts";

/** How rows go to a table of PostgreSQL; `K` and `C` are columns of theirs. */
export type PostgresOptions<K extends string = string, C extends string = string> = Omit<
  PostgresSinkOptions,
  "columns" | "key"
> & {
  /** Names in the table of columns that are called otherwise here: `{ id: "order_id" }`. */
  readonly columns?: { readonly [N in C]?: string };
  /** With `mode: "upsert"`: the columns that make the key. The table has a unique index on them. */
  readonly key?: K | readonly K[];
};

/**
 * The sink's own options, without `others`, which the method has beside them.
 * @throws {PlanError} OPTION_UNKNOWN, OPTION_INVALID
 */
export function postgresSpec(method: string, options: PostgresOptions, others: readonly string[]): PostgresSinkSpec {
  const given = checkedOptions(method, options, [...POSTGRES_OPTIONS, ...others]);
  const own = Object.entries(given).filter(([name, value]) => POSTGRES_OPTIONS.includes(name) && value !== undefined);
  const spec = Object.fromEntries(own) as unknown as PostgresSinkOptions;
  checkPostgresOptions(spec);
  return { ...spec, kind: "postgres" };
}
