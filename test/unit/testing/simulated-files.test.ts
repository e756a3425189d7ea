import { describe, expect, it } from "vitest";
import { nodeHost } from "../../../src/host/node-host.ts";
import type { Fault } from "../../../src/testing/fault-plan.ts";
import { Simulation } from "../../../src/testing/simulation.ts";
import { codeOf, describeFiles, readFile, writeFile } from "../../support/files-contract.ts";

describeFiles("files of Node", () => nodeHost().files);
describeFiles("simulated files", () => new Simulation().host.files);

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

/** A simulation with `/a` on stable storage. */
function withFile(content: Uint8Array, faults: readonly Fault[] = [], tape: readonly number[] = []): Simulation {
  const simulation = new Simulation({ tape });
  writeFile(simulation.host.files, "/a", content);
  simulation.disk.syncAll();
  for (const fault of faults) simulation.addFault(fault);
  return simulation;
}

describe("a crash", () => {
  it("loses names whose directory was not synced, and content that was not synced", () => {
    const simulation = withFile(bytes(1));
    const { files } = simulation.host;
    const file = files.openWrite("/b");
    file.write(bytes(1, 2));
    file.sync();
    files.rename("/a", "/c");
    simulation.crash();
    expect(simulation.host.files.list("/")).toEqual(["a", "tmp"]);
    writeFile(simulation.host.files, "/d", bytes(5, 6));
    simulation.host.files.syncDirectory("/");
    simulation.crash();
    expect(simulation.host.files.list("/")).toEqual(["a", "d", "tmp"]);
    expect([...readFile(simulation.host.files, "/d")]).toEqual([]);
  });

  it("keeps, loses or tears each unsynced write, as the tape says", () => {
    // 1 keeps the first, 0 loses the second, 2 tears the third after 1 byte.
    const simulation = withFile(bytes(), [], [1, 0, 2, 1]);
    const file = simulation.host.files.openWrite("/a");
    file.write(bytes(1, 2));
    file.write(bytes(3, 4));
    file.write(bytes(5, 6, 7));
    simulation.crash();
    expect([...readFile(simulation.host.files, "/a")]).toEqual([1, 2, 0, 0, 5]);
  });

  it("leaves the old host without any effect on the disk", () => {
    const simulation = withFile(bytes(1));
    const { files } = simulation.host;
    const file = files.openWrite("/a");
    simulation.crash();
    expect(codeOf(() => file.write(bytes(2)))).toBe("SIMULATED_CRASH");
    expect(codeOf(() => files.remove("/a"))).toBe("SIMULATED_CRASH");
    expect([...readFile(simulation.host.files, "/a")]).toEqual([1]);
  });
});

describe("a process", () => {
  it("that was killed leaves what it wrote, and its temporary directories to the next", () => {
    const simulation = new Simulation();
    const { files } = simulation.host;
    const directory = files.makeTemporaryDirectory("spill-");
    writeFile(files, "/a", bytes(1, 2));
    simulation.kill();
    const next = simulation.host.files;
    expect([...readFile(next, "/a")]).toEqual([1, 2]);
    expect(next.stat(directory)).toBeDefined();
    const own = next.makeTemporaryDirectory("spill-");
    next.removeAbandonedDirectories("spill-");
    expect(next.stat(directory)).toBeUndefined();
    expect(next.stat(own)).toBeDefined();
  });

  it("that exits removes them itself", () => {
    const simulation = new Simulation();
    const directory = simulation.host.files.makeTemporaryDirectory("spill-");
    simulation.exit();
    expect(simulation.host.files.stat(directory)).toBeUndefined();
  });
});

describe("faults of the disk", () => {
  it("strike the nth event with their label, and path where they name one", () => {
    const simulation = withFile(bytes(1), [
      { label: "disk.rename", nth: 1, kind: "io-error" },
      { label: "disk.open-write", nth: 0, kind: "io-error", path: "x" },
    ]);
    const { files } = simulation.host;
    files.rename("/a", "/b");
    expect(codeOf(() => files.rename("/b", "/c"))).toBe("FILE_IO");
    files.rename("/b", "/c");
    writeFile(files, "/y", bytes(1));
    expect(codeOf(() => files.openWrite("/x"))).toBe("FILE_IO");
    expect(files.stat("/x")).toBeUndefined();
    expect(simulation.struck.map((fault) => fault.label)).toEqual(["disk.rename", "disk.open-write"]);
    expect(simulation.hits.get("disk.rename")).toBe(3);
  });

  it("fill the disk in the middle of a write", () => {
    const simulation = withFile(bytes(), [{ label: "disk.write", nth: 1, kind: "disk-full", amount: 1 }]);
    const file = simulation.host.files.openWrite("/a");
    file.write(bytes(1, 2));
    expect(codeOf(() => file.write(bytes(3, 4)))).toBe("DISK_FULL");
    expect([...readFile(simulation.host.files, "/a")]).toEqual([1, 2, 3]);
  });

  it("fill the disk at its capacity, until something is removed", () => {
    const simulation = withFile(bytes(1, 2, 3, 4));
    simulation.disk.capacityBytes = 6;
    const { files } = simulation.host;
    const file = files.openWrite("/b");
    expect(codeOf(() => file.write(bytes(1, 2, 3)))).toBe("DISK_FULL");
    expect(files.stat("/b")?.sizeBytes).toBe(2);
    files.remove("/a");
    file.write(bytes(3, 4, 5, 6));
    expect(files.stat("/b")?.sizeBytes).toBe(6);
  });

  it("lose for good what a failed sync was to save", () => {
    const simulation = withFile(bytes(), [{ label: "disk.sync", nth: 0, kind: "sync-lost" }]);
    const file = simulation.host.files.openWrite("/a");
    file.write(bytes(1, 2));
    expect(codeOf(() => file.sync())).toBe("FILE_IO");
    file.write(bytes(3));
    file.sync();
    expect([...readFile(simulation.host.files, "/a")]).toEqual([1, 2, 3]);
    simulation.crash();
    expect([...readFile(simulation.host.files, "/a")]).toEqual([0, 0, 3]);
  });

  it("flip a bit of one read", () => {
    const simulation = withFile(bytes(0, 0), [{ label: "disk.read", nth: 0, kind: "bit-flip", amount: 9 }]);
    const { files } = simulation.host;
    expect([...readFile(files, "/a")]).toEqual([0, 2]);
    expect([...readFile(files, "/a")]).toEqual([0, 0]);
  });

  it("spoil a file for good", () => {
    const simulation = withFile(bytes(0, 0));
    simulation.disk.flipBit("/a", 9);
    simulation.disk.flipBit("/a", 900);
    expect([...readFile(simulation.host.files, "/a")]).toEqual([0, 2]);
    expect([...simulation.disk.durableBytes("/a")]).toEqual([0, 2]);
    expect(codeOf(() => simulation.disk.flipBit("/none", 0))).toBe("FILE_NOT_FOUND");
    expect(codeOf(() => simulation.disk.durableBytes("/tmp"))).toBe("FILE_IS_DIRECTORY");
  });

  it("take the machine down before the event takes effect", async () => {
    const simulation = withFile(bytes(1), [{ label: "disk.remove", nth: 0, kind: "crash" }]);
    const run = simulation.run(async ({ files }) => {
      files.remove("/a");
      files.syncDirectory("/");
    });
    await expect(run).rejects.toMatchObject({ code: "SIMULATED_CRASH", label: "disk.remove" });
    expect(simulation.host.files.stat("/a")).toBeDefined();
    expect(await simulation.run(async ({ files }) => files.list("/"))).toEqual(["a", "tmp"]);
  });

  it("are none where the event cannot have them", () => {
    const simulation = withFile(bytes(1), [{ label: "disk.rename", nth: 0, kind: "bit-flip" }]);
    simulation.host.files.rename("/a", "/b");
    expect(simulation.struck).toEqual([]);
  });
});
