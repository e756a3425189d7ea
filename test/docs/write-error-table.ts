// Writes the table of error codes into docs/errors.md.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errorTable } from "./error-codes.ts";
import { ROOT } from "./examples.ts";

const path = join(ROOT, "docs/errors.md");
const table = `<!-- codes -->\n${errorTable()}\n<!-- /codes -->`;
writeFileSync(
  path,
  readFileSync(path, "utf8").replace(/<!-- codes -->[\s\S]*<!-- \/codes -->/, () => table),
);
