import { describe, expect, it } from "vitest";
import { openParquet } from "../../../../src/connectors/parquet/parquet-file.ts";
import { ParquetRowGroupReader } from "../../../../src/connectors/parquet/row-group-reader.ts";
import { DataError, MemoryExhaustedError } from "../../../../src/core/errors.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { int64, utf8 } from "../../../../src/core/types.ts";
import { MemoryFiles } from "../../../support/memory-files.ts";
import { rowsOfFile, rowsOfGroup } from "../../../support/parquet/read-parquet.ts";
import { writeRows } from "../../../support/parquet/write-parquet.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const PATH = "data/sales.parquet";
const schema = Schema.of({ id: int64, name: utf8 });
const rows = Array.from({ length: 1000 }, (_, i) => ({ id: BigInt(i) * 7919n, name: `customer ${i}` }));
const options = { rowGroupRows: 500, pageRows: 100, dictionary: false } as const;

/** A sound file. */
function sound(codec: "none" | "snappy" = "none"): Buffer {
  const files = new MemoryFiles();
  withWorkspace((workspace) => writeRows(workspace, files, PATH, schema, rows, { ...options, codec }));
  return Buffer.concat(files.contents.get(PATH) ?? []);
}

function errorOf(bytes: Buffer): DataError {
  const files = new MemoryFiles();
  files.contents.set(PATH, [bytes]);
  return withWorkspace((workspace) => {
    try {
      rowsOfFile(workspace, files, PATH);
    } catch (error) {
      expect(error).toBeInstanceOf(DataError);
      expect(files.openHandles).toBe(0);
      return error as DataError;
    }
    throw new Error("The file was read.");
  });
}

describe("a broken file is an error that says what and where", () => {
  it("that is not Parquet", () => {
    const error = errorOf(Buffer.from("id,name\n1,a\n2,b\n"));
    expect(error.code).toBe("PARQUET_NOT_PARQUET");
    expect(error.message).toBe(
      `Parquet file "${PATH}": it does not end with the Parquet mark "PAR1". Check the path, or read it with the source for its real format.`,
    );
  });

  it("that is empty", () => {
    expect(errorOf(Buffer.alloc(0)).message).toContain("it has only 0 bytes");
  });

  it("whose footer is encrypted", () => {
    const bytes = sound();
    bytes.write("PARE", bytes.length - 4);
    expect(errorOf(bytes).code).toBe("PARQUET_UNSUPPORTED");
  });

  it("whose footer claims more bytes than there are", () => {
    const bytes = sound();
    bytes.writeUInt32LE(0x7fff_ffff, bytes.length - 8);
    const error = errorOf(bytes);
    expect(error.code).toBe("PARQUET_FOOTER_CORRUPT");
    expect(error.message).toContain("its footer claims 2147483647 bytes");
  });

  it("whose footer is noise", () => {
    const bytes = sound();
    bytes.fill(0xff, bytes.length - 100, bytes.length - 8);
    expect(errorOf(bytes).code).toBe("PARQUET_FOOTER_CORRUPT");
  });

  it("of which the end is missing", () => {
    const error = errorOf(sound().subarray(0, 5000));
    expect(error.code).toBe("PARQUET_FOOTER_CORRUPT");
    expect(error.message).toMatch(/its end is missing\. The file is damaged or was not finished/);
  });

  it("with a flipped bit in a page", () => {
    const bytes = sound();
    // "customer 777" lies in row group 1 (rows 500 to 999), page 2 of its column.
    bytes[bytes.indexOf("customer 777")] ^= 1;
    const error = errorOf(bytes);
    expect(error.code).toBe("PARQUET_CHECKSUM_MISMATCH");
    expect(error.message).toContain(`Parquet file "${PATH}", row group 1, column "name", page 2: `);
    expect(error.whatToDo).toContain("leave this column out");
  });

  it("with a page header overwritten", () => {
    const bytes = sound();
    bytes.fill(0xee, 4, 10);
    const error = errorOf(bytes);
    expect(error.code).toBe("PARQUET_PAGE_CORRUPT");
    expect(error.message).toContain('row group 0, column "id", page 0: its header cannot be parsed');
  });

  it("with a page that claims to expand beyond what its codec can do", () => {
    const bytes = sound("snappy");
    // Field 2 of the first page header, the uncompressed size, as a varint of the same length but huge.
    const at = 4 + 3;
    expect(bytes[4]).toBe(0x15);
    bytes[at] |= 0x80;
    bytes[at + 1] = 0x7f;
    expect(["PARQUET_PAGE_CORRUPT", "PARQUET_UNSUPPORTED"]).toContain(errorOf(bytes).code);
  });

  it.each(["plain", "dictionary"])("with text that is not UTF-8 in a %s page", (encoding) => {
    const files = new MemoryFiles();
    withWorkspace((workspace) => {
      writeRows(workspace, files, PATH, schema, rows, {
        ...options,
        codec: "none",
        checksums: false,
        dictionary: encoding === "dictionary",
      });
    });
    const bytes = Buffer.concat(files.contents.get(PATH) ?? []);
    // In the second row group, past the first value of the statistics.
    const at = bytes.indexOf("customer 617");
    bytes[at + 3] = 0xe9; // "é" in Latin-1
    const error = errorOf(bytes);
    expect(error.code).toBe("PARQUET_UTF8_INVALID");
    expect(error.message).toMatch(
      new RegExp(`^Parquet file "${PATH}", row group 1, column "name", page \\d+: its string \\d+ is not UTF-8\\. `),
    );
  });

  it("keeps other columns readable", () => {
    const bytes = sound();
    bytes[bytes.indexOf("customer 777")] ^= 1;
    const files = new MemoryFiles();
    files.contents.set(PATH, [bytes]);
    withWorkspace((workspace) => {
      expect(rowsOfFile(workspace, files, PATH, 200, ["id"]).map(({ id }) => id)).toEqual(rows.map(({ id }) => id));
    });
  });
});

describe("memory", () => {
  const many = Array.from({ length: 200_000 }, (_, i) => ({
    id: BigInt(i) * 7919n,
    name: `customer number ${i} of many`,
  }));

  function large(): MemoryFiles {
    const files = new MemoryFiles();
    const whole = { codec: "none", dictionary: false, rowGroupRows: 1_000_000, pageBytes: 65_536 } as const;
    withWorkspace((workspace) => writeRows(workspace, files, PATH, schema, many, whole, 50_000));
    return files;
  }

  it("stays at a few pages per column, however large a row group is", () => {
    const files = large();
    const file = openParquet(files, PATH);
    expect(file.rowGroups.length).toBe(1);
    withWorkspace((workspace) => {
      let count = 0;
      const reader = new ParquetRowGroupReader(workspace, file, 0, ["id"]);
      for (let batch = reader.next(8192); batch !== undefined; batch = reader.next(8192)) {
        count += batch.rowCount;
        batch.release();
      }
      reader.close();
      expect(count).toBe(many.length);
      expect(workspace.allocator.peakBytes).toBeLessThan(8 * 1024 * 1024);
    });
  });

  it("that is too small is an error, not a crash", () => {
    const files = large();
    const file = openParquet(files, PATH);
    withWorkspace((workspace) => {
      expect(() => rowsOfGroup(workspace, file, 0, 8192)).toThrow(MemoryExhaustedError);
    }, 1024 * 1024);
  });
});
