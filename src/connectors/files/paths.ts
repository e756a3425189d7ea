import { fileURLToPath } from "node:url";
import { describeValue } from "../../core/describe-value.ts";
import { ExternalError, PlanError } from "../../core/errors.ts";
import type { FileInfo, HostFiles } from "../../core/host.ts";
import { expandBraces, isGlob, segmentMatcher } from "./glob.ts";

/** A file to read. */
export interface FoundFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly version: string;
  readonly modifiedMs?: number;
}

/**
 * The files that `paths` name, in the order given, those of a directory or pattern sorted by path.
 * A path is a file, a directory (read with its subdirectories), a glob pattern with `*`, `**`, `?`, `[...]` and `{a,b}`, or
 * a `file://` URL. Below directories and patterns, names that start with `.` or `_` are skipped, as other engines skip
 * them: they are markers and unfinished output; `_name=value` directories are data. A path that exists is never a pattern.
 * @throws {ExternalError} FILE_NOT_FOUND, FILE_ACCESS_DENIED.
 * @throws {PlanError} FILES_NONE_MATCH where a pattern or directory has no file; PATH_INVALID.
 */
export function expandPaths(files: HostFiles, paths: string | readonly string[]): FoundFile[] {
  const list = typeof paths === "string" ? [paths] : paths;
  if (!Array.isArray(list) || list.length === 0) throw invalidPath(list);
  for (const path of list as unknown[]) if (typeof path !== "string" || path === "") throw invalidPath(path);
  return list.flatMap((given) => expandPath(files, localPath(given)));
}

const invalidPath = (given: unknown): PlanError =>
  new PlanError(
    "PATH_INVALID",
    typeof given === "string" || typeof given === "undefined" || Array.isArray(given)
      ? "No path is given."
      : `What is given as a path is ${describeValue(given)}.`,
    "Give a path, or a list of at least one path.",
  );

/** A path without the trailing slashes of a directory; `file://` URLs as local paths. */
export function localPath(given: string): string {
  let path = given;
  if (/^file:/i.test(given)) {
    try {
      path = fileURLToPath(given);
    } catch (cause) {
      throw new PlanError(
        "PATH_INVALID",
        `"${given}" is not the URL of a local file.`,
        "Write file:///directory/name.",
        {
          cause,
        },
      );
    }
  } else if (/^[a-z][a-z0-9+.-]+:\/\//i.test(given)) {
    throw new PlanError(
      "PATH_INVALID",
      `"${given}" is not a local path.`,
      "Only file:// URLs and paths are read here.",
    );
  }
  return path.length > 1 ? path.replace(/\/+$/, "") || "/" : path;
}

function expandPath(files: HostFiles, path: string): FoundFile[] {
  const info = files.stat(path);
  if (info?.isDirectory === false) return [found(info)];
  if (info === undefined && !isGlob(path)) {
    throw new ExternalError(
      "FILE_NOT_FOUND",
      false,
      `"${path}" could not be read: no such file or directory.`,
      "Check the path; relative paths start at the working directory of the process.",
    );
  }
  const matches = info === undefined ? expandPattern(files, path) : filesBelow(files, path);
  if (matches.length > 0) return matches;
  throw new PlanError(
    "FILES_NONE_MATCH",
    info === undefined ? `No file matches "${path}".` : `The directory "${path}" has no file to read.`,
    'Check the path. Names that start with "." or "_" are skipped.',
  );
}

const found = ({ path, sizeBytes, version, modifiedMs }: FileInfo): FoundFile => ({
  path,
  sizeBytes,
  version,
  ...(modifiedMs === undefined ? {} : { modifiedMs }),
});

const isSkipped = (name: string): boolean => name.startsWith(".") || (name.startsWith("_") && !name.includes("="));

function filesBelow(files: HostFiles, directory: string): FoundFile[] {
  const all: FoundFile[] = [];
  for (const name of files.list(directory)) {
    if (isSkipped(name)) continue;
    const info = files.stat(join(directory, name));
    if (info === undefined) continue; // removed since it was listed
    if (info.isDirectory) all.push(...filesBelow(files, info.path));
    else all.push(found(info));
  }
  return all;
}

function expandPattern(files: HostFiles, pattern: string): FoundFile[] {
  const byPath = new Map<string, FoundFile>();
  for (const form of expandBraces(pattern)) {
    const isAbsolute = form.startsWith("/");
    const segments = form.split("/").filter((segment) => segment !== "");
    for (const file of walk(files, isAbsolute ? "/" : "", segments)) byPath.set(file.path, file);
  }
  return [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

/** Files below `base` whose path matches the segments; a directory that matches the whole pattern is read whole. */
function walk(files: HostFiles, base: string, segments: readonly string[]): FoundFile[] {
  if (segments.length === 0) {
    const info = files.stat(base);
    if (info === undefined) return [];
    return info.isDirectory ? filesBelow(files, base) : [found(info)];
  }
  const [segment, ...rest] = segments;
  if (!isGlob(segment)) {
    const path = join(base, segment);
    return files.stat(path) === undefined ? [] : walk(files, path, rest);
  }
  if (files.stat(base === "" ? "." : base)?.isDirectory !== true) return [];
  const names = files.list(base === "" ? "." : base);
  if (segment === "**") {
    const here = rest.length === 0 ? [] : walk(files, base, rest);
    const below = names.flatMap((name) => {
      if (isSkipped(name)) return [];
      const info = files.stat(join(base, name));
      if (info?.isDirectory === true) return walk(files, info.path, segments);
      return info !== undefined && rest.length === 0 ? [found(info)] : [];
    });
    return [...here, ...below];
  }
  const matches = segmentMatcher(segment);
  // A pattern that itself starts with the mark asks for such names.
  const wantsSkipped = segment.startsWith(".") || segment.startsWith("_");
  return names
    .filter((name) => (wantsSkipped || !isSkipped(name)) && matches(name))
    .flatMap((name) => walk(files, join(base, name), rest));
}

function join(base: string, name: string): string {
  if (base === "") return name;
  return base.endsWith("/") ? base + name : `${base}/${name}`;
}
