import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import * as arrow from "apache-arrow";
import { expect, it } from "vitest";
import { connectorRegistry } from "../../../src/connectors/registry.ts";
import { EngineError } from "../../../src/core/errors.ts";
import type { Host } from "../../../src/core/host.ts";
import { int64, utf8 } from "../../../src/core/types.ts";
import { fileError } from "../../../src/host/node-errors.ts";
import { readSource } from "../../support/connectors.ts";
import { testHost, withDirectory } from "../../support/host.ts";

const schema = [
  { name: "id", type: int64 },
  { name: "name", type: utf8 },
];
const ipc = arrow.tableToIPC(arrow.tableFromArrays({ a: [1, 2, 3] }), "file");
const lines = Buffer.from(`id,name\n${"1,text\n".repeat(1000)}`);

/** A host on which nobody may open a file; as root, the tests may open any. */
const deniedHost = (): Host => {
  const host = testHost();
  const openRead = (path: string) => {
    throw fileError(Object.assign(new Error("EACCES"), { code: "EACCES" }), "read", path);
  };
  return { ...host, files: Object.assign(Object.create(host.files), { openRead }) };
};

interface Broken {
  what: string;
  kind: string;
  name: string;
  content?: Uint8Array | string;
  options?: object;
  host?: () => Host;
  code: string;
  says: RegExp;
}

const inputs: Broken[] = [
  {
    what: "a missing file",
    kind: "csv",
    name: "none.csv",
    code: "FILE_NOT_FOUND",
    says: /none\.csv" could not be read: no such file/,
  },
  {
    what: "a pattern that matches nothing",
    kind: "json",
    name: "*.jsonl",
    code: "FILES_NONE_MATCH",
    says: /No file matches ".*\*\.jsonl"\. Check the path/,
  },
  {
    what: "a file without permission",
    kind: "csv",
    name: "a.csv",
    content: lines,
    host: deniedHost,
    code: "FILE_ACCESS_DENIED",
    says: /a\.csv" could not be read: permission denied\. Give the process/,
  },
  {
    what: "text called Parquet",
    kind: "parquet",
    name: "a.parquet",
    content: lines,
    code: "PARQUET_NOT_PARQUET",
    says: /a\.parquet": it does not end with the Parquet mark/,
  },
  {
    what: "text called gzip",
    kind: "csv",
    name: "a.csv.gz",
    content: lines,
    code: "COMPRESSED_CORRUPT",
    says: /a\.csv\.gz" cannot be decompressed as gzip: incorrect header check\. .*compression: "none"/,
  },
  {
    what: "truncated gzip",
    kind: "csv",
    name: "a.csv.gz",
    content: gzipSync(lines).subarray(0, 60),
    code: "COMPRESSED_CORRUPT",
    says: /unexpected end of file/,
  },
  {
    what: "a ragged line",
    kind: "csv",
    name: "a.csv",
    content: "id,name\n1,a\n2,b,c\n",
    code: "CSV_FIELD_COUNT",
    says: /a\.csv", line 3 has 3 fields, but 2 are expected: "2,b,c"\. .*badLines: "drop"/,
  },
  {
    what: "lines that end with a carriage return alone",
    kind: "csv",
    name: "a.csv",
    content: "id,name\r1,a\r2,b\r",
    code: "CSV_NEWLINES",
    says: /a\.csv" end with a carriage return alone\. Convert it/,
  },
  {
    what: "such lines under a schema",
    kind: "csv",
    name: "a.csv",
    content: "id,name\r1,a\r2,b\r\n",
    options: { schema },
    code: "CSV_NEWLINES",
    says: /a\.csv" end with a carriage return alone/,
  },
  {
    what: "a wrong number",
    kind: "csv",
    name: "a.csv",
    content: "id,name\n1,a\n2x,b\n",
    options: { schema },
    code: "CSV_VALUE_INVALID",
    says: /line 3, column "id": "2x" is no int64\. .*schema/,
  },
  {
    what: "text that is not UTF-8",
    kind: "csv",
    name: "a.csv",
    content: Buffer.from("id,name\n1,caf\xe9\n", "latin1"),
    options: { schema },
    code: "CSV_UTF8_INVALID",
    says: /line 2, column "name": "caf\ufffd" is not UTF-8 text/,
  },
  {
    what: "garbage among JSON lines",
    kind: "json",
    name: "a.jsonl",
    content: '{"id":1}\nnot json\n',
    code: "JSON_INVALID",
    says: /a\.jsonl", line 2: "not json" is no JSON \(/,
  },
  {
    what: "a truncated Arrow file",
    kind: "arrow",
    name: "a.arrow",
    content: ipc.subarray(0, ipc.length - 40),
    code: "ARROW_TRUNCATED",
    says: /a\.arrow": it does not end with the mark "ARROW1"\. The file is incomplete/,
  },
  {
    what: "a quote that never closes",
    kind: "csv",
    name: "a.csv",
    content: 'id,name\n1,"a\n2,b\n',
    options: { schema },
    code: "CSV_QUOTE_UNCLOSED",
    says: /line 2: a quote is never closed in the record that starts with "1,\\"a/,
  },
];

it.each(inputs)("says clearly what is wrong with $what", (input) =>
  withDirectory(async (directory) => {
    const path = join(directory, input.name);
    if (input.content !== undefined) writeFileSync(path, input.content);
    const factory = await connectorRegistry.sourceFactory(input.kind);
    const host = input.host?.() ?? testHost();
    let failure: unknown;
    try {
      await readSource(factory({ kind: input.kind, paths: path, ...input.options }, host));
    } catch (error) {
      failure = error;
    }
    expect(failure).toBeInstanceOf(EngineError);
    expect(failure).toMatchObject({ code: input.code, message: expect.stringMatching(input.says) });
  }),
);
