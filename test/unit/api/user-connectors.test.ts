import { describe, expect, it } from "vitest";
import {
  col,
  ExecutionEnvironment,
  ExternalError,
  type Sink,
  type SinkWriter,
  type Source,
} from "../../../src/index.ts";
import { endlessSource, NotingSink } from "../../support/custom-connectors.ts";

const env = ExecutionEnvironment.create({ parallelism: 1 });
const thrown = new TypeError("the socket is gone");
const fail = (): never => {
  throw thrown;
};
const failLater = () => Promise.reject(thrown);

async function failureOf(job: () => unknown): Promise<ExternalError> {
  try {
    await job();
  } catch (error) {
    expect(error).toBeInstanceOf(ExternalError);
    return error as ExternalError;
  }
  throw new Error("the job did not fail");
}

describe("a source of the user's own", () => {
  const failing = (part: Partial<Source>) =>
    Object.assign(
      endlessSource((give) => give()),
      part,
    );
  const reader = { next: () => undefined, close: () => undefined };

  it.each([
    ["read endless", endlessSource(fail)],
    ["read endless", endlessSource(failLater)],
    ["open endless", failing({ openSplit: fail })],
    ["close endless", failing({ openSplit: () => ({ ...reader, close: fail }) })],
    ["list its splits", failing({ splits: fail })],
  ])("that fails to %s is named, with what it threw", async (what, source) => {
    const failure = await failureOf(() => env.fromSource(source).collect());
    expect(failure).toMatchObject({
      code: "SOURCE_FAILED",
      origin: "external",
      retryable: false,
      operator: "read endless",
      cause: thrown,
    });
    expect(failure.whatHappened).toBe(`The source "endless" could not ${what}: TypeError: the socket is gone.`);
  });

  it("that throws an error of the engine keeps it", async () => {
    const own = new ExternalError("SOCKET_CLOSED", true, "Closed.", "Open it.");
    const source = endlessSource(() => {
      throw own;
    });
    await expect(env.fromSource(source).collect()).rejects.toBe(own);
  });

  it("is still asked to skip what a filter leaves out", async () => {
    const source = failing({ withPruning: fail });
    const failure = await failureOf(() => env.fromSource(source).filter(col("n").gt(1)).count());
    expect(failure.whatHappened).toContain("take a condition");
  });
});

describe("a sink of the user's own", () => {
  const writer: SinkWriter = { write: () => undefined, prepareCommit: () => null, close: () => undefined };
  const sinkWith = (part: Partial<Sink>): Sink => Object.assign(new NotingSink(), part);

  it.each([
    ["begin", sinkWith({ begin: fail })],
    ["open a writer", sinkWith({ createWriter: fail })],
    ["write", sinkWith({ createWriter: () => ({ ...writer, write: fail }) })],
    ["write", sinkWith({ createWriter: () => ({ ...writer, write: failLater }) })],
    ["prepare its commit", sinkWith({ createWriter: () => ({ ...writer, prepareCommit: failLater }) })],
    ["commit", sinkWith({ commit: fail })],
    ["commit", sinkWith({ commit: failLater })],
  ])("that fails to %s is named, with what it threw", async (what, sink) => {
    env.sequence(0, 10).output(sink);
    const failure = await failureOf(() => env.execute());
    expect(failure).toMatchObject({ code: "SINK_FAILED", operator: "write noting", cause: thrown });
    expect(failure.whatHappened).toContain(`The sink "noting" could not ${what}: TypeError`);
    expect((sink as NotingSink).notes.at(-1)).toBe("abort");
  });
});
