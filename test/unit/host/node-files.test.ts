import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EngineError } from "../../../src/core/errors.ts";
import { fileError } from "../../../src/host/node-errors.ts";
import { NodeFiles } from "../../../src/host/node-files.ts";
import { NodeProcesses } from "../../../src/host/node-processes.ts";
import { withDirectory } from "../../support/host.ts";

const files = new NodeFiles(new NodeProcesses());

const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof EngineError) return error.code;
    throw error;
  }
  return "none";
};

describe("NodeFiles", () => {
  it("writes, reads at any position into shared memory, renames and removes", () =>
    withDirectory((directory) => {
      const path = join(directory, "a.bin");
      const written = files.openWrite(path);
      written.write(Uint8Array.of(1, 2, 3));
      written.write(Uint8Array.of(4, 5));
      written.sync();
      written.close();
      files.syncDirectory(directory);
      expect([...readFileSync(path)]).toEqual([1, 2, 3, 4, 5]);

      const { memory } = { memory: new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true }) };
      const read = files.openRead(path);
      expect(read.sizeBytes).toBe(5);
      const target = new Uint8Array(memory.buffer, 100, 3);
      read.readInto(target, 2);
      expect([...target]).toEqual([3, 4, 5]);
      expect(codeOf(() => read.readInto(target, 3))).toBe("FILE_TRUNCATED");
      read.close();
      read.close();

      files.makeDirectory(join(directory, "x/y"));
      files.rename(path, join(directory, "x/y/b.bin"));
      expect(files.list(join(directory, "x/y"))).toEqual(["b.bin"]);
      expect(files.stat(path)).toBeUndefined();
      expect(files.stat(join(directory, "x/y/b.bin/c"))).toBeUndefined();
      expect(files.stat(join(directory, "x"))).toMatchObject({ isDirectory: true });
      expect(files.stat(join(directory, "x/y/b.bin"))).toMatchObject({ isDirectory: false, sizeBytes: 5 });
      files.remove(join(directory, "x"));
      files.remove(join(directory, "x"));
      expect(files.list(directory)).toEqual([]);
    }));

  it("says that nothing can be below a file, and has nothing to remove there", () =>
    withDirectory((directory) => {
      const path = join(directory, "file");
      writeFileSync(path, "");
      for (const below of [path, join(path, "x"), join(path, "x/y")]) {
        expect(codeOf(() => files.makeDirectory(below))).toBe("FILE_NOT_FOUND");
      }
      files.remove(join(path, "x"));
      expect(files.stat(path)).toBeDefined();
      files.makeDirectory(directory);
      files.makeDirectory(".");
      files.makeDirectory("/");
    }));

  // A directory that is there and still says ENOENT: Node's own recursion would never return.
  it.runIf(process.platform === "linux")("makes no directory below /proc", () => {
    expect(codeOf(() => files.makeDirectory("/proc/millrace/x"))).toBe("FILE_NOT_FOUND");
  });

  it("changes a file's version when its content changes", () =>
    withDirectory((directory) => {
      const path = join(directory, "a.txt");
      writeFileSync(path, "one");
      const before = files.stat(path)?.version;
      writeFileSync(path, "three");
      expect(files.stat(path)?.version).not.toBe(before);
    }));

  it("makes private temporary directories", () => {
    const [one, two] = [files.makeTemporaryDirectory("millrace-"), files.makeTemporaryDirectory("millrace-")];
    expect(one).not.toBe(two);
    expect(files.list(one)).toEqual([]);
    files.remove(one);
    files.remove(two);
  });

  it("names what went wrong by a typed error", () =>
    withDirectory((directory) => {
      mkdirSync(join(directory, "d"));
      writeFileSync(join(directory, "f"), "");
      expect(codeOf(() => files.openRead(join(directory, "none")))).toBe("FILE_NOT_FOUND");
      expect(codeOf(() => files.list(join(directory, "none")))).toBe("FILE_NOT_FOUND");
      expect(codeOf(() => files.openRead(join(directory, "f/none")))).toBe("FILE_NOT_FOUND");
      expect(codeOf(() => files.openRead(join(directory, "d")))).toBe("FILE_IS_DIRECTORY");
      expect(codeOf(() => files.openWrite(join(directory, "d")))).toBe("FILE_IS_DIRECTORY");
      expect(codeOf(() => files.openWrite("/dev/full").write(Uint8Array.of(1)))).toBe("DISK_FULL");
      expect(() => files.openRead(join(directory, "none"))).toThrow(/none" could not be read: no such file/);
    }));

  it("keeps typed errors and explains those of the system", () => {
    const denied = fileError(Object.assign(new Error("EACCES"), { code: "EACCES" }), "read", "/x");
    expect(denied).toMatchObject({ code: "FILE_ACCESS_DENIED", retryable: false });
    expect(denied.message).toContain('"/x" could not be read: permission denied.');
    expect(fileError(denied, "read", "/y")).toBe(denied);
    expect(fileError(Object.assign(new Error("EIO"), { code: "EIO" }), "synced", "/x")).toMatchObject({
      code: "FILE_IO",
      retryable: true,
    });
  });

  it.skipIf(process.getuid?.() === 0)("says where permission is missing", () =>
    withDirectory((directory) => {
      const path = join(directory, "secret");
      writeFileSync(path, "x");
      chmodSync(path, 0);
      expect(codeOf(() => files.openRead(path))).toBe("FILE_ACCESS_DENIED");
    }),
  );
});
