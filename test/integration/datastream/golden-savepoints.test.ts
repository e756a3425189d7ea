import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { loadEngine, Simulation } from "../../../src/testing.ts";
import { runGoldenProgram } from "../../support/golden-program.ts";
import { withDirectory } from "../../support/host.ts";
import { putIn, takeOut } from "../../support/simulated-savepoints.ts";

beforeAll(loadEngine);

const folder = fileURLToPath(new URL("../../fixtures/savepoints/", import.meta.url));
const kept = readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));

const simulated = () => new Simulation({ seed: 1, parallelism: 2 });

/** What holds state in a savepoint: uids, tables, and the names and types of their columns. */
const shapeOf = async (path: string) => {
  const { Savepoint } = await import("../../../src/index.ts");
  return (await Savepoint.open(path)).states.map(({ uid, name, kind, schema }) => `${uid} ${name} ${kind}: ${schema}`);
};

describe.each(kept)("the savepoint %s, which an earlier version has taken", (name) => {
  const rows = JSON.parse(readFileSync(`${folder}${name}/rows.json`, "utf8")) as string[];

  it("is what the program goes on from, and gives what an undisturbed run gives", async () => {
    const whole = await simulated().run((host) => runGoldenProgram(host));
    const simulation = simulated();
    putIn(simulation.host.files, `${folder}${name}/savepoint`, "/old");
    const after = await simulation.run((host) => runGoldenProgram(host, { restoreFrom: "/old" }));
    expect(after.length).toBeGreaterThan(50);
    expect([...rows, ...after].sort()).toEqual(whole.sort());
  });
});

it("the newest of them has all state that the program has now: else a further one is due (generate.ts)", () =>
  withDirectory(async (directory) => {
    const simulation = simulated();
    await simulation.run((host) => runGoldenProgram(host, { stopAt: 27 }));
    takeOut(simulation.host.files, "/save", directory);
    const newest = kept.toSorted((a, b) => a.localeCompare(b, "en", { numeric: true })).at(-1);
    expect(await shapeOf(`${folder}${newest}/savepoint`)).toEqual(await shapeOf(directory));
  }));
