import { OWN_FOLDER, SOURCE_FOLDER } from "../host/package-layout.ts";

/** As they stand in stack frames. */
const OWN_PATHS = [OWN_FOLDER, SOURCE_FOLDER].map((folder) => decodeURI(folder.pathname));

/** Where user code called into the API, "job.ts:12:5"; undefined where the stack does not tell. */
export function callSite(): string | undefined {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 12;
  const { stack = "" } = new Error("call site");
  Error.stackTraceLimit = limit;
  const frame = stack
    .split("\n")
    .slice(1)
    .find((line) => !OWN_PATHS.some((path) => line.includes(path)) && !line.includes("node:internal"));
  const match = frame === undefined ? null : /([^/\\(\s]+:\d+:\d+)\)?$/.exec(frame);
  return match?.[1];
}
