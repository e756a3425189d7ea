import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import { describe, expect, it } from "vitest";
import { KERNEL_LAWS, OF_OTHER_KERNELS } from "../support/kernel-laws.ts";
import { filesBelow, ROOT, readText } from "./source-files.ts";

/** So many imports lie between a law and the binding of a kernel at most: further away, everything is near everything. */
const NEAR = 5;

const NAMES = /[A-Za-z_$][\w$]*/g;
const words = (text: string): ReadonlySet<string> => new Set(text.match(NAMES));

/** Exported kernels by the family that they are in. */
function kernels(): Map<string, string> {
  const index = readText("kernels/index.ts");
  const found = new Map<string, string>();
  for (const path of filesBelow("kernels", ".ts")) {
    const family = posix.basename(path, ".ts");
    if (!index.includes(`from "./${family}"`)) continue;
    for (const [, name] of readText(path).matchAll(/^export function (\w+)\(/gm)) found.set(name, family);
  }
  return found;
}

const tests = [...filesBelow("test/property", ".ts"), ...filesBelow("test/unit", ".ts")].map(readText);
const named = words(tests.join("\n"));
const bindings = new Map(filesBelow("src", ".ts").map((path) => [path, words(readText(path))]));

/** Files that are near a test by their imports. */
function near(test: string): ReadonlySet<string> {
  let last = [test];
  const found = new Set(last);
  for (let distance = 0; distance < NEAR; distance++) {
    const next: string[] = [];
    for (const path of last) {
      for (const [, specifier] of readText(path).matchAll(/(?:from|import\() ?"(\.[^"]+)"/g)) {
        const target = posix.join(posix.dirname(path), specifier);
        if (found.has(target) || !existsSync(join(ROOT, target))) continue;
        found.add(target);
        next.push(target);
      }
    }
    last = next;
  }
  return found;
}

describe("every kernel", () => {
  const all = kernels();
  const unnamed = [...all].filter(([name]) => !named.has(name) && !OF_OTHER_KERNELS.has(name));

  it("is called by its name in a test, or runs in a law of its family", () => {
    const reached = new Map<string, ReadonlySet<string>>();
    const lawless = unnamed.filter(([name, family]) => {
      const laws = KERNEL_LAWS[family]?.laws ?? [];
      return !laws.some((law) => {
        const files = reached.get(law) ?? near(`test/property/${law}.test.ts`);
        reached.set(law, files);
        return [...files].some((path) => bindings.get(path)?.has(name) === true);
      });
    });
    expect(
      lawless.map(([name, family]) => `${name} (kernels/${family}.ts) has no law: add one that holds it to a twin`),
    ).toEqual([]);
  });

  it("has a law that is there, and no entry that nobody needs", () => {
    const families = new Set(unnamed.map(([, family]) => family));
    expect(Object.keys(KERNEL_LAWS).filter((family) => !families.has(family))).toEqual([]);
    const laws = new Set(Object.values(KERNEL_LAWS).flatMap((family) => family.laws));
    expect([...laws].filter((law) => !existsSync(join(ROOT, `test/property/${law}.test.ts`)))).toEqual([]);
    const twins = Object.values(KERNEL_LAWS).flatMap(({ twin }) => twin.match(/reference\/[\w-]+/g) ?? []);
    expect(twins.filter((twin) => !existsSync(join(ROOT, `test/${twin}.ts`)))).toEqual([]);
    expect([...OF_OTHER_KERNELS].filter((name) => !all.has(name) || named.has(name))).toEqual([]);
  });

  it("that only other kernels call is not called by the engine", () => {
    const called = [...OF_OTHER_KERNELS].filter((name) => [...bindings.values()].some((file) => file.has(name)));
    expect(called).toEqual([]);
  });
});
