import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EngineError } from "../../src/core/errors.ts";
import type { HostFiles } from "../../src/core/host.ts";

/** The code of the typed error that `run` throws, "none" where it throws nothing; other errors pass. */
export const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof EngineError) return error.code;
    throw error;
  }
  return "none";
};

export function writeFile(files: HostFiles, path: string, bytes: Uint8Array): void {
  const file = files.openWrite(path);
  file.write(bytes);
  file.close();
}

export function readFile(files: HostFiles, path: string): Uint8Array {
  const file = files.openRead(path);
  const bytes = new Uint8Array(file.sizeBytes);
  file.readInto(bytes, 0);
  file.close();
  return bytes;
}

/** What holds of every implementation of HostFiles; `create` gives one, in which `makeTemporaryDirectory` works. */
export function describeFiles(name: string, create: () => HostFiles): void {
  describe(`${name}, as any files,`, () => {
    let files: HostFiles;
    let directory: string;
    const at = (path: string): string => `${directory}/${path}`;

    beforeEach(() => {
      files = create();
      directory = files.makeTemporaryDirectory("millrace-contract-");
    });
    afterEach(() => files.remove(directory));

    it("let one of those who open exclusively have the name", () => {
      const file = files.openWrite(at("once"), { exclusive: true });
      file.write(Uint8Array.of(1));
      file.close();
      expect(codeOf(() => files.openWrite(at("once"), { exclusive: true }))).toBe("FILE_EXISTS");
      expect([...readFile(files, at("once"))]).toEqual([1]);
      files.remove(at("once"));
      files.openWrite(at("once"), { exclusive: true }).close();
    });

    it("give back what was written, at any position", () => {
      const file = files.openWrite(at("a.bin"));
      const buffer = Uint8Array.of(1, 2, 3);
      file.write(buffer);
      buffer.fill(9);
      file.write(new Uint8Array(0));
      file.write(Uint8Array.of(4, 5));
      file.sync();
      file.close();
      file.close();
      const read = files.openRead(at("a.bin"));
      expect(read.sizeBytes).toBe(5);
      const target = new Uint8Array(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer, 100, 3);
      read.readInto(target, 2);
      expect([...target]).toEqual([3, 4, 5]);
      expect(codeOf(() => read.readInto(target, 3))).toBe("FILE_TRUNCATED");
      expect(codeOf(() => read.readInto(target, 10))).toBe("FILE_TRUNCATED");
      read.readInto(new Uint8Array(0), 10);
      read.close();
      read.close();
    });

    it("begin anew where a file is written again", () => {
      writeFile(files, at("a"), Uint8Array.of(1, 2, 3));
      writeFile(files, at("a"), Uint8Array.of(7));
      expect([...readFile(files, at("a"))]).toEqual([7]);
    });

    it("change a file's version with its content", () => {
      writeFile(files, at("a"), Uint8Array.of(1));
      const before = files.stat(at("a"));
      expect(before).toMatchObject({ path: at("a"), sizeBytes: 1, isDirectory: false });
      expect(files.stat(at("a"))).toEqual(before);
      writeFile(files, at("a"), Uint8Array.of(1, 2));
      expect(files.stat(at("a"))?.version).not.toBe(before?.version);
    });

    it("list names in the order of their code units", () => {
      for (const name of ["b", "a", "Z", "ä", "10", "9"]) writeFile(files, at(name), new Uint8Array(1));
      files.makeDirectory(at("c/d"));
      expect(files.list(directory)).toEqual(["10", "9", "Z", "a", "b", "c", "ä"]);
      expect(files.list(at("c"))).toEqual(["d"]);
    });

    it("make directories with all above them, and mind none that is there", () => {
      files.makeDirectory(at("x/y/z"));
      files.makeDirectory(at("x/y/z"));
      files.makeDirectory("/");
      expect(files.stat(at("x/y"))).toMatchObject({ isDirectory: true });
      writeFile(files, at("file"), new Uint8Array(1));
      for (const below of ["file", "file/x", "file/x/y"]) {
        expect(codeOf(() => files.makeDirectory(at(below)))).toBe("FILE_NOT_FOUND");
      }
    });

    it("rename files over files and directories to new names", () => {
      writeFile(files, at("a"), Uint8Array.of(1));
      writeFile(files, at("b"), Uint8Array.of(2));
      files.rename(at("a"), at("b"));
      expect(files.stat(at("a"))).toBeUndefined();
      expect([...readFile(files, at("b"))]).toEqual([1]);
      files.rename(at("b"), at("b"));
      files.makeDirectory(at("from/deep"));
      files.rename(at("from"), at("to"));
      expect(files.list(at("to"))).toEqual(["deep"]);
      files.rename(at("b"), at("to/deep/b"));
      expect([...readFile(files, at("to/deep/b"))]).toEqual([1]);
    });

    it("rename nothing that does not fit", () => {
      writeFile(files, at("a"), Uint8Array.of(1));
      files.makeDirectory(at("full/x"));
      files.makeDirectory(at("d"));
      expect(codeOf(() => files.rename(at("none"), at("b")))).toBe("FILE_NOT_FOUND");
      expect(codeOf(() => files.rename(at("a"), at("none/b")))).toBe("FILE_NOT_FOUND");
      expect(codeOf(() => files.rename(at("a"), at("d")))).toBe("FILE_IS_DIRECTORY");
      expect(codeOf(() => files.rename(at("d"), at("a")))).toBe("FILE_NOT_FOUND");
      expect(codeOf(() => files.rename(at("d"), at("full")))).toBe("FILE_IO");
      expect(codeOf(() => files.rename(at("d"), at("d/inside")))).toBe("FILE_IO");
      expect(files.list(directory)).toEqual(["a", "d", "full"]);
    });

    it("remove files, whole directories, and nothing where nothing is", () => {
      files.makeDirectory(at("x/y"));
      writeFile(files, at("x/y/f"), new Uint8Array(3));
      writeFile(files, at("f"), new Uint8Array(3));
      for (const path of ["none", "none/x", "f/below", "x", "x"]) files.remove(at(path));
      expect(files.list(directory)).toEqual(["f"]);
      files.remove(at("f"));
      expect(files.list(directory)).toEqual([]);
    });

    it("keep an open file readable and writable when its name goes or stands for another", () => {
      writeFile(files, at("a"), Uint8Array.of(1, 2));
      const read = files.openRead(at("a"));
      const write = files.openWrite(at("b"));
      files.remove(at("a"));
      files.rename(at("b"), at("c"));
      write.write(Uint8Array.of(5));
      const target = new Uint8Array(2);
      read.readInto(target, 0);
      expect([...target]).toEqual([1, 2]);
      expect([...readFile(files, at("c"))]).toEqual([5]);
      read.close();
      write.close();
    });

    it("sync files and directories", () => {
      const file = files.openWrite(at("a"));
      file.sync();
      file.write(Uint8Array.of(1));
      file.sync();
      file.close();
      files.syncDirectory(directory);
      expect(codeOf(() => files.syncDirectory(at("none")))).toBe("FILE_NOT_FOUND");
    });

    it("name what went wrong by typed errors", () => {
      files.makeDirectory(at("d"));
      writeFile(files, at("f"), new Uint8Array(1));
      expect(codeOf(() => files.openRead(at("none")))).toBe("FILE_NOT_FOUND");
      expect(codeOf(() => files.openRead(at("f/none")))).toBe("FILE_NOT_FOUND");
      expect(codeOf(() => files.openRead(at("d")))).toBe("FILE_IS_DIRECTORY");
      expect(codeOf(() => files.openWrite(at("d")))).toBe("FILE_IS_DIRECTORY");
      expect(codeOf(() => files.openWrite(at("none/f")))).toBe("FILE_NOT_FOUND");
      expect(codeOf(() => files.openWrite(at("f/none")))).toBe("FILE_NOT_FOUND");
      expect(codeOf(() => files.list(at("none")))).toBe("FILE_NOT_FOUND");
      expect(codeOf(() => files.list(at("f")))).toBe("FILE_NOT_FOUND");
      expect(codeOf(() => files.openRead(""))).toBe("FILE_NOT_FOUND");
      expect(files.stat(at("none"))).toBeUndefined();
      expect(files.stat(at("f/none"))).toBeUndefined();
      expect(() => files.openRead(at("none"))).toThrow(/none" could not be read: no such file/);
    });

    it("do nothing with a file that is closed", () => {
      const file = files.openWrite(at("a"));
      file.close();
      expect(codeOf(() => file.write(Uint8Array.of(1)))).toBe("FILE_IO");
      expect(codeOf(() => file.sync())).toBe("FILE_IO");
      const read = files.openRead(at("a"));
      read.close();
      expect(codeOf(() => read.readInto(new Uint8Array(1), 0))).toBe("FILE_IO");
    });

    it("make temporary directories that are empty and private", () => {
      const other = files.makeTemporaryDirectory("millrace-contract-");
      expect(other).not.toBe(directory);
      expect(files.list(other)).toEqual([]);
      files.remove(other);
    });

    it("keep the temporary directories of a process that lives", () => {
      files.removeAbandonedDirectories("millrace-contract-");
      expect(files.stat(directory)).toBeDefined();
    });
  });
}
