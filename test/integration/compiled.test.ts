import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { testDirectory } from "../support/temporary-directory.ts";

const ENTRY = new URL("../../dist/index.js", import.meta.url);

describe("the compiled package", () => {
  const directory = testDirectory();

  it("finds kernels, threads and the user's call sites from its bundles", () => {
    const job = join(directory.path, "job.mjs");
    writeFileSync(
      job,
      `import { col, ExecutionEnvironment, Schema, sum, types } from ${JSON.stringify(ENTRY.href)};
         const env = ExecutionEnvironment.create({ parallelism: 2 });
         const numbers = env.sequence(0, 100_000);
         const [row] = await numbers.filter(col("value").ge(10)).aggregate({ total: sum("value") }).collect();
         const failure = await numbers
           .map(() => { throw new Error("no"); }, { schema: Schema.of({ x: types.int64 }) }).collect().catch((error) => error);
         console.log(JSON.stringify({ total: String(row.total), name: failure.name, operator: failure.operator }));
         await ExecutionEnvironment.shutdown();`,
    );
    const said = JSON.parse(execFileSync(process.execPath, [job], { encoding: "utf8" }));
    expect(said).toMatchObject({ total: "4999949955", name: "UserFunctionError" });
    expect(said.operator).toContain("job.mjs:6:");
  });

  // Node takes about a millisecond for each file, and up to 200 for apache-arrow.
  it("is imported from a few files, and without apache-arrow", () => {
    const files = new Set<string>();
    const packages = new Set<string>();
    const visit = (file: URL): void => {
      if (files.has(file.href)) return;
      files.add(file.href);
      for (const [, name] of readFileSync(fileURLToPath(file), "utf8").matchAll(/^(?:import|export|\}).*"(.+)";$/gm)) {
        if (name.startsWith(".")) visit(new URL(name, file));
        else if (!name.startsWith("node:")) packages.add(name);
      }
    };
    visit(ENTRY);
    expect(files.size).toBeLessThan(50);
    expect([...packages].sort()).toEqual(["fzstd", "get-east-asian-width"]);
  });
});
