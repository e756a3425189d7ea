import { buildBatch } from "../../src/core/columns/build.ts";
import { Schema } from "../../src/core/schema.ts";
import type { Source, SourceContext, Split } from "../../src/core/source.ts";
import { int64, utf8 } from "../../src/core/types.ts";

/** Numbers 0..count-1 with a text, in `splitCount` splits; for tests of plans and of the runtime. */
export function numberSource(count: number, splitCount = 1): Source {
  const schema = Schema.of({ n: int64, text: utf8 });
  const perSplit = Math.ceil(count / splitCount);
  const splits: Split[] = Array.from({ length: splitCount }, (_, i) => ({
    id: `numbers ${i}`,
    rows: perSplit,
    payload: { from: i * perSplit, to: Math.min(count, (i + 1) * perSplit) },
  }));
  return {
    spec: { kind: "test-numbers", count, splitCount },
    schema,
    statistics: { rows: count },
    description: `numbers(${count})`,
    splits: () => splits,
    openSplit: (split, context) => openSplit(schema, split, context),
  };
}

function openSplit(schema: Schema, { payload }: Split, { workspace, batchRows }: SourceContext) {
  const { from, to } = payload as { from: number; to: number };
  let at = from;
  return {
    next() {
      if (at >= to) return undefined;
      const rows: { n: bigint; text: string }[] = [];
      for (; at < to && rows.length < batchRows; at++) rows.push({ n: BigInt(at), text: `t${at % 7}` });
      return buildBatch(workspace, schema, rows);
    },
    close: () => undefined,
  };
}
