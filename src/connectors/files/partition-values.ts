import { dateDays } from "../../core/columns/values.ts";
import type { Field } from "../../core/schema.ts";
import { type DataType, date, int64, utf8 } from "../../core/types.ts";

/** What a null is called in the name of a directory. */
export const NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__";

/** The columns that directories named `key=value` give to the files below them. */
export interface PartitionColumns {
  readonly fields: readonly Field[];
  /** Per file, in the order of `fields`, the text of each value; null for null. */
  readonly texts: readonly (readonly (string | null)[])[];
}

/**
 * Reads `key=value` directory names out of the paths. Files that do not all have the same keys in the same order have
 * no partition columns. Types are found over all files: int64, date or utf8.
 */
export function partitionColumns(paths: readonly string[]): PartitionColumns {
  const all = paths.map(partitionsOf);
  const names = (all[0] ?? []).map(([name]) => name);
  const agree = all.every(
    (one) => one.length === names.length && one.every(([name], i) => name === names[i]) && isDistinct(names),
  );
  if (!agree || names.length === 0) return { fields: [], texts: paths.map(() => []) };
  const texts = all.map((one) => one.map(([, value]) => value));
  const fields = names.map((name, i) => ({ name, type: typeOfTexts(texts.map((values) => values[i])) }));
  return { fields, texts };
}

const isDistinct = (names: readonly string[]): boolean => new Set(names).size === names.length;

function partitionsOf(path: string): [name: string, value: string | null][] {
  const directories = path.split("/").slice(0, -1);
  return directories.flatMap((directory): [string, string | null][] => {
    const equals = directory.indexOf("=");
    if (equals <= 0) return [];
    const value = decode(directory.slice(equals + 1));
    return [[decode(directory.slice(0, equals)), value === NULL_PARTITION ? null : value]];
  });
}

function typeOfTexts(texts: readonly (string | null)[]): DataType {
  const present = texts.filter((text) => text !== null);
  if (present.length === 0) return utf8;
  if (present.every((text) => /^-?\d{1,18}$/.test(text))) return int64;
  if (present.every(isDate)) return date;
  return utf8;
}

function isDate(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false;
  const [year, month, day] = text.split("-").map(Number);
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1];
}

/** A partition's text as a value of its column, in the form of `ValueOf`. */
export function partitionValue(text: string | null, type: DataType): unknown {
  if (text === null) return null;
  if (type.kind === "int64") return BigInt(text);
  if (type.kind === "date") return dateDays(text);
  return text;
}

/** `key=value` as a directory name: whatever a file system or reader could misread is percent-encoded. */
export function partitionDirectory(name: string, value: string | null): string {
  return `${encode(name)}=${value === null ? NULL_PARTITION : encode(value)}`;
}

function encode(text: string): string {
  // The empty text has no directory name of its own; other engines write it as null, too.
  if (text === "") return NULL_PARTITION;
  const encoded = encodeURIComponent(wellFormed(text)).replace(/[!'()*]/g, percent);
  // "." and ".." are names of other directories, and a leading "." or "_" hides one.
  return encoded.replace(/^\.+$/, (dots) => dots.replace(/\./g, "%2E"));
}

/** Lone surrogates, which UTF-8 has no form for, as U+FFFD: as they are in text columns. */
const wellFormed = (text: string): string => new TextDecoder().decode(new TextEncoder().encode(text));

const percent = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a literal "%", which another writer left as it is
  }
}
