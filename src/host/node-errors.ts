import { ExternalError } from "../core/errors.ts";

/** What an operation on a file was about to do; it completes "could not be ...". */
export type FileVerb = "read" | "written" | "listed" | "renamed" | "removed" | "created" | "synced" | "examined";

/** An error of node:fs as an ExternalError that names the file, the system's code and what to do. */
export function fileError(cause: unknown, verb: FileVerb, path: string): ExternalError {
  if (cause instanceof ExternalError) return cause;
  const systemCode = (cause as { code?: unknown } | null)?.code;
  const known = typeof systemCode === "string" ? KNOWN[systemCode] : undefined;
  const happened = `"${path}" could not be ${verb}`;
  if (known !== undefined) {
    return new ExternalError(known.code, known.retryable, `${happened}: ${known.reason}.`, known.whatToDo, { cause });
  }
  const text = cause instanceof Error ? cause.message : String(cause);
  return new ExternalError("FILE_IO", true, `${happened}: ${text}.`, "Check the disk and its file system.", { cause });
}

/** A read past the end: `end` is the size that the file turned out to have. */
export function fileTruncated(path: string, position: number, length: number, end: number): ExternalError {
  return new ExternalError(
    "FILE_TRUNCATED",
    false,
    `"${path}" ends at byte ${end}, but bytes ${position} to ${position + length} were asked for.`,
    "The file is incomplete or was cut while it was read: write it again.",
  );
}

interface KnownFailure {
  readonly code: string;
  readonly retryable: boolean;
  readonly reason: string;
  readonly whatToDo: string;
}

const notFound: KnownFailure = {
  code: "FILE_NOT_FOUND",
  retryable: false,
  reason: "no such file or directory",
  whatToDo: "Check the path; relative paths start at the working directory of the process.",
};
const accessDenied: KnownFailure = {
  code: "FILE_ACCESS_DENIED",
  retryable: false,
  reason: "permission denied",
  whatToDo: "Give the process's user access to it, or choose another path.",
};
const diskFull: KnownFailure = {
  code: "DISK_FULL",
  retryable: false,
  reason: "no space is left on the device",
  whatToDo: "Free space or choose a path on a larger disk, then run the job again.",
};
const tooManyOpen: KnownFailure = {
  code: "FILE_LIMIT",
  retryable: true,
  reason: "too many files are open",
  whatToDo: "Raise the limit of open files (ulimit -n), or lower the parallelism.",
};

const KNOWN: Readonly<Record<string, KnownFailure>> = {
  ENOENT: notFound,
  ENOTDIR: { ...notFound, reason: "a part of the path is not a directory" },
  EACCES: accessDenied,
  EPERM: accessDenied,
  EROFS: { ...accessDenied, reason: "the file system is read-only" },
  EEXIST: {
    code: "FILE_EXISTS",
    retryable: false,
    reason: "something of that name is there",
    whatToDo: "Choose another path.",
  },
  ENOSPC: diskFull,
  EDQUOT: { ...diskFull, reason: "the disk quota is exceeded" },
  EMFILE: tooManyOpen,
  ENFILE: tooManyOpen,
  EISDIR: {
    code: "FILE_IS_DIRECTORY",
    retryable: false,
    reason: "it is a directory",
    whatToDo: "Give the path of a file.",
  },
};
