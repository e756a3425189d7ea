import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { col, desc, ExecutionEnvironment, Schema, StreamExecutionEnvironment, types } from "../../../src/index.ts";
import { postgresUrl, query, stagingLeft, withDatabase } from "../../support/postgres.ts";

const url = await postgresUrl();

describe.skipIf(url === undefined)("a PostgreSQL sink", () => {
  const database = (test: Parameters<typeof withDatabase>[1]) => withDatabase(url ?? "", test);

  it.each([1, 3])("takes a dataset, all of it at the end, at parallelism %d", (parallelism) =>
    database(async (db) => {
      await db.sql('CREATE TABLE $schema."t x" (id bigint, "na""me" text)');
      const env = ExecutionEnvironment.create({ parallelism });
      env
        .sequence(0, 10_000)
        .select(col("value").as("id"), col("value").cast(types.utf8).as("name"))
        .writePostgres({ connection: db.url, schema: db.schema, table: "t x", columns: { name: 'na"me' } });
      await env.execute();
      const [row] = await db.sql(
        'SELECT count(*)::int, sum(id)::int, count(DISTINCT "na""me")::int AS names FROM $schema."t x"',
      );
      expect(row).toEqual({ count: 10_000, sum: 49_995_000, names: 10_000 });
      expect(await stagingLeft(db)).toEqual([]);
      expect(await db.sql("SELECT * FROM $schema.millrace_commits")).toEqual([]);
    }),
  );

  it("takes a stream, each checkpoint as it is complete", () =>
    database(async (db) => {
      await db.sql("CREATE TABLE $schema.numbers (n int8 PRIMARY KEY)");
      const env = StreamExecutionEnvironment.create().enableCheckpointing(50);
      env
        .fromGenerator({ n: col("n") }, { count: 1000, rowsPerSecond: 2000 })
        .writeToPostgres({ connection: db.url, schema: db.schema, table: "numbers" });
      const job = await env.executeAsync();
      let early = 0;
      while (["CREATED", "RUNNING"].includes(job.status) && early === 0) {
        early = Number((await db.sql("SELECT count(*) FROM $schema.numbers"))[0].count);
      }
      await job.result();
      expect(early).toBeGreaterThan(0);
      expect(early).toBeLessThan(1000);
      expect(await db.sql("SELECT count(*)::int, sum(n)::int FROM $schema.numbers")).toEqual([
        { count: 1000, sum: 499_500 },
      ]);
      expect(await stagingLeft(db)).toEqual([]);
    }));

  it("gives each type to the server as it is", () =>
    database(async (db) => {
      await db.sql(`CREATE TABLE $schema.all_types (
        id int4, b bool, i1 int2, i4 int4, i8 int8, u8 numeric, f4 float4, f8 float8, amount numeric(20,3), name varchar,
        blob bytea, day date, clock time, local timestamp, instant timestamptz, span interval, tags text[], sizes int4[],
        shape jsonb, id2 uuid, doc json, seen_at timestamptz DEFAULT now(), size_text text)`);
      const schema = Schema.of({
        id: types.int32,
        b: types.bool,
        i1: types.int8,
        i4: types.int32,
        i8: types.int64,
        u8: types.uint64,
        f4: types.float32,
        f8: types.float64,
        amount: types.decimal(20, 3),
        name: types.utf8,
        blob: types.binary,
        day: types.date,
        clock: types.time("us"),
        local: types.timestamp("ms"),
        instant: types.timestamp("us", "UTC"),
        span: types.interval,
        tags: types.list(types.utf8),
        sizes: types.list(types.int32),
        shape: types.struct({ sides: types.int32, name: types.utf8 }),
        id2: types.utf8,
        doc: types.list(types.struct({ a: types.int64 })),
        size_text: types.float64,
      });
      const full = {
        id: 1,
        b: true,
        i1: -128,
        i4: -(2 ** 31),
        i8: -(2n ** 63n),
        u8: 2n ** 64n - 1n,
        f4: 0.5,
        f8: Number.NaN,
        amount: "-12345678901234567.891",
        name: "tab\t line\nreturn\r back\\slash \\N \\. 'quote' \u{1F600}",
        blob: new Uint8Array([0, 9, 10, 92, 255]),
        day: -719_529,
        clock: 86_399_999_999n,
        local: -62_135_596_800_001,
        instant: 1_700_000_000_123_456n,
        span: { months: -14, days: 3, nanoseconds: -500_000n },
        tags: ["a,b", null, 'q"u\\o', "", "NULL", "tab\t"],
        sizes: [1, null, -3],
        shape: { sides: 3, name: 'tri"angle\n' },
        id2: "00112233-4455-6677-8899-aabbccddeeff",
        doc: [{ a: 2n ** 60n }],
        size_text: Number.NEGATIVE_INFINITY,
      };
      const empty = { ...Object.fromEntries(Object.keys(full).map((name) => [name, null])), id: 2 };
      const env = ExecutionEnvironment.create({ parallelism: 1 });
      env.fromRows([full, empty], schema).writePostgres({ connection: db.url, schema: db.schema, table: "all_types" });
      await env.execute();
      const [row, nulls] = await db.sql(`SELECT b, i1, i4, i8::text, u8::text, f4, f8::text, amount::text, name,
        encode(blob, 'hex') AS blob, day::text, clock::text, local::text, extract(epoch FROM instant)::text AS instant,
        span = interval '-14 months 3 days -500 microseconds' AS span, tags, sizes, shape, id2, doc::text, size_text,
        seen_at > now() - interval '1 hour' AS stamped FROM $schema.all_types ORDER BY id`);
      expect(row).toEqual({
        b: true,
        i1: -128,
        i4: -(2 ** 31),
        i8: "-9223372036854775808",
        u8: "18446744073709551615",
        f4: 0.5,
        f8: "NaN",
        amount: "-12345678901234567.891",
        name: full.name,
        blob: "00090a5cff",
        day: "0002-12-31 BC",
        clock: "23:59:59.999999",
        local: "0001-12-31 23:59:59.999 BC",
        instant: "1700000000.123456",
        span: true,
        tags: full.tags,
        sizes: [1, null, -3],
        shape: full.shape,
        id2: full.id2,
        doc: '[{"a":1152921504606846976}]',
        size_text: "-Infinity",
        stamped: true,
      });
      expect(Object.values(nulls).filter((value) => value !== null)).toEqual([true]);
    }));

  it("takes names and texts as data, whatever they look like", () =>
    database(async (db) => {
      const name = fc
        .oneof(
          fc.constantFrom('"; DROP TABLE x; --', "a'b", 'a"b', "a.b", "$1", "\\", "Ä ö"),
          fc.string({ maxLength: 20 }),
        )
        .filter((text) => text !== "" && !text.includes("\0") && Buffer.from(text).length <= 60);
      const text = fc
        .oneof(fc.constantFrom("\\.", "\\N", "'; DROP", "\r\n\t", ""), fc.string({ unit: "binary", maxLength: 50 }))
        .map((each) => each.replaceAll("\0", ""));
      const quoted = (each: string) => `"${each.replaceAll('"', '""')}"`;
      await fc.assert(
        fc.asyncProperty(name, name, fc.array(text, { maxLength: 20, size: "max" }), async (table, column, texts) => {
          const target = `${db.schema}.${quoted(table)}`;
          const name = column === "n" ? "m" : column;
          await query(db.url, `CREATE TABLE ${target} (n int4 PRIMARY KEY, ${quoted(name)} text)`);
          const env = ExecutionEnvironment.create({ parallelism: 1 });
          const rows = texts.map((value, n) => ({ n, value }));
          env.fromRows(rows, Schema.of({ n: types.int32, value: types.utf8 })).writePostgres({
            connection: db.url,
            schema: db.schema,
            table,
            columns: { value: name },
            mode: "upsert",
            key: "n",
          });
          await env.execute();
          const found = await query(db.url, `SELECT ${quoted(name)} AS value FROM ${target} ORDER BY n`);
          expect(found.map(({ value }) => value)).toEqual(texts);
          await query(db.url, `DROP TABLE ${target}`);
        }),
        { numRuns: 15 },
      );
    }));

  it("follows a changelog by key: rows are replaced, and removed", () =>
    database(async (db) => {
      await db.sql("CREATE TABLE $schema.counts (shop text PRIMARY KEY, sold int8 NOT NULL)");
      await db.sql("CREATE TABLE $schema.best (shop text, article text, sold int8, UNIQUE (article, shop))");
      const env = StreamExecutionEnvironment.create({ parallelism: 2, batchRows: 3 }).enableCheckpointing(20);
      const sales = env
        .fromGenerator((n) => ({ shop: `s${n % 3}`, article: `a${n % 7}`, pieces: BigInt(n % 11) }), {
          count: 400,
          rowsPerSecond: 2000,
        })
        .uid("sales");
      const to = { connection: db.url, schema: db.schema, mode: "upsert" } as const;
      sales
        .keyBy("shop")
        .sum("pieces")
        .select("shop", "pieces")
        .writeToPostgres({ ...to, table: "counts", key: "shop", columns: { pieces: "sold" }, uid: "counts" });
      // The best article of a shop changes: the row of the one before goes.
      sales
        .keyBy("shop", "article")
        .sum("pieces")
        .keyBy("shop")
        .topN(1, desc("pieces"), { ttl: { ttlMs: 86_400_000 } })
        .select("shop", "article", "pieces")
        .writeToPostgres({ ...to, table: "best", key: ["shop", "article"], columns: { pieces: "sold" }, uid: "best" });
      await env.execute();
      const totals = new Map<string, Map<string, number>>();
      for (let n = 0; n < 400; n++) {
        const of = totals.get(`s${n % 3}`) ?? new Map<string, number>();
        totals.set(`s${n % 3}`, of.set(`a${n % 7}`, (of.get(`a${n % 7}`) ?? 0) + (n % 11)));
      }
      expect(await db.sql("SELECT shop, sold::int FROM $schema.counts ORDER BY shop")).toEqual(
        [...totals].sort().map(([shop, of]) => ({ shop, sold: [...of.values()].reduce((a, b) => a + b) })),
      );
      const best = await db.sql("SELECT shop, sold::int FROM $schema.best ORDER BY shop");
      expect(best).toEqual([...totals].sort().map(([shop, of]) => ({ shop, sold: Math.max(...of.values()) })));
      expect(await stagingLeft(db)).toEqual([]);
    }));

  it("leaves nothing of a job that fails", () =>
    database(async (db) => {
      await db.sql("CREATE TABLE $schema.numbers (n int8)");
      const env = ExecutionEnvironment.create({ parallelism: 1 });
      env
        .sequence(0, 20_000)
        .map(({ value }) => {
          if (value === 19_999n) throw new Error("no");
          return { n: value };
        })
        .writePostgres({ connection: db.url, schema: db.schema, table: "numbers" });
      await expect(env.execute()).rejects.toMatchObject({ code: "USER_FUNCTION_FAILED" });
      expect(await db.sql("SELECT * FROM $schema.numbers")).toEqual([]);
      expect(await db.sql("SELECT * FROM $schema.millrace_commits")).toEqual([]);
      expect(await stagingLeft(db)).toEqual([]);
    }));

  it("says what does not fit, and writes nothing", () =>
    database(async (db) => {
      await db.sql(`CREATE TABLE $schema.fits (id int4, name text);
        CREATE TABLE $schema.needs (id int4, name text, other int4 NOT NULL);
        CREATE TABLE $schema.keyed (id int4 PRIMARY KEY, name varchar(5) CHECK (name <> 'bad'));
        CREATE TABLE $schema.made (id int4, name text GENERATED ALWAYS AS (id::text) STORED);
        CREATE TABLE $schema.dates (id date, name text)`);
      const rows = Schema.of({ id: types.int32, name: types.utf8 });
      const failure = async (options: object, values: object[] = [{ id: 1, name: "x" }]): Promise<string> => {
        const env = ExecutionEnvironment.create({ parallelism: 1 });
        const given = { connection: db.url, schema: db.schema, table: "fits", ...options };
        try {
          env.fromRows(values, rows).writePostgres(given as never);
          await env.execute();
          return "none";
        } catch (thrown) {
          const { code, message } = thrown as { code: string; message: string };
          expect(message).not.toContain(new URL(db.url).password);
          return `${code}: ${message}`;
        }
      };
      expect(await failure({ table: "fit" })).toMatch(/^POSTGRES_TABLE_UNKNOWN: There is no table .*"fit"/);
      expect(await failure({ columns: { name: "nam" } })).toMatch(/^POSTGRES_COLUMNS: .*no column "nam".*"name"/);
      expect(await failure({ columns: { nam: "name" } })).toMatch(/^POSTGRES_COLUMNS: The stream has no column "nam"/);
      expect(await failure({ columns: { name: "id" } })).toMatch(/^POSTGRES_COLUMNS: Two columns/);
      expect(await failure({ table: "needs" })).toMatch(/^POSTGRES_COLUMNS: The column "other".*may not be null/);
      expect(await failure({ table: "made" })).toMatch(/^POSTGRES_COLUMNS: The server generates the column "name"/);
      expect(await failure({ table: "dates" })).toMatch(
        /^POSTGRES_COLUMNS: The column "id" has the type int32, and "id".*date/,
      );
      expect(await failure({ mode: "upsert", key: "id" })).toMatch(/^POSTGRES_KEY_NOT_UNIQUE: .*CREATE UNIQUE INDEX/);
      expect(
        await failure({}, [
          { id: 1, name: "fine" },
          { id: 2, name: "a\0b" },
        ]),
      ).toMatch(/^POSTGRES_VALUE_INVALID: The column "name".*NUL.*row 2/);
      expect(await failure({ table: "keyed" }, [{ id: 1, name: "too long" }])).toMatch(
        /^POSTGRES_VALUE_INVALID: .*too long for type character varying\(5\).*line 1, column name/,
      );
      expect(await failure({ table: "keyed" }, [{ id: 1, name: "bad" }])).toMatch(/^POSTGRES_CONSTRAINT: .*check/);
      expect(
        await failure({ table: "keyed" }, [
          { id: 1, name: "a" },
          { id: 1, name: "b" },
        ]),
      ).toMatch(/^POSTGRES_CONSTRAINT: .*Key \(id\)=\(1\) already exists/);
      const wrong = new URL(db.url);
      wrong.password = "wrong";
      expect(await failure({ connection: wrong.href })).toMatch(/^POSTGRES_ACCESS_DENIED: .*password/);
      wrong.port = "1";
      expect(await failure({ connection: wrong.href, retryMs: 0 })).toMatch(/^POSTGRES_UNAVAILABLE: /);
      for (const options of [
        { table: "" },
        { table: 5 },
        { mode: "replace" },
        { mode: "upsert" },
        { mode: "upsert", key: [] },
        { mode: "upsert", key: ["id", "id"] },
        { key: "id" },
        { columns: ["id"] },
        { retryMs: "1" },
        { schema: "" },
        { stagingSchema: 1 },
        { connection: 5 },
      ]) {
        expect(await failure(options)).toMatch(/^OPTION_INVALID/);
      }
      expect(await failure({ tabel: "x" })).toMatch(/^OPTION_UNKNOWN: .*"table"/);
      for (const name of ["fits", "keyed"]) expect(await db.sql(`SELECT * FROM $schema.${name}`)).toEqual([]);
      expect(await stagingLeft(db)).toEqual([]);
      const stream = StreamExecutionEnvironment.create();
      const counts = stream
        .fromCollection([{ id: 1, name: "a" }])
        .keyBy("name")
        .count();
      counts.writeToPostgres({ connection: db.url, schema: db.schema, table: "fits" });
      await expect(stream.execute()).rejects.toMatchObject({ code: "UPDATES_NOT_ACCEPTED" });
    }));
});
