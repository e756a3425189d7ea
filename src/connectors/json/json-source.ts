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
import type { BadLines } from "../csv/csv-options.ts";
import type { Compression } from "../files/byte-input.ts";
import { ColumnSelection } from "../files/column-selection.ts";
import { partitionColumns } from "../files/partition-values.ts";
import { expandPaths, type FoundFile } from "../files/paths.ts";
import { readSamples, type TextSample } from "../files/sample.ts";
import { SPLIT_BYTES, type TextSplit, textSplits } from "../files/text-splits.ts";
import { JsonReader } from "./json-reader.ts";
import { inferJsonFields } from "./json-sample.ts";

export interface JsonSourceSpec extends SourceSpec {
  readonly kind: "json";
  readonly paths: string | readonly string[];
  readonly columns?: readonly string[];
  /** Columns and types; default: found in the first lines. Keys that are not in it are skipped. */
  readonly schema?: readonly Field[];
  /** Whether ISO 8601 texts are found as dates and timestamps; default false. */
  readonly timestamps?: boolean;
  readonly badLines?: BadLines;
  readonly invalidUtf8?: "fail" | "replace";
  readonly compression?: Compression | "auto";
  /** Longest line; default 64 MiB. */
  readonly maxRecordBytes?: number;
  readonly splitBytes?: number;
  /** Found on the planning thread. */
  readonly fileFields?: readonly Field[];
  readonly partitionFields?: readonly Field[];
}

const DEFAULT_MAX_LINE_BYTES = 64 * 1024 * 1024;

export const jsonSource: SourceFactory = (spec, host) => new JsonSource(spec as JsonSourceSpec, host);

/**
 * JSON lines: one object per line; blank lines are skipped, a missing key is null. Integers and decimals keep all their
 * digits. See json-values.ts for what fits which type.
 * @throws {DataError} JSON_INVALID, JSON_VALUE_INVALID, JSON_UTF8_INVALID, RECORD_TOO_LONG, TEXT_ENCODING,
 * COMPRESSED_CORRUPT.
 */
export class JsonSource implements Source {
  readonly spec: JsonSourceSpec;
  readonly schema: Schema;
  readonly #host: Host;
  readonly #selection: ColumnSelection;
  #files: FoundFile[] | undefined;

  constructor(spec: JsonSourceSpec, host: Host) {
    this.#host = host;
    this.spec = spec;
    const fileFields = spec.fileFields ?? this.#fileFields();
    const partitionFields = spec.partitionFields ?? partitionColumns(this.#found().map((file) => file.path)).fields;
    this.spec = { ...spec, fileFields, partitionFields };
    this.#selection = new ColumnSelection(fileFields, partitionFields, spec.columns);
    this.schema = this.#selection.schema;
  }

  get statistics(): SourceStatistics {
    return { bytes: this.#found().reduce((sum, file) => sum + file.sizeBytes, 0) };
  }

  get description(): string {
    const { paths } = this.spec;
    return `json ${typeof paths === "string" ? paths : paths.join(", ")} (${this.schema.fields.length} columns)`;
  }

  splits(): readonly Split[] {
    const files = this.#found();
    const { compression, splitBytes = SPLIT_BYTES } = this.spec;
    const partitions = partitionColumns(files.map((file) => file.path));
    return textSplits(files, partitions, { compression, isSplittable: true, splitBytes });
  }

  openSplit(split: Split, context: SourceContext, offset?: Json): SplitReader {
    const { badLines, invalidUtf8, maxRecordBytes = DEFAULT_MAX_LINE_BYTES } = this.spec;
    const text = split.payload as unknown as TextSplit;
    const reader = new JsonReader(
      context,
      text,
      {
        schema: this.schema.pick(this.#selection.fileColumns),
        dropsBadLines: badLines === "drop",
        replacesInvalidUtf8: invalidUtf8 === "replace",
        maxRecordBytes,
      },
      offset,
    );
    return this.#selection.reader(context.workspace, reader, text.partitions);
  }

  withColumns(columns: readonly string[]): JsonSource {
    return new JsonSource({ ...this.spec, columns }, this.#host);
  }

  #found(): FoundFile[] {
    this.#files ??= expandPaths(this.#host.files, this.spec.paths);
    return this.#files;
  }

  #fileFields(): readonly Field[] {
    const { schema, compression, timestamps = false } = this.spec;
    if (schema !== undefined) return new Schema(schema).fields;
    const read = (): Iterable<TextSample> => readSamples(this.#host.files, this.#found(), compression);
    const fields = inferJsonFields(read(), timestamps);
    if (fields.length > 0) return fields;
    const [sample] = read();
    throw noObject(sample);
  }
}

function noObject({ path, text, isWhole }: TextSample): PlanError {
  const start = text.trimStart();
  if (start.startsWith("[")) {
    return new PlanError(
      "JSON_NO_OBJECT",
      `"${path}" holds a JSON array, and not one JSON object per line.`,
      "Write its elements as lines, for example with jq -c '.[]', or parse it and use fromRows.",
    );
  }
  if (!isWhole && !start.includes("\n")) {
    return new PlanError(
      "JSON_NO_OBJECT",
      `The first line of "${path}" is longer than the part of a file in which columns are looked for.`,
      "Check that the file holds one JSON object per line; if it does, give a schema.",
    );
  }
  return new PlanError(
    "JSON_NO_OBJECT",
    `"${path}" has no JSON object in its first lines to find columns in.`,
    "Check that the file holds one JSON object per line, or give a schema.",
  );
}
