// A Python that has DuckDB and pyarrow, for tests of what other programs make of our files: that of this machine where it
// has both, or a virtual environment in .cache.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../.cache/services/arrow-readers", import.meta.url));
const PACKAGES = ["duckdb==2.0.0", "pyarrow==26.0.1"];

/** A Python with both, by this name or path. */
export const VARIABLE = "MILLRACE_ARROW_PYTHON";

/** The program to start; throws where there is none and none can be made. */
export function arrowPython() {
  const given = process.env[VARIABLE];
  if (given !== undefined) return given;
  const own = `${folder}/bin/python`;
  for (const python of [own, "python3"]) if (hasBoth(python)) return python;
  const unfinished = `${folder}.unfinished-${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  try {
    run("python3", ["-m", "venv", unfinished]);
    // pip is started through the interpreter: the scripts of a virtual environment hold its unfinished path.
    run(`${unfinished}/bin/python`, ["-m", "pip", "install", "-q", "--disable-pip-version-check", ...PACKAGES]);
    if (!existsSync(own)) {
      rmSync(folder, { recursive: true, force: true });
      renameSync(unfinished, folder);
    }
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return own;
}

function hasBoth(python) {
  try {
    run(python, ["-c", "import duckdb, pyarrow"]);
    return true;
  } catch {
    return false;
  }
}

const run = (program, args) => execFileSync(program, args, { stdio: ["ignore", "ignore", "pipe"] });
