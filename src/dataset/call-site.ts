/** Frames of the engine itself, from sources and from the compiled package alike. */
const OWN_FRAME = /[/\\](?:src|dist)[/\\](?:dataset|plan|core|runtime|host)[/\\]|node:internal/;

/** Where user code called into the API, "job.ts:12:5"; undefined where the stack does not tell. */
export function callSite(): string | undefined {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 12;
  const { stack = "" } = new Error("call site");
  Error.stackTraceLimit = limit;
  const frame = stack
    .split("\n")
    .slice(1)
    .find((line) => !OWN_FRAME.test(line));
  const match = frame === undefined ? null : /([^/\\(\s]+:\d+:\d+)\)?$/.exec(frame);
  return match?.[1];
}
