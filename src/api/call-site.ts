import { OWN_FOLDER, SOURCE_FOLDER } from "../host/package-layout.ts";

/** As they stand in stack frames. */
const OWN_PATHS = [OWN_FOLDER, SOURCE_FOLDER].map((folder) => decodeURI(folder.pathname));

const DEPTH = 12;

/** Texts by the place in the code that runs, of which a source map may make another one. */
const known = new Map<string, string | undefined>();
const MOST_KNOWN = 1000;

/** Where user code called into the API, "job.ts:12:5"; undefined where the stack does not tell. */
export function callSite(): string | undefined {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = DEPTH;
  try {
    // To write a stack down takes a multiple of this, and programs that build a plan again come from the same places.
    const place = userPlace();
    if (place === undefined) return userText();
    if (!known.has(place)) {
      if (known.size >= MOST_KNOWN) known.clear();
      known.set(place, userText());
    }
    return known.get(place);
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/** The first frame that is not the engine's own; undefined where it has no file. */
function userPlace(): string | undefined {
  const { prepareStackTrace } = Error;
  try {
    Error.prepareStackTrace = (_, sites) => sites;
    const { stack } = new Error("call site");
    // Whatever else decides on stacks in this process gives a text.
    if (!Array.isArray(stack)) return undefined;
    for (const site of stack as readonly NodeJS.CallSite[]) {
      const file = site.getFileName();
      if (typeof file !== "string") return undefined;
      if (isOwn(file)) continue;
      return `${file}:${site.getLineNumber()}:${site.getColumnNumber()}`;
    }
    return undefined;
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
  }
}

function userText(): string | undefined {
  const { stack = "" } = new Error("call site");
  const frame = stack
    .split("\n")
    .slice(1)
    .find((line) => !isOwn(line));
  const match = frame === undefined ? null : /([^/\\(\s]+:\d+:\d+)\)?$/.exec(frame);
  return match?.[1];
}

const isOwn = (frame: string): boolean =>
  OWN_PATHS.some((path) => frame.includes(path)) || frame.includes("node:internal");
