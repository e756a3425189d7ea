import { describe, expect, it } from "vitest";
import {
  partitionColumns,
  partitionDirectory,
  partitionValue,
} from "../../../../src/connectors/files/partition-values.ts";
import { date, int64, utf8 } from "../../../../src/core/types.ts";

describe("partition directories", () => {
  it("give typed columns", () => {
    const { fields, texts } = partitionColumns([
      "t/year=2020/day=2020-02-29/name=a%2Fb/p.csv",
      "t/year=__HIVE_DEFAULT_PARTITION__/day=2021-01-01/name=c/p.csv",
    ]);
    expect(fields).toEqual([
      { name: "year", type: int64 },
      { name: "day", type: date },
      { name: "name", type: utf8 },
    ]);
    expect(texts.map((values) => values.map((text, i) => partitionValue(text, fields[i].type)))).toEqual([
      [2020n, 18321, "a/b"],
      [null, 18628, "c"],
    ]);
  });

  it("give nothing where files disagree", () => {
    expect(partitionColumns(["a=1/x", "b=1/x"]).fields).toEqual([]);
    expect(partitionColumns(["a=1/x", "x"]).fields).toEqual([]);
    expect(partitionColumns(["a=1/a=2/x"]).fields).toEqual([]);
    expect(partitionColumns(["d=2021-02-30/x"]).fields).toEqual([{ name: "d", type: utf8 }]);
  });

  it("are written so that they read back", () => {
    for (const value of ["a", "a/b", "..", ".", "ü %=?*", "x y", "__", null]) {
      const path = `out/${partitionDirectory("k=ey", value)}/part`;
      expect(path.split("/")).toHaveLength(3);
      expect(partitionColumns([path])).toEqual({ fields: [{ name: "k=ey", type: utf8 }], texts: [[value]] });
    }
    expect(partitionDirectory("\ud800", "a\udc00")).toBe(partitionDirectory("\ufffd", "a\ufffd"));
  });
});
