import { newOptions, newProgram, nextFile, parse } from "assemblyscript";
import { expect, it } from "vitest";
import { filesBelow, readText } from "./source-files.ts";

/** Files that a kernel file refers to, as the AssemblyScript compiler reads it (it is no TypeScript: decorators, i32). */
function importsOf(path: string, text: string): string[] {
  const program = newProgram(newOptions());
  parse(program, text, path, true);
  const found: string[] = [];
  for (let next = nextFile(program); next !== null; next = nextFile(program)) found.push(next);
  return found;
}

it("kernels import kernels only: they are pure functions over memory and know nothing of the engine", () => {
  const wrong = filesBelow("kernels", ".ts").flatMap((path) =>
    importsOf(path, readText(path))
      .filter((target) => !target.startsWith("kernels/"))
      .map((target) => `${path} imports ${target}`),
  );
  expect(wrong).toEqual([]);
});

it("imports of a kernel are found", () => {
  expect(importsOf("kernels/probe.ts", `import { a } from "../src/core/batch"; export * from "./hash";`)).toEqual([
    "src/core/batch",
    "kernels/hash",
  ]);
});
