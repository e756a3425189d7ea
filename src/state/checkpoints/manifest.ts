import { DataError } from "../../core/errors.ts";
import type { LeastValue, StateKind } from "../../core/state-snapshot.ts";

/*
 * A manifest says what a checkpoint or savepoint consists of. It is JSON of one line per member, in UTF-8, whose last
 * member is the CRC-32C of all bytes before that member's comma; docs/savepoint-format.md describes it for readers.
 */

export const FORMAT = "millrace-checkpoint";
/** Readers refuse a greater one. */
export const FORMAT_VERSION = 3;
/** What is written where no part has changes, */
const VERSION_WITHOUT_CHANGES = 1;
/** and where no rows go by the value of a column. */
const VERSION_WITHOUT_LEAST = 2;

/** One file of state: rows of one table, written by one subtask. */
export interface StateFile {
  /** Name of the object, relative to the store of a checkpoint, or to the directory of a savepoint. */
  readonly file: string;
  readonly sizeBytes: number;
  /** CRC-32C of the whole file, 8 hexadecimal digits. */
  readonly crc32c: string;
}

/** What one subtask wrote of a table. */
export interface PartManifest extends StateFile {
  /** What has changed since, oldest first. */
  readonly changes?: readonly StateFile[];
  /** Rows below it are gone, whichever file has them. */
  readonly least?: LeastValue;
}

export interface TableManifest {
  readonly kind: StateKind;
  /** Where parts have changes: the columns by which rows belong together. */
  readonly unit?: readonly string[];
  /** In the order of the subtasks that wrote them. */
  readonly parts: readonly PartManifest[];
}

export interface Manifest {
  readonly kind: "checkpoint" | "savepoint";
  readonly checkpointId: number;
  /** The run of the job that took it, counted from 1. */
  readonly attempt: number;
  /** Wall clock, ISO 8601. */
  readonly takenAt: string;
  readonly maxParallelism: number;
  /** The input had ended. */
  readonly isFinal: boolean;
  /** Of a savepoint of a job that had a name. */
  readonly jobName?: string;
  /** Of a savepoint: names of the steps of the job, by uid, for people to read. */
  readonly steps?: Readonly<Record<string, string>>;
  /** By uid, then by name of the table. */
  readonly operators: Readonly<Record<string, Readonly<Record<string, TableManifest>>>>;
}

/** CRC-32C of bytes, unsigned; behind bytes whose checksum is `crc`. */
export type Checksum = (bytes: Uint8Array, crc?: number) => number;

const CHECKSUM_MEMBER = ',\n "crc32c": "';
const END = '"\n}\n';

export function encodeManifest(manifest: Manifest, checksum: Checksum): Uint8Array {
  const text = JSON.stringify({ format: FORMAT, version: versionOf(manifest), ...manifest }, undefined, 1);
  const covered = new TextEncoder().encode(text.slice(0, text.lastIndexOf("\n")));
  const rest = new TextEncoder().encode(CHECKSUM_MEMBER + hex(checksum(covered)) + END);
  const bytes = new Uint8Array(covered.length + rest.length);
  bytes.set(covered);
  bytes.set(rest, covered.length);
  return bytes;
}

function versionOf({ operators }: Manifest): number {
  const tables = Object.values(operators).flatMap((each) => Object.values(each));
  if (tables.some(({ parts }) => parts.some(({ least }) => least !== undefined))) return FORMAT_VERSION;
  return tables.some(({ unit }) => unit !== undefined) ? VERSION_WITHOUT_LEAST : VERSION_WITHOUT_CHANGES;
}

/**
 * `name` is for messages.
 * @throws {DataError} CHECKPOINT_CORRUPT, CHECKPOINT_VERSION
 */
export function parseManifest(bytes: Uint8Array, checksum: Checksum, name: string): Manifest {
  const restLength = CHECKSUM_MEMBER.length + 8 + END.length;
  const covered = bytes.subarray(0, Math.max(0, bytes.length - restLength));
  const rest = new TextDecoder().decode(bytes.subarray(covered.length));
  if (rest !== CHECKSUM_MEMBER + hex(checksum(covered)) + END) {
    throw corrupt(name, "its checksum does not fit its bytes");
  }
  let content: Manifest & { format?: unknown; version?: unknown };
  try {
    content = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw corrupt(name, "it is no JSON", cause);
  }
  if (content.format !== FORMAT) throw corrupt(name, `its format is ${JSON.stringify(content.format)}`);
  if (typeof content.version !== "number" || content.version > FORMAT_VERSION) {
    throw new DataError(
      "CHECKPOINT_VERSION",
      `${name} has version ${JSON.stringify(content.version)} of the format, and this Millrace reads up to ${FORMAT_VERSION}.`,
      "Restore with the version of Millrace that wrote it, or a newer one.",
    );
  }
  const { kind, checkpointId, attempt, takenAt, maxParallelism, isFinal, jobName, steps, operators } = content;
  const named = {
    ...(jobName === undefined ? {} : { jobName }),
    ...(steps === undefined ? {} : { steps }),
  };
  return { kind, checkpointId, attempt, takenAt, maxParallelism, isFinal, ...named, operators };
}

/** All files that a manifest names, each once. */
export function filesOf({ operators }: Manifest): StateFile[] {
  const files = new Map<string, StateFile>();
  for (const tables of Object.values(operators)) {
    for (const part of Object.values(tables).flatMap(({ parts }) => parts)) {
      for (const file of [part, ...(part.changes ?? [])]) files.set(file.file, file);
    }
  }
  return [...files.values()];
}

export const hex = (crc: number): string => crc.toString(16).padStart(8, "0");

export const corrupt = (name: string, why: string, cause?: unknown): DataError =>
  new DataError(
    "CHECKPOINT_CORRUPT",
    `${name} cannot be used: ${why}.`,
    "Restore from another checkpoint or savepoint, and look at the disk that keeps it.",
    { cause },
  );
