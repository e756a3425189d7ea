import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { ROOT, readText } from "./source-files.ts";

let files: readonly { readonly path: string; readonly size: number }[];

beforeAll(() => {
  const listed = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: ROOT,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  [{ files }] = JSON.parse(listed) as [{ files: typeof files }];
}, 180_000);

describe("the published package", () => {
  it("has what its pages link to", () => {
    const paths = new Set(files.map(({ path }) => path));
    const folders = new Set([...paths].map((path) => dirname(path)));
    const broken = [...paths]
      .filter((path) => path.endsWith(".md"))
      .flatMap((page) => {
        const links = [...readText(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target.split("#")[0]);
        const local = links.filter((target) => target !== "" && !/^https?:/.test(target));
        const missing = local.filter((target) => {
          const path = join(dirname(page), target).replace(/\/$/, "");
          return !paths.has(path) && !folders.has(path);
        });
        return missing.map((target) => `${page} -> ${target}`);
      });
    expect(broken).toEqual([]);
  });

  it("has nothing of tests and benchmarks, and pages and examples take little room", () => {
    expect(files.filter(({ path }) => /^(test|src|kernels|scripts)\//.test(path))).toEqual([]);
    const beside = files.filter(({ path }) => !/^(dist|build)\//.test(path));
    expect(beside.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(1_000_000);
  });
});
