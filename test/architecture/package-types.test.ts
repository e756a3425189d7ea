import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** Inside the repository, so that imports of dependencies resolve, but away from the generated types of the kernels. */
const folder = join(root, ".cache/package-types");

const program = `
import { avg, col, ExecutionEnvironment, Schema, types } from "./dist/index.js";
import { type Host, Simulation } from "./dist/testing.js";

const orders = ExecutionEnvironment.create().fromRows([], Schema.of({ product: types.utf8, price: types.float64 }));
const means = orders.filter(col("price").gt(0)).groupBy("product").aggregate({ mean: avg("price") }).collect();
export const mean: Promise<number | null | undefined> = means.then((rows) => rows[0]?.mean);
export const now: Promise<number> = new Simulation({ seed: 1 }).run(async ({ clock }: Host) => clock.nowMs());
// @ts-expect-error: there is no column "prize"
orders.filter(col("prize").gt(0));
`;

function compile(...args: string[]): void {
  try {
    execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), ...args], { cwd: folder });
  } catch (failure) {
    expect.fail(String((failure as { stdout?: unknown }).stdout));
  }
}

// Users may check the types of libraries, have no types of browsers, and do not get those that the kernels' build makes.
it("the package's types compile on their own", () => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  compile("-p", join(root, "tsconfig.build.json"), "--emitDeclarationOnly", "--outDir", join(folder, "dist"));
  writeFileSync(join(folder, "program.ts"), program);
  for (const [module, resolution] of [
    ["NodeNext", "NodeNext"],
    ["ESNext", "Bundler"],
  ]) {
    const compilerOptions = {
      strict: true,
      skipLibCheck: false,
      noEmit: true,
      target: "ES2022",
      lib: ["ES2022"],
      types: [],
      module,
      moduleResolution: resolution,
    };
    const config = `tsconfig.${module}.json`;
    writeFileSync(join(folder, config), JSON.stringify({ compilerOptions, files: ["program.ts"] }));
    compile("-p", config);
  }
});
