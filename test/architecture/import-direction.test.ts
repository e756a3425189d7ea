import { describe, expect, it } from "vitest";
import { COMPOSITIONS, LAYERS, layerOf } from "./layers.ts";
import { engineFiles, parseFile, type SourceFile } from "./source-files.ts";

/** What is wrong with a file's imports, in words. */
function wrongImports({ path, references }: SourceFile): string[] {
  const from = layerOf(path);
  if (from === undefined) return [];
  const layer = LAYERS[from];
  if (layer === undefined)
    return [`${path}: the folder src/${from} has no layer. Add it to test/architecture/layers.ts.`];
  const allowed = [from, ...layer.imports, ...(COMPOSITIONS[path]?.imports ?? [])];
  return references.flatMap(({ target, specifier, line }) => {
    if (target === undefined) return [];
    const where = `${path}:${line} imports ${specifier}`;
    if (target.startsWith("build/kernels")) {
      return from === "core" ? [] : [`${where}: only core binds kernels; others use a Workspace.`];
    }
    if (!target.startsWith("src/")) return [`${where}: the engine imports nothing from outside src.`];
    const to = layerOf(target);
    if (to === undefined) return [`${where}: entry points are for users; import the file that defines the name.`];
    return allowed.includes(to) ? [] : [`${where}: ${from} may not import ${to}, since ${layer.reason}.`];
  });
}

describe("imports", () => {
  it("point one way: api -> plan -> runtime -> core, connectors and state -> core", () => {
    expect(engineFiles().flatMap(wrongImports)).toEqual([]);
  });

  it("end in .ts or name a package", () => {
    const wrong = engineFiles().flatMap(({ path, references }) =>
      references
        .filter(({ target }) => target !== undefined && !/\.ts$|^build\/kernels/.test(target))
        .map(({ specifier, line }) => `${path}:${line} imports ${specifier} without its .ts ending`),
    );
    expect(wrong).toEqual([]);
  });

  it("of no layer form a circle of layers, composing files aside", () => {
    const isAbove = (high: string, low: string, seen: readonly string[] = []): boolean =>
      !seen.includes(high) &&
      (LAYERS[high]?.imports ?? []).some((next) => next === low || isAbove(next, low, [...seen, high]));
    expect(Object.keys(LAYERS).filter((name) => isAbove(name, name))).toEqual([]);
  });

  it("that point upward are found, whatever their form", () => {
    const wrong = (text: string) => wrongImports(parseFile("src/core/operators/probe.ts", text)).length;
    expect(wrong(`import { a } from "../../plan/planner.ts";`)).toBe(1);
    expect(wrong(`import type { A } from "../../runtime/engine.ts";`)).toBe(1);
    expect(wrong(`export * from "../../dataset/dataset.ts";`)).toBe(1);
    expect(wrong(`const late = await import("../../connectors/registry.ts");`)).toBe(1);
    expect(wrong(`type A = import("../../host/node-host.ts").A;`)).toBe(1);
    expect(wrong(`import { a } from "../errors.ts"; // import "../../plan/planner.ts"`)).toBe(0);
  });
});
