import { PlanError } from "../../core/errors.ts";
import type { Host } from "../../core/host.ts";
import { type Field, Schema } from "../../core/schema.ts";
import type {
  Json,
  Source,
  SourceContext,
  SourceFactory,
  SourceSpec,
  SourceStatistics,
  Split,
  SplitReader,
} from "../../core/source.ts";
import { ColumnSelection } from "../files/column-selection.ts";
import { partitionColumns } from "../files/partition-values.ts";
import { expandPaths, type FoundFile } from "../files/paths.ts";
import { readSamples } from "../files/sample.ts";
import { SPLIT_BYTES, type TextSplit, textSplits } from "../files/text-splits.ts";
import { type CsvOptions, checkCsvOptions, recordFormat } from "./csv-options.ts";
import { checkNewlines, columnNames, inferShape, parseRecords } from "./csv-sample.ts";
import { checkFieldTypes } from "./field-parsers.ts";
import { RecordReader } from "./record-reader.ts";

/** What a CSV source is made of; `layout` is found on the planning thread and travels with the spec. */
export interface CsvSourceSpec extends SourceSpec, CsvOptions {
  readonly kind: "csv";
  readonly paths: string | readonly string[];
  /** Names of the columns to give; default all. */
  readonly columns?: readonly string[];
  readonly layout?: CsvLayout;
}

interface CsvLayout {
  /** Columns in the order of the files; those without a type are not in the schema and are skipped. */
  readonly fileFields: readonly { readonly name: string; readonly type?: Field["type"] }[];
  readonly partitionFields: readonly Field[];
}

export const csvSource: SourceFactory = (spec, host) => new CsvSource(spec as CsvSourceSpec, host);

/**
 * Comma-separated values by RFC 4180: quoted fields may hold delimiters, newlines and doubled quotes; CRLF or LF; a byte
 * order mark and blank lines are skipped. Fields are converted by kernels, and only those of columns that are asked for.
 * A quote inside an unquoted field is text.
 * @throws {DataError} CSV_FIELD_COUNT, CSV_VALUE_INVALID, CSV_QUOTE_UNCLOSED, CSV_QUOTE_INVALID, CSV_UTF8_INVALID,
 * CSV_HEADER_MISMATCH, RECORD_TOO_LONG, TEXT_ENCODING, COMPRESSED_CORRUPT.
 */
export class CsvSource implements Source {
  readonly spec: CsvSourceSpec;
  readonly schema: Schema;
  readonly #host: Host;
  readonly #selection: ColumnSelection;
  readonly #layout: CsvLayout;
  #files: FoundFile[] | undefined;

  constructor(spec: CsvSourceSpec, host: Host) {
    checkCsvOptions(spec);
    checkFieldTypes(spec.schema ?? []);
    this.#host = host;
    this.#layout = spec.layout ?? this.#findLayout(spec);
    this.spec = { ...spec, layout: this.#layout };
    const typed = this.#layout.fileFields.filter((field): field is Field => field.type !== undefined);
    this.#selection = new ColumnSelection(
      inSchemaOrder(typed, spec.schema),
      this.#layout.partitionFields,
      spec.columns,
    );
    this.schema = this.#selection.schema;
  }

  get statistics(): SourceStatistics {
    return { bytes: this.#found().reduce((sum, file) => sum + file.sizeBytes, 0) };
  }

  get description(): string {
    const { paths } = this.spec;
    const name = typeof paths === "string" ? paths : paths.join(", ");
    return `csv ${name} (${this.schema.fields.length} columns)`;
  }

  splits(): readonly Split[] {
    const files = this.#found();
    const { compression, multiline = true, badLines, quote, comment, splitBytes = SPLIT_BYTES } = this.spec;
    // See record-start.ts: with quotes and malformed lines, or with comments, only the file's start is a sure start.
    const hasQuotes = quote !== null && multiline;
    const isSplittable = !(hasQuotes && badLines === "drop") && (comment ?? null) === null;
    const partitions = partitionColumns(files.map((file) => file.path));
    return textSplits(files, partitions, { compression, isSplittable, splitBytes });
  }

  openSplit(split: Split, context: SourceContext, offset?: Json): SplitReader {
    const { header, nulls = [""], badLines, invalidUtf8 } = this.spec;
    const text = split.payload as unknown as TextSplit;
    const { fileFields } = this.#layout;
    const { fileColumns } = this.#selection;
    const reader = new RecordReader(
      context,
      text,
      {
        format: recordFormat(this.spec, fileFields.length),
        schema: this.schema.pick(fileColumns),
        fieldIndices: fileColumns.map((name) => fileFields.findIndex((field) => field.name === name)),
        header: header === false ? undefined : fileFields.map((field) => field.name),
        nulls,
        dropsBadLines: badLines === "drop",
        replacesInvalidUtf8: invalidUtf8 === "replace",
        codePrefix: "CSV",
      },
      offset,
    );
    return this.#selection.reader(context.workspace, reader, text.partitions);
  }

  withColumns(columns: readonly string[]): CsvSource {
    return new CsvSource({ ...this.spec, columns }, this.#host);
  }

  #found(): FoundFile[] {
    this.#files ??= expandPaths(this.#host.files, this.spec.paths);
    return this.#files;
  }

  #findLayout(spec: CsvSourceSpec): CsvLayout {
    this.#files = expandPaths(this.#host.files, spec.paths);
    const partitionFields = partitionColumns(this.#files.map((file) => file.path)).fields;
    return { fileFields: this.#fileFields(spec, this.#files), partitionFields };
  }

  #fileFields(spec: CsvSourceSpec, files: readonly FoundFile[]): CsvLayout["fileFields"] {
    if (spec.schema !== undefined && spec.header === false) return new Schema(spec.schema).fields;
    // An empty file has no header; the others tell.
    const samples = readSamples(this.#host.files, files, spec.compression);
    if (spec.schema === undefined) return inferShape(samples, spec).fields;
    const [sample] = samples;
    const [header] = parseRecords(sample, spec, 1);
    checkNewlines(sample, header);
    if (header === undefined) return new Schema(spec.schema).fields; // no line at all: no row to misread
    const names = columnNames(header.map((field) => field.text));
    const missing = spec.schema.find((field) => !names.includes(field.name));
    if (missing !== undefined) {
      throw new PlanError(
        "CSV_COLUMN_MISSING",
        `The header of "${sample.path}" has no column "${missing.name}".`,
        `Its columns are ${names.map((name) => `"${name}"`).join(", ")}. Correct the schema, or set header: false.`,
      );
    }
    const types = new Map(spec.schema.map((field) => [field.name, field.type]));
    return names.map((name) => {
      const type = types.get(name);
      return type === undefined ? { name } : { name, type };
    });
  }
}

/** A given schema decides the order of the columns. */
function inSchemaOrder(fields: readonly Field[], schema: readonly Field[] | undefined): readonly Field[] {
  if (schema === undefined) return fields;
  return new Schema(schema).fields.filter((field) => fields.some((each) => each.name === field.name));
}
