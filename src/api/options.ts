import type { ArrowSinkSpec } from "../connectors/arrow/arrow-sink.ts";
import type { CsvOptions } from "../connectors/csv/csv-options.ts";
import type { CsvSinkSpec } from "../connectors/csv/csv-sink.ts";
import type { JsonSinkSpec } from "../connectors/json/json-sink.ts";
import type { JsonSourceSpec } from "../connectors/json/json-source.ts";
import type { ParquetSinkSpec } from "../connectors/parquet/parquet-sink.ts";
import type { TextSinkSpec } from "../connectors/text/text-sink.ts";
import type { TextSourceSpec } from "../connectors/text/text-source.ts";
import { describeValue } from "../core/describe-value.ts";
import { PlanError } from "../core/errors.ts";
import { nearestNames } from "../core/expressions/suggest.ts";
import { Schema } from "../core/schema.ts";
import type { Fields } from "../core/types.ts";
import type { DeclaredReadOptions } from "./declared-columns.ts";

// Options of the API's methods. The compiler refuses an unknown name only in a literal; a misspelt one that comes from
// JavaScript or through a variable would pass for a default, so the names are checked again when a method is called.

export type CsvReadOptions<F extends Fields = Fields> = Omit<CsvOptions, "schema"> & { readonly schema?: Schema<F> };

export type JsonReadOptions<F extends Fields = Fields> = Pick<
  JsonSourceSpec,
  "timestamps" | "badLines" | "invalidUtf8" | "compression"
> & { readonly schema?: Schema<F> };

export type TextReadOptions = Pick<TextSourceSpec, "badLines" | "invalidUtf8" | "compression">;

/** Options of a file sink besides its path. */
export type SinkOptions<S> = {
  readonly [N in keyof S as string extends N ? never : N extends "kind" | "path" ? never : N]?: S[N];
};

/** Every name of a type of options; the compiler sees to it that none is missing. */
const namesOf = <O extends object>(names: { readonly [N in keyof Required<O>]: true }): readonly string[] =>
  Object.keys(names);

const fileSink = { overwrite: true, partitionBy: true } as const;

/** The options of each method. */
const OPTIONS = {
  readParquet: namesOf<DeclaredReadOptions>({ schema: true }),
  readArrow: namesOf<DeclaredReadOptions>({ schema: true }),
  readCsv: namesOf<CsvReadOptions>({
    delimiter: true,
    quote: true,
    escape: true,
    comment: true,
    header: true,
    nulls: true,
    schema: true,
    badLines: true,
    invalidUtf8: true,
    compression: true,
    multiline: true,
    maxRecordBytes: true,
    splitBytes: true,
  }),
  readJson: namesOf<JsonReadOptions>({
    schema: true,
    timestamps: true,
    badLines: true,
    invalidUtf8: true,
    compression: true,
  }),
  readText: namesOf<TextReadOptions>({ badLines: true, invalidUtf8: true, compression: true }),
  writeParquet: namesOf<SinkOptions<ParquetSinkSpec>>({
    ...fileSink,
    codec: true,
    rowGroupRows: true,
    rowGroupBytes: true,
    dataPageVersion: true,
    pageRows: true,
    pageBytes: true,
    dictionary: true,
    checksums: true,
    bloomFilters: true,
    keyValues: true,
  }),
  writeCsv: namesOf<SinkOptions<CsvSinkSpec>>({
    ...fileSink,
    delimiter: true,
    header: true,
    null: true,
    compression: true,
  }),
  writeJson: namesOf<SinkOptions<JsonSinkSpec>>({ ...fileSink, compression: true }),
  writeArrow: namesOf<SinkOptions<ArrowSinkSpec>>({ ...fileSink, format: true }),
  writeText: namesOf<SinkOptions<TextSinkSpec>>({ ...fileSink, compression: true }),
};

/**
 * The options as they are, once every name of them is known.
 * @throws {PlanError} OPTION_UNKNOWN, OPTION_INVALID
 */
export function checkedOptions<O extends object>(method: string, options: O, names: readonly string[]): O {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new PlanError(
      "OPTION_INVALID",
      `The options of ${method} are ${describeValue(options)}.`,
      names.length === 0 ? "It has none: leave them out." : `Give an object, with any of ${names.join(", ")}.`,
    );
  }
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    const near = nearestNames(name, names).map((each) => `"${each}"`);
    throw new PlanError(
      "OPTION_UNKNOWN",
      `${method} has no option "${name}".`,
      `${near.length === 0 ? "" : `Did you mean ${near.join(" or ")}? `}Its options are ${names.map((each) => `"${each}"`).join(", ")}.`,
    );
  }
  return options;
}

const isText = (value: unknown): boolean => typeof value === "string";

const boolean = { holds: (value: unknown) => typeof value === "boolean", says: "true or false" };
const texts = { holds: (value: unknown) => Array.isArray(value) && value.every(isText), says: "a list of texts" };
const oneOf = (...values: readonly string[]) => ({
  holds: (value: unknown) => values.includes(value as string),
  says: values.map((value) => `"${value}"`).join(" or "),
});

/** What options may be that their connector would take for something else. */
const VALUES: Readonly<Record<string, { readonly holds: (value: unknown) => boolean; readonly says: string }>> = {
  schema: { holds: (value) => value instanceof Schema, says: "a Schema, such as Schema.of({ id: types.int64 })" },
  badLines: oneOf("fail", "drop"),
  invalidUtf8: oneOf("fail", "replace"),
  header: boolean,
  multiline: boolean,
  timestamps: boolean,
  dictionary: boolean,
  checksums: boolean,
  nulls: texts,
  partitionBy: texts,
  bloomFilters: texts,
  null: { holds: isText, says: "a text" },
  splitBytes: { holds: (value) => Number.isSafeInteger(value) && Number(value) >= 1, says: "a whole number from 1" },
};

/** The options of a method whose names are known here. */
export function optionsOf<O extends object>(method: keyof typeof OPTIONS, options: O): O {
  for (const [name, value] of Object.entries(checkedOptions(method, options, OPTIONS[method]))) {
    const expected = Object.hasOwn(VALUES, name) ? VALUES[name] : undefined;
    if (value === undefined || expected === undefined || expected.holds(value)) continue;
    throw new PlanError(
      "OPTION_INVALID",
      `The option "${name}" of ${method} is ${describeValue(value)}.`,
      `It is ${expected.says}.`,
    );
  }
  return options;
}

/** Also one of another realm, or of a library. */
const isAbortSignal = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "aborted" in value && "addEventListener" in value;

/** The options of every method that starts a job. */
export function checkedSignal(method: string, options: { signal?: AbortSignal }): AbortSignal | undefined {
  const { signal } = checkedOptions(method, options, ["signal"]);
  return abortSignal(method, signal);
}

/** @throws {PlanError} OPTION_INVALID */
export function abortSignal(method: string, signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal === undefined || isAbortSignal(signal)) return signal;
  throw new PlanError(
    "OPTION_INVALID",
    `The option "signal" of ${method} is ${describeValue(signal)}.`,
    "It is an AbortSignal: controller.signal, or AbortSignal.timeout(ms).",
  );
}
