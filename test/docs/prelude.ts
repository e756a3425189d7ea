import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pageText, ROOT } from "./examples.ts";

/** The files that examples read, as the guide shows them, in a directory of their own. */
export function writeExampleFiles(directory: string): void {
  const guide = pageText("docs/dataset-guide.md");
  for (const [name, language] of [
    ["orders.csv", "csv"],
    ["customers.jsonl", "json"],
  ]) {
    const block = new RegExp(`^\`${name}\`:\\n+\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "m").exec(guide);
    if (block === null) throw new Error(`docs/dataset-guide.md does not show ${name}.`);
    writeFileSync(join(directory, name), block[1]);
  }
  symlinkSync(join(ROOT, "node_modules/vega-datasets/data/flights-3m.parquet"), join(directory, "flights.parquet"));
}
