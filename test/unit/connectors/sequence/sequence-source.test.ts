import { describe, expect, it } from "vitest";
import { SequenceSource, type SequenceSourceSpec } from "../../../../src/connectors/sequence/sequence-source.ts";
import { readSource } from "../../../support/connectors.ts";

const sequence = (spec: Omit<SequenceSourceSpec, "kind">) =>
  new SequenceSource({ kind: "sequence", ...spec } as SequenceSourceSpec);
const valuesOf = async (source: SequenceSource, batchRows?: number) =>
  (await readSource(source, batchRows)).rows.map((row) => Object.values(row)[0]);

describe("SequenceSource", () => {
  it("counts up, down and by steps", async () => {
    expect(await valuesOf(sequence({ from: 3, to: 8 }), 2)).toEqual([3n, 4n, 5n, 6n, 7n]);
    expect(await valuesOf(sequence({ from: 5, to: -2, step: -3 }))).toEqual([5n, 2n, -1n]);
    expect(await valuesOf(sequence({ from: 5, to: 5 }))).toEqual([]);
    const last = 2n ** 63n - 1n;
    expect(await valuesOf(sequence({ from: String(last - 2n), to: String(last), column: "n" }))).toEqual([
      last - 2n,
      last - 1n,
    ]);
  });

  it("is cut into splits and knows its statistics", async () => {
    const source = sequence({ from: 0, to: 2_500_000, step: 1 });
    expect(source.splits()).toHaveLength(3);
    expect(source.statistics).toMatchObject({ rows: 2_500_000, columns: { value: { min: 0n, max: 2_499_999n } } });
    const short = sequence({ from: 0, to: 1000 });
    expect((await readSource(short.withColumns([]))).rows).toHaveLength(1000);
  });

  it("refuses what is no sequence", () => {
    expect(() => sequence({ from: 0, to: 1, step: 0 })).toThrow(/step is 0/);
    expect(() => sequence({ from: 0.5, to: 1 })).toThrow(/from is 0.5/);
    expect(() => sequence({ from: "x", to: 1 })).toThrow(/from is "x"/);
    expect(() => sequence({ from: 0, to: "99999999999999999999" })).toThrow(/to is/);
  });
});
