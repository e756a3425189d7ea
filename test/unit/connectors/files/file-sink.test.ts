import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { csvSink } from "../../../../src/connectors/csv/csv-sink.ts";
import { CsvSource } from "../../../../src/connectors/csv/csv-source.ts";
import type { FileFormat } from "../../../../src/connectors/files/file-format.ts";
import { FileSink } from "../../../../src/connectors/files/file-sink.ts";
import { Schema } from "../../../../src/core/schema.ts";
import type { Sink } from "../../../../src/core/sink.ts";
import { int64, utf8 } from "../../../../src/core/types.ts";
import { failureOf, readSource, writeSink } from "../../../support/connectors.ts";
import { testHost, withDirectory } from "../../../support/host.ts";

const schema = Schema.of({ id: int64, name: utf8 });
const rows = [
  { id: 1n, name: "a" },
  { id: 2n, name: null },
];
const csv = (path: string, options: object = {}): Sink => csvSink({ kind: "csv", path, ...options }, testHost());

/** Everything below a directory, hidden entries as well, by path. */
function contents(directory: string, prefix = ""): Record<string, string> {
  const all: Record<string, string> = {};
  for (const entry of readdirSync(join(directory, prefix), { withFileTypes: true })) {
    const path = join(prefix, entry.name);
    if (entry.isDirectory()) Object.assign(all, contents(directory, path));
    else all[path] = readFileSync(join(directory, path), "utf8");
  }
  return all;
}

describe("FileSink", () => {
  it("writes a single file", () =>
    withDirectory(async (directory) => {
      await writeSink(csv(join(directory, "new/out.csv")), schema, rows);
      expect(contents(directory)).toEqual({ "new/out.csv": "id,name\n1,a\n2,\n" });
      expect(readdirSync(join(directory, "new"))).toEqual(["out.csv"]);
    }));

  it("writes a directory with a file per subtask, and one with the header where there are no rows", () =>
    withDirectory(async (directory) => {
      const sink = csv(join(directory, "out"));
      await writeSink(sink, schema, rows, 1, { subtask: 3, parallelism: 4 });
      expect(contents(directory)).toEqual({ "out/part-00003.csv": "id,name\n1,a\n2,\n" });
      await writeSink(csv(join(directory, "none")), schema, []);
      expect(contents(join(directory, "none"))).toEqual({ "part-00000.csv": "id,name\n" });
    }));

  it("refuses a single file from several subtasks", () =>
    withDirectory(async (directory) => {
      const failure = await failureOf(() =>
        writeSink(csv(join(directory, "a.csv")), schema, rows, 1, { parallelism: 2, end: "nothing" }),
      );
      expect(failure.code).toBe("SINGLE_FILE_PARALLEL");
    }));

  it("fails by default where the target exists and is not empty", () =>
    withDirectory(async (directory) => {
      writeFileSync(join(directory, "out.csv"), "old");
      expect((await failureOf(() => writeSink(csv(join(directory, "out.csv")), schema, rows))).code).toBe(
        "TARGET_EXISTS",
      );
      mkdirSync(join(directory, "dir"));
      await writeSink(csv(join(directory, "dir")), schema, rows);
      expect((await failureOf(() => writeSink(csv(join(directory, "dir")), schema, rows))).code).toBe("TARGET_EXISTS");
      expect((await failureOf(() => writeSink(csv(join(directory, "out.csv/")), schema, rows))).code).toBe(
        "TARGET_EXISTS",
      );
      expect(contents(directory)).toEqual({ "out.csv": "old", "dir/part-00000.csv": "id,name\n1,a\n2,\n" });
    }));

  it("overwrites files and directories, and appends to directories", () =>
    withDirectory(async (directory) => {
      writeFileSync(join(directory, "out.csv"), "old");
      await writeSink(csv(join(directory, "out.csv"), { overwrite: "overwrite" }), schema, []);
      await writeSink(csv(join(directory, "dir")), schema, rows);
      writeFileSync(join(directory, "dir/other"), "old");
      await writeSink(csv(join(directory, "dir"), { overwrite: "overwrite" }), schema, []);
      expect(contents(directory)).toEqual({ "out.csv": "id,name\n", "dir/part-00000.csv": "id,name\n" });
      await writeSink(csv(join(directory, "dir"), { overwrite: "append" }), schema, rows, 8, { jobId: "job/2" });
      expect(contents(directory)).toEqual({
        "out.csv": "id,name\n",
        "dir/part-00000.csv": "id,name\n",
        "dir/part-job-2-00000.csv": "id,name\n1,a\n2,\n",
      });
      expect(() => csv(join(directory, "out.csv"), { overwrite: "append" })).toThrow(/cannot be appended/);
    }));

  it("shows nothing before the commit, and leaves nothing after an abort or a thrown error", () =>
    withDirectory(async (directory) => {
      const target = join(directory, "out");
      await writeSink(csv(target), schema, rows, 1, { end: "nothing" });
      expect(readdirSync(directory)).toEqual([`.out.writing-${testHost().processes.token}-job-1`]);
      await writeSink(csv(target), schema, rows, 1, { end: "abort" });
      expect(readdirSync(directory)).toEqual([]);

      let written = 0;
      const failing: FileFormat = {
        name: "failing",
        extension: ".f",
        singleFileExtensions: [".f"],
        open: (file) => ({
          write: () => {
            file.write(new Uint8Array(10));
            if (++written === 3) throw new Error("the writer broke");
          },
          finish: () => {},
          close: () => {},
        }),
      };
      const sink = new FileSink({ kind: "failing", path: join(directory, "x.f") }, failing, testHost());
      const three = [...rows, { id: 3n, name: "c" }];
      await expect(writeSink(sink, schema, three, 1, { end: "abort" })).rejects.toThrow("the writer broke");
      expect(written).toBe(3);
      expect(readdirSync(directory)).toEqual([]);
    }));

  describe("what killed processes left", () => {
    const [machine] = testHost().processes.token.split(".");
    // Above the highest process id of Linux.
    const dead = `${machine}.4194304.1`;
    const foreign = "0123456789ab.4194304.1";

    it("is removed by the next job to the same path, and nothing else is", () =>
      withDirectory(async (directory) => {
        const left = [`.out.csv.writing-${dead}-job-1`, `.out.csv.replaced-${dead}-job-1`];
        const kept = [
          `.out.csv.writing-${foreign}-job-1`,
          `.out.csv.writing-${testHost().processes.token}-job-9`,
          `.out.csv.writing-job-1`,
          `.other.csv.writing-${dead}-job-1`,
        ];
        writeFileSync(join(directory, "out.csv"), "old");
        for (const name of [...left, ...kept]) {
          mkdirSync(join(directory, name));
          writeFileSync(join(directory, name, "part"), "x");
        }
        await writeSink(csv(join(directory, "out.csv"), { overwrite: "overwrite" }), schema, rows);
        expect(readdirSync(directory).sort()).toEqual([...kept, "out.csv"].sort());
      }));

    it("comes back where one died between the two renames that replace a directory", () =>
      withDirectory(async (directory) => {
        mkdirSync(join(directory, `.out.replaced-${dead}-job-1`));
        writeFileSync(join(directory, `.out.replaced-${dead}-job-1`, "old.csv"), "old");
        mkdirSync(join(directory, `.out.writing-${dead}-job-1`, "ready"), { recursive: true });
        const failure = await failureOf(() => writeSink(csv(join(directory, "out")), schema, rows));
        expect(failure.code).toBe("TARGET_EXISTS");
        expect(contents(directory)).toEqual({ "out/old.csv": "old" });
        expect(readdirSync(directory)).toEqual(["out"]);
      }));
  });

  it("keeps the old output when the job that would overwrite it fails", () =>
    withDirectory(async (directory) => {
      await writeSink(csv(join(directory, "dir")), schema, rows);
      const before = contents(directory);
      await writeSink(csv(join(directory, "dir"), { overwrite: "overwrite" }), schema, [], 1, { end: "abort" });
      expect(contents(directory)).toEqual(before);
    }));

  it("may commit again, wherever an earlier try stopped", () =>
    withDirectory(async (directory) => {
      const { files } = testHost();
      for (const overwrite of ["error", "overwrite", "append"] as const) {
        for (const name of ["out.csv", "out"]) {
          if (name === "out.csv" && overwrite === "append") continue;
          // Every prefix of the commit's changes to the file system, then the whole commit.
          for (let allowed = 0; ; allowed++) {
            const base = join(directory, `${overwrite}-${name}-${allowed}`);
            mkdirSync(base);
            if (overwrite !== "error")
              await writeSink(csv(join(base, name), { overwrite: "overwrite" }), schema, [], 1, { jobId: "old" });
            let left = allowed;
            const step =
              <A extends unknown[]>(run: (...args: A) => void) =>
              (...args: A) => {
                if (left-- <= 0) throw new Error("crash");
                run(...args);
              };
            let isArmed = false;
            const armed = <A extends unknown[]>(run: (...args: A) => void) => {
              const limited = step(run);
              return (...args: A) => (isArmed ? limited(...args) : run(...args));
            };
            const host = {
              ...testHost(),
              files: Object.assign(Object.create(files), {
                rename: armed((from: string, to: string) => files.rename(from, to)),
                remove: armed((path: string) => files.remove(path)),
                makeDirectory: armed((path: string) => files.makeDirectory(path)),
              }),
            };
            const sink = csvSink({ kind: "csv", path: join(base, name), overwrite }, host);
            const committables: never[][] = [];
            await writeSink({ ...asSink(sink), commit: (all) => void committables.push(all as never) }, schema, rows);
            isArmed = true;
            let crashed = false;
            try {
              await sink.commit(committables[0]);
            } catch (error) {
              expect((error as Error).message).toBe("crash");
              crashed = true;
            }
            isArmed = false;
            await sink.commit(committables[0]);
            await sink.commit(committables[0]);
            const all = contents(base);
            const mine = Object.entries(all).filter(([, text]) => text === "id,name\n1,a\n2,\n");
            expect(mine, `${overwrite} ${name} after ${allowed} steps`).toHaveLength(1);
            expect(Object.keys(all)).toHaveLength(name === "out" && overwrite === "append" ? 2 : 1);
            expect(readdirSync(base)).toEqual([name]);
            if (!crashed) break;
          }
        }
      }
    }));

  it("names directories after partitions, which read back as columns", () =>
    withDirectory(async (directory) => {
      const wide = Schema.of({ id: int64, year: int64, name: utf8 });
      const data = Array.from({ length: 60 }, (_, i) => ({
        id: BigInt(i),
        year: i % 20 === 19 ? null : BigInt(1900 + (i % 20)),
        name: i % 2 === 0 ? "a/b" : "c d",
      }));
      const sink = csv(join(directory, "out"), { partitionBy: ["year", "name"] });
      await writeSink(sink, wide, data, 17);
      expect(existsSync(join(directory, "out/year=1900/name=a%2Fb/part-00000.csv"))).toBe(true);
      expect(existsSync(join(directory, "out/year=__HIVE_DEFAULT_PARTITION__/name=c%20d"))).toBe(true);
      const source = new CsvSource({ kind: "csv", paths: join(directory, "out") }, testHost());
      expect(String(source.schema)).toBe("id int64, year int64, name utf8");
      const { rows: read } = await readSource(source);
      const byId = (a: { id?: unknown }, b: { id?: unknown }) => Number(a.id) - Number(b.id);
      expect([...read].sort(byId)).toEqual(data);
      const narrow = await readSource(source.withColumns(["name", "year"]));
      expect(narrow.rows).toHaveLength(60);
      expect(() => csv("a.csv", { partitionBy: ["x"] })).toThrow(/single file/);
      const everything = csv(join(directory, "all"), { partitionBy: ["id", "year", "name"] });
      await expect(writeSink(everything, wide, data)).rejects.toMatchObject({ code: "PARTITION_INVALID" });
    }));

  it("compresses text output", () =>
    withDirectory(async (directory) => {
      const many = Array.from({ length: 40_000 }, (_, i) => ({ id: BigInt(i), name: `name ${i}` }));
      await writeSink(csv(join(directory, "out.csv.gz")), schema, many);
      const text = gunzipSync(readFileSync(join(directory, "out.csv.gz"))).toString();
      expect(text.split("\n")).toHaveLength(40_002);
      const source = new CsvSource({ kind: "csv", paths: join(directory, "out.csv.gz") }, testHost());
      expect((await readSource(source)).rows).toEqual(many);
    }));
});

const asSink = (sink: Sink): Sink => ({
  spec: sink.spec,
  description: sink.description,
  begin: (jobId, start) => sink.begin(jobId, start),
  createWriter: (context) => sink.createWriter(context),
  commit: (committables) => sink.commit(committables),
  abort: (committables) => sink.abort(committables),
});
