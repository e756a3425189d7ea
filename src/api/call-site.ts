/** The folder of the engine's own code, as it stands in stack frames; sources and compiled files alike. */
const OWN_FOLDER = decodeURI(new URL("../", import.meta.url).pathname);

/** Where user code called into the API, "job.ts:12:5"; undefined where the stack does not tell. */
export function callSite(): string | undefined {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 12;
  const { stack = "" } = new Error("call site");
  Error.stackTraceLimit = limit;
  const frame = stack
    .split("\n")
    .slice(1)
    .find((line) => !line.includes(OWN_FOLDER) && !line.includes("node:internal"));
  const match = frame === undefined ? null : /([^/\\(\s]+:\d+:\d+)\)?$/.exec(frame);
  return match?.[1];
}
