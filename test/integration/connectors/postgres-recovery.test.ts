import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { startPostgres } from "../../../scripts/services/postgres.mjs";
import {
  col,
  ExecutionEnvironment,
  type JobSnapshot,
  type RestartStrategy,
  restartStrategies,
  StreamExecutionEnvironment,
} from "../../../src/index.ts";
import { withDirectory } from "../../support/host.ts";
import { postgresUrl, query, stagingLeft, type TestDatabase, withDatabase } from "../../support/postgres.ts";
import { isOfCommit, PostgresProxy } from "../../support/postgres-proxy.ts";

const url = await postgresUrl();
const ROWS = 600;

/** Counts from 0 into a table, in about half a second; it is not started again by itself. */
function counting(
  place: { url: string; schema: string },
  options: { parallelism?: number; rowsPerSecond?: number; restarts?: RestartStrategy } = {},
) {
  const { parallelism = 1, rowsPerSecond = 1200, restarts = restartStrategies.none() } = options;
  const env = StreamExecutionEnvironment.create({ parallelism }).enableCheckpointing(40).setRestartStrategy(restarts);
  const numbers = env
    .fromGenerator({ n: col("n") }, { count: ROWS, rowsPerSecond })
    .uid("numbers")
    .rebalance();
  const { url: connection, schema } = place;
  numbers.writeToPostgres({ connection, schema, table: "numbers", uid: "to numbers" });
  return env;
}

const table = ({ sql }: TestDatabase) => sql("CREATE TABLE $schema.numbers (n int8)");

async function expectAll(db: TestDatabase): Promise<void> {
  const found = await db.sql("SELECT count(*)::int, count(DISTINCT n)::int AS different FROM $schema.numbers");
  expect(found).toEqual([{ count: ROWS, different: ROWS }]);
  expect(await stagingLeft(db)).toEqual([]);
}

const until = async (holds: () => unknown) => {
  while (!holds()) await sleep(5);
};

describe.skipIf(url === undefined)("a PostgreSQL sink", () => {
  const database = (test: Parameters<typeof withDatabase>[1]) => withDatabase(url ?? "", test);
  const proxied = (test: (db: TestDatabase, proxy: PostgresProxy) => Promise<void>) =>
    database(async (db) => {
      await table(db);
      const proxy = await PostgresProxy.start(Number(new URL(db.url).port));
      try {
        await test(db, proxy);
      } finally {
        await proxy.close();
      }
    });

  it.each([
    ["before the server hears of it", "statement"],
    ["before the client hears of it", "done"],
  ])("asks how a commit has ended whose connection was cut %s", (_, moment) =>
    proxied(async (db, proxy) => {
      let cuts = 0;
      let commits = 0;
      proxy.watch = (event) => {
        if (event.kind !== moment || event.text !== "COMMIT" || !isOfCommit(event) || commits++ % 2 === 1)
          return undefined;
        cuts++;
        return "cut";
      };
      await counting({ ...db, url: proxy.urlOf(db.url) }).execute();
      expect(cuts).toBeGreaterThan(0);
      await expectAll(db);
    }),
  );

  it("fails the job where a writer's connection is cut, and goes on from the checkpoint", () =>
    proxied(async (db, proxy) => {
      const place = { ...db, url: proxy.urlOf(db.url) };
      const first = await counting(place).executeAsync();
      await until(() => first.latestCheckpoint !== undefined);
      proxy.watch = ({ kind }) => (kind === "rows" ? "cut" : undefined);
      await expect(first.result()).rejects.toMatchObject({ code: "POSTGRES_UNAVAILABLE", retryable: true });
      proxy.watch = () => undefined;
      const second = await counting(place).executeAsync({ restore: first.latestCheckpoint as JobSnapshot });
      await second.result();
      await expectAll(db);
    }));

  it("goes on by itself where a writer's connection is cut", () =>
    proxied(async (db, proxy) => {
      let cuts = 0;
      proxy.watch = ({ kind }) => (kind === "rows" && ++cuts % 7 === 3 && cuts < 20 ? "cut" : undefined);
      const restarts = restartStrategies.fixedDelay({ attempts: 10, delayMs: 20 });
      const job = await counting({ ...db, url: proxy.urlOf(db.url) }, { restarts }).executeAsync();
      await job.result();
      expect(job.restarts).toBeGreaterThan(0);
      await expectAll(db);
    }));

  it("lets a run that another one has taken over from commit nothing more", () =>
    database(async (db) => {
      await table(db);
      let open: () => void = () => undefined;
      const gate = new Promise<void>((resolve) => {
        open = resolve;
      });
      let taken: JobSnapshot | undefined;
      const env = counting(db);
      env.enableCheckpointing(40, {
        storeCheckpoint: async (snapshot) => {
          if (taken !== undefined) await gate;
          taken ??= snapshot;
        },
      });
      const zombie = await env.executeAsync();
      await until(() => zombie.latestCheckpoint !== undefined);
      const successor = await counting(db).executeAsync({ restore: taken as JobSnapshot });
      await until(() => successor.latestCheckpoint !== undefined && successor.latestCheckpoint !== taken);
      open();
      await expect(zombie.result()).rejects.toMatchObject({ code: "POSTGRES_FENCED" });
      await successor.result();
      await expectAll(db);
    }));

  it("goes on at any parallelism", () =>
    database(async (db) => {
      await table(db);
      let restore: JobSnapshot | undefined;
      for (const parallelism of [3, 1, 2]) {
        const env = counting(db, { parallelism });
        const job = await env.executeAsync(restore === undefined ? {} : { restore });
        if (parallelism !== 2) {
          await until(() => job.latestCheckpoint !== undefined && job.latestCheckpoint !== restore);
          await job.cancel();
        } else await job.result();
        restore = job.latestCheckpoint;
      }
      await expectAll(db);
    }));

  it("goes on from a savepoint at which a job was stopped, as often as one likes", () =>
    database(async (db) => {
      await table(db);
      await withDirectory(async (directory) => {
        const restoreFrom = join(directory, "savepoint");
        const job = await counting(db, { rowsPerSecond: 200 }).executeAsync();
        await until(() => job.latestCheckpoint !== undefined);
        await job.stopWithSavepoint(restoreFrom);
        const [{ count: before }] = await db.sql("SELECT count(*)::int FROM $schema.numbers");
        expect(before).toBeGreaterThan(0);
        await (await counting(db).executeAsync({ restoreFrom })).result();
        await expectAll(db);
        // What is behind it comes once more: a savepoint may have several jobs go on from it.
        await (await counting(db).executeAsync({ restoreFrom })).result();
        const found = await db.sql("SELECT count(*)::int, count(DISTINCT n)::int AS different FROM $schema.numbers");
        expect(found).toEqual([{ count: 2 * ROWS - Number(before), different: ROWS }]);
      });
    }));

  it("refuses to write again what is committed behind the checkpoint that it is to go on from", () =>
    database(async (db) => {
      await table(db);
      const snapshots: JobSnapshot[] = [];
      const env = counting(db).enableCheckpointing(40, {
        storeCheckpoint: (snapshot) => void snapshots.push(snapshot),
      });
      await (await env.executeAsync()).result();
      await expectAll(db);
      const again = await counting(db).executeAsync({ restore: snapshots[1] });
      await expect(again.result()).rejects.toMatchObject({ code: "POSTGRES_BEHIND_COMMITS" });
      // The last one does nothing more.
      await (await counting(db).executeAsync({ restore: snapshots.at(-1) as JobSnapshot })).result();
      await expectAll(db);
    }));

  it("does not take rows for written that somebody has removed from their staging table", () =>
    proxied(async (db, proxy) => {
      proxy.watch = ({ kind, text, statements }) => {
        const isCommit = kind === "statement" && text.includes("FOR UPDATE");
        return isCommit && !statements.some((each) => each.includes("ON CONFLICT (sink")) ? "cut" : undefined;
      };
      const connection = proxy.urlOf(db.url);
      let taken: JobSnapshot | undefined;
      const start = (place: string, retryMs: number) => {
        const env = StreamExecutionEnvironment.create().enableCheckpointing(40, {
          storeCheckpoint: (snapshot) => {
            taken ??= snapshot;
          },
        });
        env.setRestartStrategy(restartStrategies.none());
        env
          .fromGenerator({ n: col("n") }, { count: ROWS, rowsPerSecond: 1200 })
          .uid("numbers")
          .writeToPostgres({ connection: place, schema: db.schema, table: "numbers", uid: "to numbers", retryMs });
        return env;
      };
      await expect(start(connection, 0).execute()).rejects.toMatchObject({ code: "POSTGRES_UNAVAILABLE" });
      const staged = await stagingLeft(db);
      expect(staged.length).toBeGreaterThan(0);
      await db.sql(staged.map((name) => `DROP TABLE $schema.${name}`).join("; "));
      const again = await start(db.url, 0).executeAsync({ restore: taken as JobSnapshot });
      await expect(again.result()).rejects.toMatchObject({ code: "POSTGRES_STAGING_LOST" });
    }));

  it("outlives a crash of the server: prepared rows are kept, and a commit waits for it", {
    timeout: 120_000,
  }, async () => {
    const server = await startPostgres({ watchedPid: process.pid });
    const proxy = await PostgresProxy.start(Number(new URL(server.url).port));
    try {
      await query(server.url, "CREATE TABLE numbers (n int8)");
      let crash: Promise<void> | undefined;
      proxy.watch = (event) => {
        if (event.kind !== "statement" || !event.text.includes("FOR UPDATE")) return undefined;
        if (event.statements.some((text) => text.includes("ON CONFLICT (sink"))) return undefined;
        crash ??= server.kill().then(() => server.restart());
        return undefined;
      };
      const env = ExecutionEnvironment.create({ parallelism: 2 });
      env
        .sequence(0, ROWS)
        .select(col("value").as("n"))
        .writePostgres({ connection: proxy.urlOf(server.url), table: "numbers" });
      await env.execute();
      expect(crash).toBeDefined();
      await crash;
      expect(await query(server.url, "SELECT count(DISTINCT n)::int, count(*)::int AS all FROM numbers")).toEqual([
        { count: ROWS, all: ROWS },
      ]);
    } finally {
      await proxy.close();
      await server.stop();
    }
  });
});
