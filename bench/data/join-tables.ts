/**
 * The db-benchmark join tables J1_<rows>: a left side and three right sides of rows/1e6, rows/1e3 and rows rows.
 * As in `join-datagen.R`, 90 % of the keys of each side exist on the other one, right keys are unique,
 * and id4-id6 are the texts of id1-id3.
 */
import { cachedOnce } from "./cache.ts";
import { copyToParquet, withDuckDB } from "./duckdb.ts";

export interface JoinTables {
  readonly left: string;
  readonly small: string;
  readonly medium: string;
  readonly big: string;
}

/** Row counts of the three right sides. */
export function rightRows(rows: number): { small: number; medium: number; big: number } {
  return { small: Math.max(10, rows / 1e6), medium: Math.max(10, rows / 1e3), big: rows };
}

/** Paths of the four Parquet files. Left: id1-id3 int32, id4-id6 utf8, v1 float64. Right sides end in v2 float64. */
export async function joinTables(rows: number): Promise<JoinTables> {
  const folder = await cachedOnce(`join/j1-${rows}`, (path) => writeTables(path, rows));
  return {
    left: `${folder}/left.parquet`,
    small: `${folder}/small.parquet`,
    medium: `${folder}/medium.parquet`,
    big: `${folder}/big.parquet`,
  };
}

async function writeTables(folder: string, rows: number): Promise<void> {
  const { mkdirSync } = await import("node:fs");
  mkdirSync(folder);
  const { small, medium, big } = rightRows(rows);
  await withDuckDB(async (db) => {
    // A permutation of 1 .. 1.1n: the first 0.9n keys are common, then 0.1n left only, then 0.1n right only.
    for (const [id, keys] of [
      [1, small],
      [2, medium],
      [3, big],
    ] as const) {
      const all = Math.floor(keys * 1.1);
      await db.run(`CREATE TABLE keys${id} AS
        SELECT (row_number() OVER (ORDER BY hash(k * 16 + ${id})) - 1)::INTEGER AS position, k::INTEGER AS key
        FROM range(1, ${all + 1}) AS source(k)`);
    }
    // Position in the right table; skips the left-only tenth.
    const rightKeys = (id: number, keys: number): string =>
      `(SELECT key, position FROM keys${id} WHERE position < ${0.9 * keys} OR position >= ${keys})`;
    const value = (salt: number): string => `round((hash(i * 16 + ${salt}) % 100000000)::DOUBLE / 1e6, 6)`;
    const leftQuery = `
      SELECT k1.key AS id1, k2.key AS id2, k3.key AS id3,
             'id' || k1.key AS id4, 'id' || k2.key AS id5, 'id' || k3.key AS id6, ${value(7)} AS v1
      FROM range(${rows}) AS source(i)
      JOIN keys1 k1 ON k1.position = (hash(i * 16 + 4) % ${small})::INTEGER
      JOIN keys2 k2 ON k2.position = (hash(i * 16 + 5) % ${medium})::INTEGER
      JOIN keys3 k3 ON k3.position = (i % ${big})::INTEGER
      ORDER BY hash(i)`;
    await copyToParquet(db, leftQuery, `${folder}/left.parquet`);
    const twin = (key: string): string => `'id' || ${key}`;
    await copyToParquet(
      db,
      `SELECT key AS id1, ${twin("key")} AS id4, ${value(8)} AS v2
       FROM (SELECT key, position::BIGINT AS i FROM ${rightKeys(1, small)}) ORDER BY hash(key)`,
      `${folder}/small.parquet`,
    );
    const drawn = (id: number, keys: number): string =>
      `JOIN (SELECT key, row_number() OVER (ORDER BY position) - 1 AS position FROM ${rightKeys(id, keys)}) r${id}
       ON r${id}.position = (hash(i * 16 + ${id}) % ${keys})::BIGINT`;
    await copyToParquet(
      db,
      `SELECT r1.key AS id1, o.key AS id2, ${twin("r1.key")} AS id4, ${twin("o.key")} AS id5, ${value(9)} AS v2
       FROM (SELECT key, position::BIGINT AS i FROM ${rightKeys(2, medium)}) o ${drawn(1, small)} ORDER BY hash(o.key)`,
      `${folder}/medium.parquet`,
    );
    await copyToParquet(
      db,
      `SELECT r1.key AS id1, r2.key AS id2, o.key AS id3,
              ${twin("r1.key")} AS id4, ${twin("r2.key")} AS id5, ${twin("o.key")} AS id6, ${value(10)} AS v2
       FROM (SELECT key, position::BIGINT AS i FROM ${rightKeys(3, big)}) o
       ${drawn(1, small)} ${drawn(2, medium)} ORDER BY hash(o.key)`,
      `${folder}/big.parquet`,
    );
  });
}
