import { describe, expect, it } from "vitest";
import { MemorySource } from "../../../../src/connectors/memory/memory-source.ts";
import { connectorRegistry } from "../../../../src/connectors/registry.ts";
import { buildBatch } from "../../../../src/core/columns/build.ts";
import { readRows } from "../../../../src/core/columns/read.ts";
import type { Host } from "../../../../src/core/host.ts";
import { Schema } from "../../../../src/core/schema.ts";
import type { Committable, Sink } from "../../../../src/core/sink.ts";
import type { Json, Source } from "../../../../src/core/source.ts";
import { types } from "../../../../src/index.ts";
import { conformance } from "../../../../src/testing/faults/conformance.ts";
import { FaultCheckError } from "../../../../src/testing/faults/fault-check-error.ts";
import { visibleLines } from "../../../support/visible-lines.ts";

/** A database with transactions: rows of those that are committed are visible. */
class Database {
  readonly transactions = new Map<string, { readonly rows: readonly object[]; isCommitted: boolean }>();
  readonly appended: object[] = [];
  count = 0;

  visible(): object[] {
    const committed = [...this.transactions.values()].filter(({ isCommitted }) => isCommitted);
    return [...this.appended, ...committed.flatMap(({ rows }) => rows)];
  }
}

type Mistake = "none" | "at-once" | "append" | "reused-id" | "forgets-prepared" | "aborts-kept";

/** A sink into it, with one of the mistakes that sinks of other engines have made. */
function databaseSink(database: Database, mistake: Mistake): Sink {
  let job = "";
  const write = (id: string, rows: readonly object[]): Committable => {
    database.transactions.set(id, { rows, isCommitted: false });
    // Twice the same rows: a commit that adds them instead of making them visible.
    return mistake === "append" ? ({ id, texts: rows.map((row) => (row as { text: string }).text) } as Json) : { id };
  };
  return {
    spec: { kind: "database" },
    description: "database",
    staysWithCaller: true,
    begin: (jobId) => {
      job = jobId;
    },
    createWriter: ({ workspace, jobId, subtask }) => {
      let rows: object[] = [];
      const prepare = (): Committable => {
        const taken = rows;
        rows = [];
        const id = mistake === "reused-id" ? `${subtask}-${taken.length}` : `${jobId}-${subtask}-${database.count++}`;
        return write(id, taken);
      };
      return {
        write: (batch) => {
          if (mistake === "at-once") database.appended.push(...readRows(workspace, batch));
          else rows.push(...readRows(workspace, batch));
        },
        prepareCheckpoint: () => {
          const prepared = prepare();
          return mistake === "forgets-prepared" ? [] : [prepared];
        },
        prepareCommit: prepare,
        close: () => undefined,
      };
    },
    commit: (committables) => {
      for (const { id, texts } of committables as unknown as { id: string; texts?: string[] }[]) {
        const transaction = database.transactions.get(id);
        if (texts !== undefined) database.appended.push(...(transaction?.rows ?? []));
        else if (transaction !== undefined) transaction.isCommitted = true;
        else if (mistake !== "aborts-kept") throw new Error(`no transaction ${id}`);
      }
    },
    abort: (_, kept = []) => {
      const keptIds = new Set((kept as unknown as { id: string }[]).map(({ id }) => id));
      for (const [id, { isCommitted }] of database.transactions) {
        const isOwn = id.startsWith(job) && !isCommitted;
        if (isOwn && (mistake === "aborts-kept" || !keptIds.has(id))) database.transactions.delete(id);
      }
    },
  };
}

const checkSink = (mistake: Mistake, runs: number) =>
  conformance.sink(
    {
      system: () => new Database(),
      sink: (database) => databaseSink(database, mistake),
      read: (database) => database.visible(),
    },
    { runs },
  );

const numbers = Schema.of({ n: types.int64 });

/** Splits of five numbers each, whose readers tell where they stand; `shift` makes that a wrong place. */
function numberSource(shift: number, isListedBySize = false): Source {
  return {
    spec: { kind: "numbers" },
    schema: numbers,
    statistics: {},
    description: "numbers",
    staysWithCaller: true,
    openSplits: 2,
    splits: () => [0, 1, 2].map((split) => ({ id: isListedBySize ? "split" : `split ${split}`, payload: split })),
    openSplit: ({ payload }, { workspace, host }, offset) => {
      let at = typeof offset === "number" ? offset : 0;
      return {
        next: async () => {
          if (at >= 5) return undefined;
          await new Promise<void>((resolve) => void host.scheduler.after(15, resolve));
          return buildBatch(workspace, numbers, [{ n: BigInt((payload as number) * 5 + at++) }]);
        },
        offset: () => at + shift,
        close: () => undefined,
      };
    },
  };
}

async function isFound(check: Promise<unknown>): Promise<boolean> {
  try {
    await check;
    return false;
  } catch (thrown) {
    if (thrown instanceof FaultCheckError) return true;
    throw thrown;
  }
}

describe("conformance", { timeout: 180_000 }, () => {
  it("passes a sink in two phases, and rolling files", async () => {
    expect((await checkSink("none", 60)).restarts).toBeGreaterThan(10);
    const jsonFiles = await connectorRegistry.sinkFactory("rolling-json");
    const read = (_: unknown, host: Host) =>
      Object.values(visibleLines(host.files, "/out"))
        .flat()
        .map((line) => JSON.parse(line) as object);
    const sink = (_: unknown, host: Host) => jsonFiles({ kind: "rolling-json", path: "/out" }, host);
    await conformance.sink({ system: () => undefined, sink, read }, { runs: 40 });
  });

  it.each<Mistake>(["at-once", "append", "reused-id", "forgets-prepared", "aborts-kept"])(
    "finds a sink with the mistake %s",
    async (mistake) => {
      expect(await isFound(checkSink(mistake, 400))).toBe(true);
    },
  );

  it("passes sources with places and the one of collections", async () => {
    await conformance.source({ system: () => undefined, source: () => numberSource(0) }, { runs: 40 });
    const rows = [1n, 2n, 3n].map((n) => ({ n }));
    const source = () => new MemorySource({ kind: "memory", rows, schema: numbers });
    await conformance.source({ system: () => undefined, source }, { runs: 30 });
  });

  it.each([1, -1])("finds a source that goes on %i rows beside its place", async (shift) => {
    const check = conformance.source({ system: () => undefined, source: () => numberSource(shift) }, { runs: 300 });
    expect(await isFound(check)).toBe(true);
  });

  it("refuses what it cannot check", async () => {
    await expect(async () => conformance.sink({} as never)).rejects.toMatchObject({ code: "FUNCTION_INVALID" });
    const under = { system: () => undefined, source: () => numberSource(0) };
    await expect(conformance.source(under, { rusn: 1 } as never)).rejects.toMatchObject({ code: "OPTION_UNKNOWN" });
  });
});
