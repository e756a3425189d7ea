import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { withDirectory } from "../../support/host.ts";
import { postgresUrl, stagingLeft, withDatabase } from "../../support/postgres.ts";
import { isOfCommit, PostgresProxy, type ProxyEvent } from "../../support/postgres-proxy.ts";

const ENTRY = new URL("../../../dist/index.js", import.meta.url).href;
const ROWS = 4000;
const KEYS = 5;
const url = await postgresUrl();

/** A running sum per key: position of the source, state and output have to agree. */
const job = (directory: string, to: object) => `
import { Schema, StreamExecutionEnvironment, types, valueState } from ${JSON.stringify(ENTRY)};
const env = StreamExecutionEnvironment.create().enableCheckpointing(30, { directory: ${JSON.stringify(join(directory, "checkpoints"))} });
const total = valueState("total", types.int64);
const sums = env
  .fromGenerator((n) => ({ n, key: n % ${KEYS} }), { count: ${ROWS}, rowsPerSecond: 1500 })
  .uid("numbers")
  .keyBy("key")
  .process(
    {
      processElement({ n, key }, { state }, out) {
        const sum = (state(total).get() ?? 0n) + BigInt(n);
        state(total).set(sum);
        out.collect({ n: BigInt(n), key: BigInt(key), sum });
      },
    },
    { schema: Schema.of({ n: types.int64, key: types.int64, sum: types.int64 }) },
  )
  .uid("sums");
sums.writeToPostgres({ ...${JSON.stringify(to)}, table: "every", uid: "every", parallelism: 2 });
sums.writeToPostgres({ ...${JSON.stringify(to)}, table: "newest", mode: "upsert", key: "key", uid: "newest" });
await env.execute();
`;

/** Moments of one checkpoint, by what travels between the job and the server. */
const POINTS: Record<string, (event: ProxyEvent) => boolean> = {
  "rows are on their way to staging": ({ kind }) => kind === "rows",
  "the staging table is about to be committed": (event) =>
    event.kind === "statement" && event.text === "COMMIT" && event.statements.some((text) => text.startsWith("COPY")),
  "the staging table is committed and nobody knows": (event) =>
    event.kind === "done" && event.text === "COMMIT" && event.statements.some((text) => text.startsWith("COPY")),
  "the checkpoint is complete and its commit begins": ({ kind, text, statements }) =>
    kind === "statement" &&
    text.includes("FOR UPDATE") &&
    !statements.some((each) => each.includes("ON CONFLICT (sink")),
  "the commit is sent": (event) => event.kind === "statement" && event.text === "COMMIT" && isOfCommit(event),
  "the commit is done and nobody knows": (event) =>
    event.kind === "done" && event.text === "COMMIT" && isOfCommit(event),
  "the commit is acknowledged": ({ kind, text, statements }) =>
    // Whatever comes next, over another connection.
    kind === "statement" && text.startsWith("BEGIN") && statements.length === 0,
};

describe.skipIf(url === undefined)("a job that writes to PostgreSQL", () => {
  it(
    `is killed ${Object.keys(POINTS).length} times, each at another point, and writes what an undisturbed one does`,
    () =>
      withDatabase(url ?? "", (db) =>
        withDirectory(async (directory) => {
          await db.sql("CREATE TABLE $schema.every (n int8, key int4, sum numeric)");
          await db.sql("CREATE TABLE $schema.newest (n int8, key int4 PRIMARY KEY, sum int8)");
          const proxy = await PostgresProxy.start(Number(new URL(db.url).port));
          const path = join(directory, "job.mjs");
          writeFileSync(path, job(directory, { connection: proxy.urlOf(db.url), schema: db.schema }));
          let child: ChildProcess | undefined;
          const points = Object.entries(POINTS);
          const hit: string[] = [];
          let commits = 0;
          try {
            for (let attempt = 0; ; attempt++) {
              expect(attempt).toBeLessThanOrEqual(points.length);
              commits = 0;
              proxy.watch = (event) => {
                if (event.kind === "done" && event.text === "COMMIT" && isOfCommit(event)) commits++;
                const [name, isThere] = points[attempt] ?? [];
                // Behind the first commit of the run, so that there is a checkpoint to go on from.
                if (name === undefined || commits === 0 || hit.includes(name) || isThere?.(event) !== true)
                  return undefined;
                hit.push(name);
                // What was sent arrives; what the server says reaches nobody.
                child?.kill("SIGKILL");
                return undefined;
              };
              child = spawn(process.execPath, [path], { stdio: ["ignore", "ignore", "inherit"] });
              const [code, signal] = await once(child, "exit");
              const [rows] = await db.sql(
                "SELECT count(*)::int AS all, count(DISTINCT n)::int AS n FROM $schema.every",
              );
              expect(rows.all).toBe(rows.n);
              if (signal === null) {
                expect(code).toBe(0);
                break;
              }
            }
          } finally {
            child?.kill("SIGKILL");
            await proxy.close();
          }
          expect(hit).toEqual(Object.keys(POINTS));
          const sums = Array.from({ length: KEYS }, () => 0);
          const expected = Array.from({ length: ROWS }, (_, n) => {
            sums[n % KEYS] += n;
            return { n, key: n % KEYS, sum: sums[n % KEYS] };
          });
          const columns = "n::int, key, sum::int";
          expect(await db.sql(`SELECT ${columns} FROM $schema.every ORDER BY n`)).toEqual(expected);
          expect(await db.sql(`SELECT ${columns} FROM $schema.newest ORDER BY n`)).toEqual(expected.slice(-KEYS));
          expect(await stagingLeft(db)).toEqual([]);
        }),
      ),
    300_000,
  );
});
