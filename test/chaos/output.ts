import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const DIRECTORIES = ["journal", "hours"] as const;
type Output = (typeof DIRECTORIES)[number];

/** The visible rows of a job's files, as text. Files that were visible are not read again. */
export class VisibleRows {
  /** Without its checksum, a file is taken for what it was. */
  readonly #files = new Map<string, string>();
  readonly #directory: string;
  /** Rows, by output. Each row of the job is another one. */
  readonly rows: Record<Output, Set<string>> = { journal: new Set(), hours: new Set() };
  readonly #expected: Written | undefined;
  readonly #twice: string[] = [];
  readonly #strange: string[] = [];

  /** `expected`: what may be there. */
  constructor(directory: string, expected?: Written) {
    this.#directory = directory;
    this.#expected = expected;
  }

  /** Lines that say what is visible and should not be. */
  get problems(): string[] {
    return [
      ...some("rows are visible twice", this.#twice),
      ...some("rows are visible that an undisturbed run does not write", this.#strange),
    ];
  }

  /** Adds what has become visible. @throws where a file is gone */
  look(): void {
    for (const output of DIRECTORIES) {
      const names = new Set(readdirSync(join(this.#directory, output)).filter((name) => !name.startsWith(".")));
      for (const path of this.#files.keys()) {
        const [of, name] = path.split("/");
        if (of === output && !names.has(name)) throw new Error(`${path} was visible and is gone.`);
      }
      for (const name of names) if (!this.#files.has(`${output}/${name}`)) this.#read(output, name);
    }
  }

  /** That no file has changed since it was read. */
  checkFiles(): void {
    for (const [path, checksum] of this.#files) {
      if (checksumOf(readFileSync(join(this.#directory, path), "utf8")) !== checksum) {
        throw new Error(`${path} was visible and has changed.`);
      }
    }
  }

  #read(output: Output, name: string): void {
    const text = readFileSync(join(this.#directory, output, name), "utf8");
    this.#files.set(`${output}/${name}`, checksumOf(text));
    const lines = text.trimEnd().split("\n");
    const rows = this.rows[output];
    // CSV begins with the names of the columns.
    for (const line of name.endsWith(".csv") ? lines.slice(1) : lines) {
      if (rows.has(line)) this.#twice.push(`${output}: ${line}`);
      if (this.#expected?.[output].has(line) === false) this.#strange.push(`${output}: ${line}`);
      rows.add(line);
    }
  }
}

/** What a whole run wrote: rows by output, of files and tables. */
export type Written = Readonly<Record<string, ReadonlySet<string>>>;

export const checksumOf = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16);

/** Of rows in whatever order. */
export const checksumOfRows = (rows: ReadonlySet<string>): string => checksumOf([...rows].sort().join("\n"));

const FEW = 5;

/** Lines that say how the rows of two whole runs differ; none where they do not. */
export function differences(expected: Written, found: Written): string[] {
  return Object.entries(expected).flatMap(([output, rows]) => [
    ...some(
      `rows of ${output} that an undisturbed run does not write`,
      [...found[output]].filter((row) => !rows.has(row)),
    ),
    ...some(
      `rows of ${output} are missing`,
      [...rows].filter((row) => !found[output].has(row)),
    ),
  ]);
}

function some(what: string, rows: readonly string[]): string[] {
  if (rows.length === 0) return [];
  const shown = rows.slice(0, FEW).map((row) => `  ${row}`);
  return [`${rows.length} ${what}:`, ...shown, ...(rows.length > FEW ? ["  ..."] : [])];
}
