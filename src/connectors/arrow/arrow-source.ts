import * as arrow from "apache-arrow";
import { fromArrow } from "../../core/arrow.ts";
import { schemaFromArrow, typeFromArrow } from "../../core/arrow-types.ts";
import type { Batch } from "../../core/batch.ts";
import { sliceBatch } from "../../core/columns/slice.ts";
import { EngineError } from "../../core/errors.ts";
import type { Host, ReadableFile } from "../../core/host.ts";
import { type Field, Schema } from "../../core/schema.ts";
import type {
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
import { findArrowFault } from "./arrow-check.ts";
import { registerArrowCodecs } from "./arrow-codecs.ts";
import {
  type ArrowMessages,
  arrowError,
  type ByteRange,
  readBytes,
  schemaMessage,
  walkMessages,
} from "./arrow-messages.ts";

export interface ArrowSourceSpec extends SourceSpec {
  readonly kind: "arrow";
  readonly paths: string | readonly string[];
  readonly columns?: readonly string[];
  /** Found on the planning thread. */
  readonly fileFields?: readonly Field[];
  readonly partitionFields?: readonly Field[];
}

/** Messages to read in order: the schema, every dictionary before the batches, then the batches. */
interface ArrowSplit {
  readonly path: string;
  readonly schema: ByteRange;
  readonly isFooter: boolean;
  readonly dictionaries: readonly ByteRange[];
  readonly batches: readonly ByteRange[];
  readonly partitions: readonly (string | null)[];
}

/** Record batches are read together up to this size, so that small ones do not make small splits. */
const SPLIT_BYTES = 16 * 1024 * 1024;

export const arrowSource: SourceFactory = (spec, host) => new ArrowSource(spec as ArrowSourceSpec, host);

/**
 * Arrow IPC files and streams (Feather version 2 is such a file), told apart by their content; buffers may be compressed
 * with LZ4 or zstd. Dictionary-encoded texts stay encoded. The files of one source have the same columns.
 * @throws {DataError} ARROW_NOT_ARROW, ARROW_TRUNCATED, ARROW_CORRUPT, ARROW_UNSUPPORTED, ARROW_SCHEMA_MISMATCH.
 */
export class ArrowSource implements Source {
  readonly spec: ArrowSourceSpec;
  readonly schema: Schema;
  readonly #host: Host;
  readonly #selection: ColumnSelection;
  #files: FoundFile[] | undefined;

  constructor(spec: ArrowSourceSpec, host: Host) {
    this.#host = host;
    this.spec = spec;
    const partitionFields = spec.partitionFields ?? partitionColumns(this.#found().map((file) => file.path)).fields;
    const fileFields = spec.fileFields ?? this.#schemaOf(this.#found()[0].path).fields;
    this.spec = { ...spec, fileFields, partitionFields };
    this.#selection = new ColumnSelection(fileFields, partitionFields, spec.columns);
    this.schema = this.#selection.schema;
  }

  get statistics(): SourceStatistics {
    return { bytes: this.#found().reduce((sum, file) => sum + file.sizeBytes, 0) };
  }

  get description(): string {
    const { paths } = this.spec;
    return `arrow ${typeof paths === "string" ? paths : paths.join(", ")} (${this.schema.fields.length} columns)`;
  }

  splits(): readonly Split[] {
    const files = this.#found();
    const { texts } = partitionColumns(files.map((file) => file.path));
    return files.flatMap((file, i) =>
      this.#withFile(file.path, (open) => splitsOf(open, walkMessages(open), texts[i])),
    );
  }

  openSplit(split: Split, context: SourceContext): SplitReader {
    const payload = split.payload as unknown as ArrowSplit;
    const { fileFields = [] } = this.spec;
    const expected = new Schema(fileFields);
    const file = this.#host.files.openRead(payload.path);
    const reader = new ArrowReader(context, file, payload, expected, this.#selection.fileColumns);
    return this.#selection.reader(context.workspace, reader, payload.partitions);
  }

  withColumns(columns: readonly string[]): ArrowSource {
    return new ArrowSource({ ...this.spec, columns }, this.#host);
  }

  #found(): FoundFile[] {
    this.#files ??= expandPaths(this.#host.files, this.spec.paths);
    return this.#files;
  }

  #schemaOf(path: string): Schema {
    return this.#withFile(path, (file) => {
      const { schema, isFooter } = walkMessages(file);
      return decoding(path, () => {
        const bytes = schemaMessage(file, schema, isFooter);
        return schemaFromArrow(arrow.RecordBatchReader.from([bytes]).open().schema);
      });
    });
  }

  #withFile<T>(path: string, use: (file: ReadableFile) => T): T {
    const file = this.#host.files.openRead(path);
    try {
      return use(file);
    } finally {
      file.close();
    }
  }
}

function splitsOf(file: ReadableFile, messages: ArrowMessages, partitions: readonly (string | null)[]): Split[] {
  const { schema, isFooter, dictionaries, batches } = messages;
  const splits: Split[] = [];
  for (let first = 0; first < batches.length; ) {
    let end = first + 1;
    const { start } = batches[first];
    while (end < batches.length && batches[end].end - start <= SPLIT_BYTES) end++;
    const own = batches.slice(first, end);
    const last = own[own.length - 1].end;
    const payload: ArrowSplit = {
      path: file.path,
      schema,
      isFooter,
      dictionaries: dictionaries.filter((range) => range.start < last),
      batches: own,
      partitions,
    };
    splits.push({
      id: `${file.path} batch ${first}`,
      bytes: last - start,
      payload: payload as unknown as Split["payload"],
    });
    first = end;
  }
  return splits;
}

class ArrowReader implements SplitReader {
  readonly #context: SourceContext;
  readonly #file: ReadableFile;
  readonly #columns: readonly string[];
  readonly #expected: Schema;
  readonly #batches: Iterator<arrow.RecordBatch>;
  /** A record batch that is given out in slices. */
  #whole: Batch | undefined;
  #start = 0;
  #isOpen = true;

  constructor(
    context: SourceContext,
    file: ReadableFile,
    split: ArrowSplit,
    expected: Schema,
    columns: readonly string[],
  ) {
    this.#context = context;
    this.#file = file;
    this.#expected = expected;
    this.#columns = columns;
    registerArrowCodecs();
    this.#batches = recordBatches(file, split);
  }

  next(): Batch | undefined {
    if (!this.#isOpen) return undefined;
    while (this.#whole === undefined || this.#start >= this.#whole.rowCount) {
      this.#whole?.release();
      this.#whole = undefined;
      this.#start = 0;
      const next = decoding(this.#file.path, () => this.#batches.next());
      if (next.done === true) {
        this.close();
        return undefined;
      }
      this.#whole = this.#import(next.value);
    }
    const { workspace, batchRows } = this.#context;
    const count = Math.min(batchRows, this.#whole.rowCount - this.#start);
    const slice = sliceBatch(workspace, this.#whole, this.#start, count);
    this.#start += count;
    return slice;
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#whole?.release();
    this.#whole = undefined;
    this.#file.close();
  }

  #import(recordBatch: arrow.RecordBatch): Batch {
    const { path } = this.#file;
    const fields = recordBatch.schema.fields.map((field, i) => {
      // apache-arrow calls a column without a name "null" in its batches.
      const name = this.#expected.fields[i]?.name === "" ? "" : field.name;
      return { name, type: typeFromArrow(field.type, name) };
    });
    const schema = new Schema(fields);
    if (!schema.equals(this.#expected)) {
      throw arrowError("ARROW_UNSUPPORTED", path, `its columns are ${schema}, but ${this.#expected} are expected`);
    }
    const indices = this.#columns.map((name) => schema.indexOf(name));
    for (const index of indices) {
      const fault = decoding(path, () => findArrowFault(recordBatch.data.children[index]));
      if (fault !== undefined) {
        throw arrowError("ARROW_CORRUPT", path, `column "${schema.fields[index].name}": ${fault}`);
      }
    }
    const narrow = recordBatch.selectAt(indices);
    return fromArrow(this.#context.workspace, narrow, schema.pick(this.#columns));
  }
}

/** Decodes one message after the other, so that memory holds one record batch and the dictionaries. */
function recordBatches(file: ReadableFile, split: ArrowSplit): Iterator<arrow.RecordBatch> {
  const ranges = [...split.dictionaries, ...split.batches].sort((a, b) => a.start - b.start);
  function* bytes(): Generator<Uint8Array> {
    yield schemaMessage(file, split.schema, split.isFooter);
    for (const { start, end } of ranges) yield readBytes(file, start, end - start);
  }
  return arrow.RecordBatchReader.from(bytes())[Symbol.iterator]() as Iterator<arrow.RecordBatch>;
}

/** Whatever the decoder throws on a file's bytes, the file is what is wrong. */
function decoding<T>(path: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    if (cause instanceof EngineError) throw cause;
    const text = cause instanceof Error ? cause.message : String(cause);
    throw arrowError("ARROW_CORRUPT", path, `it cannot be decoded: ${text.slice(0, 200)}`, cause);
  }
}
