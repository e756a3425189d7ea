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
import { utf8 } from "../../core/types.ts";
import type { BadLines } from "../csv/csv-options.ts";
import { RecordReader } from "../csv/record-reader.ts";
import type { Compression } from "../files/byte-input.ts";
import { ColumnSelection } from "../files/column-selection.ts";
import { partitionColumns } from "../files/partition-values.ts";
import { expandPaths, type FoundFile } from "../files/paths.ts";
import { lineFormat } from "../files/record-format.ts";
import { SPLIT_BYTES, type TextSplit, textSplits } from "../files/text-splits.ts";

export interface TextSourceSpec extends SourceSpec {
  readonly kind: "text";
  readonly paths: string | readonly string[];
  readonly columns?: readonly string[];
  readonly compression?: Compression | "auto";
  readonly badLines?: BadLines;
  /** Lines that are not UTF-8 are bad lines, or their wrong bytes become U+FFFD. Default "fail". */
  readonly invalidUtf8?: "fail" | "replace";
  /** Longest line; default 64 MiB. */
  readonly maxRecordBytes?: number;
  readonly splitBytes?: number;
  /** Found on the planning thread. */
  readonly partitionFields?: readonly Field[];
}

const DEFAULT_MAX_LINE_BYTES = 64 * 1024 * 1024;
const LINE: Field = { name: "line", type: utf8 };

export const textSource: SourceFactory = (spec, host) => new TextSource(spec as TextSourceSpec, host);

/**
 * Lines of text as one utf8 column `line`, without their LF or CRLF; empty lines are rows, too.
 * @throws {DataError} TEXT_UTF8_INVALID, RECORD_TOO_LONG, TEXT_ENCODING, COMPRESSED_CORRUPT.
 */
export class TextSource implements Source {
  readonly spec: TextSourceSpec;
  readonly schema: Schema;
  readonly #host: Host;
  readonly #selection: ColumnSelection;
  #files: FoundFile[] | undefined;

  constructor(spec: TextSourceSpec, host: Host) {
    this.#host = host;
    this.spec = spec;
    const partitionFields = spec.partitionFields ?? partitionColumns(this.#found().map((file) => file.path)).fields;
    this.spec = { ...spec, partitionFields };
    this.#selection = new ColumnSelection([LINE], partitionFields, spec.columns);
    this.schema = this.#selection.schema;
  }

  get statistics(): SourceStatistics {
    return { bytes: this.#found().reduce((sum, file) => sum + file.sizeBytes, 0) };
  }

  get description(): string {
    const { paths } = this.spec;
    return `text ${typeof paths === "string" ? paths : paths.join(", ")}`;
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
    const hasLine = this.#selection.fileColumns.length > 0;
    const reader = new RecordReader(
      context,
      text,
      {
        format: lineFormat(maxRecordBytes),
        schema: new Schema(hasLine ? [LINE] : []),
        fieldIndices: hasLine ? [0] : [],
        header: undefined,
        nulls: [],
        dropsBadLines: badLines === "drop",
        replacesInvalidUtf8: invalidUtf8 === "replace",
        codePrefix: "TEXT",
      },
      offset,
    );
    return this.#selection.reader(context.workspace, reader, text.partitions);
  }

  withColumns(columns: readonly string[]): TextSource {
    return new TextSource({ ...this.spec, columns }, this.#host);
  }

  #found(): FoundFile[] {
    this.#files ??= expandPaths(this.#host.files, this.spec.paths);
    return this.#files;
  }
}
