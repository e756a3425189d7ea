import { beforeAll, describe, expect, it } from "vitest";
import { MemorySource } from "../../../../src/connectors/memory/memory-source.ts";
import { LineCutter } from "../../../../src/connectors/socket/line-cutter.ts";
import { SocketSink } from "../../../../src/connectors/socket/socket-sink.ts";
import { SocketTextSource } from "../../../../src/connectors/socket/socket-text-source.ts";
import { readRows } from "../../../../src/core/columns/read.ts";
import type { Connection, Host, Listener } from "../../../../src/core/host.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { utf8 } from "../../../../src/core/types.ts";
import { nodeHost } from "../../../../src/host/node-host.ts";
import { ResultSink } from "../../../../src/runtime/result-sink.ts";
import { loadEngine } from "../../../../src/testing/engine-thread.ts";
import { Simulation } from "../../../../src/testing/simulation.ts";
import { codeOf } from "../../../support/files-contract.ts";
import { runStream } from "../../../support/stream-job.ts";
import { withWorkspace } from "../../../support/workspace.ts";

beforeAll(loadEngine);

const bytes = (text: string) => new TextEncoder().encode(text);

/** Runs a job that reads lines from a server, which is given each connection and its number. */
async function linesFrom(
  host: Host,
  serve: (connection: Connection, number: number, listener: Listener) => Promise<void>,
  options: Partial<SocketTextSource["spec"]> = {},
): Promise<string[]> {
  const lines: string[] = [];
  const listener = await host.network.listen(0);
  const serving = (async () => {
    for (let number = 0; ; number++) {
      const connection = await listener.accept();
      if (connection === undefined) return;
      await serve(connection, number, listener);
    }
  })();
  const source = new SocketTextSource({ kind: "socket", host: "127.0.0.1", port: listener.port, ...options });
  const sink = new ResultSink((batch, workspace) => {
    for (const row of readRows(workspace, batch)) lines.push(row.line as string);
  });
  try {
    await runStream(host, { source, sink });
  } finally {
    listener.close();
    await serving;
  }
  return lines;
}

const pause = (host: Host, ms: number) => new Promise<void>((resolve) => void host.scheduler.after(ms, resolve));

describe("cutting lines", () => {
  it("finds the same texts however the bytes arrive, and repairs what is no UTF-8", () => {
    const schema = Schema.of({ line: utf8 });
    const all = Buffer.concat([bytes("eins\r\nzwölf\n\n"), Uint8Array.from([0x61, 0xff, 0x0a]), bytes("Ende")]);
    for (let size = 1; size <= all.length; size++) {
      withWorkspace((ws) => {
        const cutter = new LineCutter(ws, schema, "\n", 100);
        const texts: unknown[] = [];
        const take = (rest: boolean) => {
          for (;;) {
            const batch = cutter.take(2) ?? (rest ? cutter.takeRest() : undefined);
            if (batch === undefined) return;
            for (const row of readRows(ws, batch)) texts.push(row.line);
            batch.release();
          }
        };
        for (let at = 0; at < all.length; at += size) {
          cutter.push(all.subarray(at, at + size));
          take(false);
        }
        take(true);
        expect(texts).toEqual(["eins", "zwölf", "", "a\ufffd", "Ende"]);
      });
    }
  });

  it("takes a delimiter of several characters that arrive apart, and refuses texts without end", () => {
    withWorkspace((ws) => {
      const cutter = new LineCutter(ws, Schema.of({ line: utf8 }), "::", 8);
      cutter.push(bytes("a:b:"));
      expect(cutter.take(10)).toBeUndefined();
      cutter.push(bytes(":c"));
      const batch = cutter.take(10);
      expect(batch && readRows(ws, batch)).toEqual([{ line: "a:b" }]);
      batch?.release();
      cutter.push(bytes("0123456789"));
      expect(codeOf(() => cutter.take(10))).toBe("RECORD_TOO_LONG");
    });
  });
});

describe.each(["simulated", "real"])("a socket on the %s host", (kind) => {
  const run = <T>(work: (host: Host) => Promise<T>): Promise<T> =>
    kind === "real" ? work(nodeHost()) : new Simulation({ seed: 7 }).run(work);

  it("gives the lines that a server sends, and ends with it", async () => {
    const lines = await run((host) =>
      linesFrom(host, async (connection) => {
        await connection.write(bytes("to be or"));
        await pause(host, 5);
        await connection.write(bytes(" not\nto be\nthat"));
        connection.close();
      }),
    );
    expect(lines).toEqual(["to be or not", "to be", "that"]);
  });

  it("connects again where the server ends, as often as it may", async () => {
    const lines = await run((host) =>
      linesFrom(
        host,
        async (connection, number, listener) => {
          await connection.write(bytes(`from ${number}\n`));
          connection.close();
          if (number === 2) listener.close();
        },
        { reconnect: { maxRetries: 2, delayMs: 20 } },
      ),
    );
    expect(lines).toEqual(["from 0", "from 1", "from 2"]);
  });

  it("fails where nobody answers, after its retries", async () => {
    const source = new SocketTextSource({ kind: "socket", port: 1, reconnect: { maxRetries: 1, delayMs: 1 } });
    const sink = new ResultSink(() => undefined);
    await expect(run((host) => runStream(host, { source, sink }))).rejects.toMatchObject({
      code: "CONNECTION_FAILED",
      operator: "read socket localhost:1",
    });
  });

  it("stops while it waits for rows", async () => {
    const stop = new AbortController();
    await run(async (host) => {
      const listener = await host.network.listen(0);
      const accepted = listener.accept();
      const source = new SocketTextSource({ kind: "socket", host: "127.0.0.1", port: listener.port });
      const running = runStream(host, { source, sink: new ResultSink(() => undefined) }, { signal: stop.signal });
      const outcome = expect(running).rejects.toMatchObject({ code: "JOB_CANCELLED" });
      await accepted;
      await pause(host, 10);
      stop.abort();
      await outcome;
      listener.close();
    });
  });

  it("holds a server back that sends more than the job takes", async () => {
    const rows = 20_000;
    const lines = await run((host) =>
      linesFrom(host, async (connection) => {
        for (let from = 0; from < rows; from += 500) {
          await connection.write(bytes(Array.from({ length: 500 }, (_, i) => `line ${from + i}\n`).join("")));
        }
        connection.close();
      }),
    );
    expect(lines).toHaveLength(rows);
    expect(lines[rows - 1]).toBe(`line ${rows - 1}`);
  });

  it("sends rows as lines", async () => {
    const received: string[] = [];
    await run(async (host) => {
      const listener = await host.network.listen(0);
      const serving = (async () => {
        for (let connection = await listener.accept(); connection !== undefined; connection = await listener.accept()) {
          let text = "";
          for (let chunk = await connection.read(); chunk !== undefined; chunk = await connection.read()) {
            text += Buffer.from(chunk).toString();
          }
          received.push(text);
          connection.close();
        }
      })();
      const source = new MemorySource({
        kind: "memory",
        rows: [
          { a: 1, b: "x" },
          { a: 2.5, b: null },
        ],
      });
      const sink = new SocketSink({ kind: "socket", host: "127.0.0.1", port: listener.port });
      await runStream(host, { source, sink }, { batchRows: 1 });
      await pause(host, 20);
      listener.close();
      await serving;
    });
    expect(received.join("")).toBe('{"a":1,"b":"x"}\n{"a":2.5,"b":null}\n');
  });
});

it("tells the reader of a connection that broke", async () => {
  const simulation = new Simulation();
  const lines: string[] = await simulation.run((host) =>
    linesFrom(
      host,
      async (connection, number, listener) => {
        await connection.write(bytes(number === 0 ? "one\ntw" : "three\n"));
        await pause(host, 50);
        if (number === 0) simulation.network.breakConnections(listener.port);
        else {
          connection.close();
          listener.close();
        }
      },
      { reconnect: { maxRetries: 1, delayMs: 10 } },
    ),
  );
  expect(lines).toEqual(["one", "three"]);
});
