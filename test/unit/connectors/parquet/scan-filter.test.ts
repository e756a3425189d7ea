import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { openParquet } from "../../../../src/connectors/parquet/parquet-file.ts";
import { ScanFilter } from "../../../../src/connectors/parquet/scan-filter.ts";
import { literalOfValue } from "../../../../src/core/expressions/literal.ts";
import { callNode, columnNode, type ExpressionNode } from "../../../../src/core/expressions/node.ts";
import { Schema } from "../../../../src/core/schema.ts";
import * as types from "../../../../src/core/types.ts";
import { nodeHost } from "../../../../src/host/node-host.ts";
import { MemoryFiles } from "../../../support/memory-files.ts";
import { readFiltered } from "../../../support/parquet/read-filtered.ts";
import { rowsOfFile } from "../../../support/parquet/read-parquet.ts";
import { writeRows } from "../../../support/parquet/write-parquet.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../../fixtures/parquet/${name}.parquet`, import.meta.url));

function filterOf(path: string, condition: ExpressionNode, files = nodeHost().files): ScanFilter | undefined {
  const { mapped, schema } = openParquet(files, path);
  const flat = schema.names.filter((_, i) => mapped.roots[i].leaf !== undefined);
  return ScanFilter.of(condition, schema, new Set(flat));
}

describe("a scan with a condition reads what other writers and encodings hold", () => {
  const names = "delta split fallback index lz4 brotli gzip types int-decimals".split(" ");
  it.each(names)("%s", (name) => {
    const { files } = nodeHost();
    const path = fixture(name);
    const { mapped, schema } = openParquet(files, path);
    let compared = 0;
    withWorkspace((workspace) => {
      const rows = rowsOfFile(workspace, files, path);
      for (const [i, field] of schema.fields.entries()) {
        const value = rows[rows.length >> 1][field.name];
        const isText = field.type.kind === "utf8" || field.type.kind === "binary";
        if (mapped.roots[i].leaf === undefined || value === null || field.type.kind === "interval") continue;
        const literal = literalOfValue(value, field.type);
        for (const fn of isText ? ["eq", "ge"] : ["eq", "lt"]) {
          const condition = callNode(fn, columnNode(field.name), literal);
          const whole = readFiltered(workspace, files, path, condition, 61);
          const late = readFiltered(workspace, files, path, condition, 61, filterOf(path, condition));
          expect(late.rows).toEqual(whole.rows);
          compared++;
        }
      }
    });
    expect(compared).toBeGreaterThan(0);
  });
});

describe("pages", () => {
  const schema = Schema.of({ id: types.int32, name: types.utf8, price: types.decimal(12, 2) });
  const rows = Array.from({ length: 1000 }, (_, id) => ({ id, name: `${"name ".repeat(20)}${id}`, price: `${id}.25` }));

  /** Ten pages of each column. */
  function written(): MemoryFiles {
    const files = new MemoryFiles();
    const options = { codec: "none", pageRows: 100, dictionary: false } as const;
    withWorkspace((workspace) => writeRows(workspace, files, "t.parquet", schema, rows, options));
    return files;
  }

  const inPage = (page: number): ExpressionNode =>
    callNode(
      "and",
      callNode("ge", columnNode("id"), literalOfValue(page * 100 + 10, types.int32)),
      callNode("lt", columnNode("id"), literalOfValue(page * 100 + 20, types.int32)),
    );

  it("without a row that passes are not looked at", () => {
    const files = written();
    const bytes = Buffer.concat(files.contents.get("t.parquet") ?? []);
    const name = bytes.indexOf(rows[300].name);
    // A length that passes the end of its page.
    bytes.fill(0x7f, name - 4, name);
    files.contents.set("t.parquet", [bytes]);
    const read = (page: number) =>
      withWorkspace((workspace) => {
        const filter = filterOf("t.parquet", inPage(page), files);
        return readFiltered(workspace, files, "t.parquet", inPage(page), 1000, filter).rows;
      });
    expect(read(5)).toEqual(rows.slice(510, 520));
    expect(() => read(3)).toThrow(/PARQUET_|t\.parquet/);
    expect(files.openHandles).toBe(0);
  });

  it("are read whole where most rows pass, after an attempt", () => {
    const files = written();
    const condition = callNode("ge", columnNode("id"), literalOfValue(5, types.int32));
    withWorkspace((workspace) => {
      const late = readFiltered(workspace, files, "t.parquet", condition, 100, filterOf("t.parquet", condition, files));
      expect(late.given).toBe(1000);
      expect(late.rows).toEqual(rows.slice(5));
    });
  });
});
