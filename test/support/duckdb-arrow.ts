import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { arrowPython } from "../../scripts/services/arrow-readers.mjs";

const script = fileURLToPath(new URL("./duckdb-arrow.py", import.meta.url));

export interface ArrowQuery {
  /** Arrow IPC streams of one schema. */
  readonly files: readonly string[];
  /** Over the table `rows`. */
  readonly sql: string;
}

/**
 * A DuckDB that reads Arrow IPC streams, which gives the rows of each query. That of npm cannot without an extension that
 * has to be downloaded, so it is Python's, over tables of pyarrow. Undefined, with a line that says so, where it cannot be
 * had and MILLRACE_REQUIRE_SERVICES does not ask for it.
 */
export function duckdbOverArrow(): ((queries: readonly ArrowQuery[]) => unknown[][][]) | undefined {
  let python: string;
  try {
    python = arrowPython();
  } catch (thrown) {
    if (process.env.MILLRACE_REQUIRE_SERVICES === "1") throw thrown;
    console.warn(`SKIPPED: no Python with DuckDB and pyarrow for these tests. ${(thrown as Error).message}`);
    return undefined;
  }
  return (queries) =>
    JSON.parse(
      execFileSync(python, [script], { input: JSON.stringify({ queries }), encoding: "utf8", maxBuffer: 1 << 28 }),
    );
}
