import { describe, expect, it } from "vitest";
import { col } from "../../../../src/core/expressions/builders.ts";
import type { Expression } from "../../../../src/core/expressions/expression.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { int64, utf8 } from "../../../../src/core/types.ts";
import { fuseOperators } from "../../../../src/plan/stream/fuse-operators.ts";
import type { OperatorNode } from "../../../../src/runtime/job-graph.ts";

const schema = Schema.of({ kind: int64, id: int64, price: int64, text: utf8 });
const filter = (name: string, condition: Expression, columns?: string[]): OperatorNode => ({
  kind: "filter",
  name,
  predicate: condition.node,
  ...(columns === undefined ? {} : { columns }),
});
const project = (columns: Record<string, Expression>): OperatorNode => ({
  kind: "project",
  name: "select",
  columns: Object.entries(columns).map(([name, { node }]) => ({ name, expression: node })),
});
const bids = filter("bids", col("kind").eq(2));

describe("operators of a stream that follow each other", () => {
  it("become one filter that copies only the columns which the next step picks", () => {
    const [fused, ...others] = fuseOperators(bids, project({ price: col("price"), id: col("id") }), schema);
    expect(others).toEqual([]);
    expect(fused).toMatchObject({ kind: "filter", name: "bids -> select", columns: ["price", "id"] });
  });

  it("stay two where the next one computes, and the filter copies what that reads", () => {
    const computed = project({ twice: col("price").mul(2), id: col("id") });
    expect(fuseOperators(bids, computed, schema)).toEqual([{ ...bids, columns: ["id", "price"] }, computed]);
    const renamed = project({ other: col("id") });
    expect(fuseOperators(bids, renamed, schema)).toEqual([{ ...bids, columns: ["id"] }, renamed]);
  });

  it("become one filter of both conditions, with the columns of the second", () => {
    const some = filter("some", col("id").mod(123).eq(0));
    const [fused, ...others] = fuseOperators({ ...bids, columns: ["id", "price"] } as OperatorNode, some, schema);
    expect(others).toEqual([]);
    expect(fused).toMatchObject({ name: "bids -> some", columns: ["id", "price"] });
    expect(fused).toMatchObject({ predicate: { fn: "and" } });
  });

  it("stay two where the first condition may fail: the second must not hide that", () => {
    const first = filter("first", col("price").mul(col("price")).gt(5));
    expect(fuseOperators(first, bids, schema)).toEqual([first, bids]);
  });

  it("stay two where the first is no filter", () => {
    const first = project({ id: col("id") });
    expect(fuseOperators(first, bids, schema)).toEqual([first, bids]);
  });
});
