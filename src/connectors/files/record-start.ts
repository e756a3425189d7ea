import { assert } from "../../core/errors.ts";
import type { HostFiles, ReadableFile } from "../../core/host.ts";
import type { Block } from "../../core/memory/block.ts";
import type { Workspace } from "../../core/workspace.ts";
import { type RecordFormat, recordLimit } from "./record-format.ts";
import type { TextSplit } from "./text-splits.ts";

const LOOK_BACK_BYTES = 64 * 1024;
const LOOK_AHEAD_BYTES = 64 * 1024;

/**
 * The offset of the first record that starts at or after the split's first byte (possibly past its end).
 *
 * A newline may lie inside a quoted field, so the text before the split decides. Going back from the split:
 * - a quote after a delimiter or newline and before an ordinary byte opens a field: inside a quoted field it would be a
 *   closing quote followed by text, which no well-formed record holds. From there the quotes are followed forwards;
 * - where maxRecordBytes hold no quote at all, the split starts outside quotes, since a longer record is an error anyway;
 * - otherwise the search goes on, at the latest to the start of the file.
 * So the result is that of reading from the start of the file, provided that records before it are well-formed; a reader
 * that drops malformed ones therefore does not split files with quotes.
 */
export function findRecordStart(
  workspace: Workspace,
  files: HostFiles,
  split: TextSplit,
  format: RecordFormat,
): number {
  if (split.start === 0) return 0;
  const file = files.openRead(split.file.path);
  try {
    // The byte before the split: if it is a record's newline, the split starts with a record.
    const boundary = split.start - 1;
    const { from, isFieldStart } = knownPlace(workspace, file, split.start, format);
    return nextRecord(workspace, file, from, isFieldStart, boundary, format);
  } finally {
    file.close();
  }
}

interface KnownPlace {
  /** A byte that stands outside quotes. */
  from: number;
  /** Whether a quote there would open a field. */
  isFieldStart: boolean;
}

function knownPlace(workspace: Workspace, file: ReadableFile, start: number, format: RecordFormat): KnownPlace {
  if (!format.hasNewlinesInQuotes) return { from: start - 1, isFieldStart: false };
  const limit = recordLimit(format);
  for (let length = LOOK_BACK_BYTES; ; length *= 4) {
    const from = Math.max(0, start - length);
    if (from === 0) return { from: 0, isFieldStart: true };
    const text = read(workspace, file, from, start - from);
    const { delimiter, quote } = format;
    const found = workspace.kernels.csvLastOpeningQuote(text.address, start - from, delimiter, quote);
    text.release();
    if (found >= 0) return { from: from + found, isFieldStart: true };
    if (found === -1 && length >= limit) return { from: start - 1, isFieldStart: false };
  }
}

/** The byte after the first record-ending newline at or after `boundary`. */
function nextRecord(
  workspace: Workspace,
  file: ReadableFile,
  from: number,
  isFieldStart: boolean,
  boundary: number,
  format: RecordFormat,
): number {
  for (let ahead = LOOK_AHEAD_BYTES; ; ahead *= 4) {
    const end = Math.min(file.sizeBytes, boundary + ahead);
    const text = read(workspace, file, from, end - from);
    const { csvNextNewline } = workspace.kernels;
    const quote = format.hasNewlinesInQuotes ? format.quote : -1;
    const found = csvNextNewline(
      text.address,
      end - from,
      format.delimiter,
      quote,
      format.escape,
      isFieldStart,
      boundary - from,
    );
    text.release();
    if (found >= 0) return from + found + 1;
    if (end === file.sizeBytes) return end;
  }
}

function read(workspace: Workspace, file: ReadableFile, position: number, length: number): Block {
  assert(length < 2 ** 31, "the text between a known place and a split's start fits a buffer");
  const block = workspace.allocate(length);
  try {
    file.readInto(workspace.bytes(block.address, length), position);
    return block;
  } catch (error) {
    block.release();
    throw error;
  }
}
