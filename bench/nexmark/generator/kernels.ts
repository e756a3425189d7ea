/** The generator's kernels: built once from bench/nexmark/kernels, one instance per workspace. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Workspace } from "../../../src/core/workspace.ts";
import { cachedOnce, cachePath, projectRoot } from "../../data/cache.ts";

/** Rows [first, first + count); see bench/nexmark/kernels for what each writes. */
type Fixed = (settings: number, first: number, count: number, out: number) => void;
type Text = (settings: number, first: number, count: number, offsets: number, data: number) => number;
/** The same, of the events that `describeEvents` has described. */
type OfEvents = (settings: number, events: number, count: number, out: number) => void;

export interface NexmarkKernels {
  readonly positions: (first: number, count: number, out: number) => void;
  readonly describeEvents: Fixed;
  readonly typeMask: (events: number, count: number, eventType: number, out: number) => number;
  readonly eventTypes: OfEvents;
  readonly dateTimes: Fixed;
  readonly personIds: Fixed;
  readonly personChoices: (
    settings: number,
    first: number,
    count: number,
    field: number,
    choices: number,
    out: number,
  ) => void;
  readonly auctionIds: Fixed;
  readonly initialBids: Fixed;
  readonly reserves: Fixed;
  readonly expiries: Fixed;
  readonly sellers: Fixed;
  readonly categories: Fixed;
  readonly bidAuctions: OfEvents;
  readonly bidders: OfEvents;
  readonly prices: OfEvents;
  readonly channels: OfEvents;
  readonly emailAddresses: Text;
  readonly creditCards: Text;
  readonly auctionExtras: Text;
  readonly bidExtras: (
    settings: number,
    events: number,
    count: number,
    words: number,
    offsets: number,
    data: number,
  ) => number;
  readonly auctionWords: (
    settings: number,
    first: number,
    count: number,
    field: number,
    most: number,
    offsets: number,
    data: number,
  ) => number;
  readonly personExtras: (
    settings: number,
    first: number,
    count: number,
    names: number,
    cities: number,
    offsets: number,
    data: number,
  ) => number;
}

const folder = join(projectRoot, "bench/nexmark/kernels");

/** Named for what it is made of: clones of the repository that share a cache may differ in it. */
const relative = (() => {
  const hash = createHash("sha256");
  for (const name of readdirSync(folder).sort()) hash.update(name).update(readFileSync(join(folder, name)));
  return `nexmark/kernels-${hash.digest("hex").slice(0, 8)}.wasm`;
})();

/** Compiles the kernels unless that is done; call it before the first generator is made. */
export async function buildNexmarkKernels(): Promise<void> {
  await cachedOnce(relative, async (unfinished) => {
    // Every worker thread of a job imports this file, and none of them needs the compiler, which takes long to load.
    const { main: compile } = await import("assemblyscript/asc");
    // The folder's own asconfig.json: from the project's root the compiler would add the product's kernels.
    const { error, stderr } = await compile(["--baseDir", folder, "--config", "asconfig.json", "-o", unfinished]);
    if (error !== null) throw new Error(`the Nexmark kernels do not compile: ${stderr.toString()}`, { cause: error });
  });
}

let module: WebAssembly.Module | undefined;
const instances = new WeakMap<Workspace, NexmarkKernels>();

/** The kernels over a workspace's memory. */
export function nexmarkKernels(workspace: Workspace): NexmarkKernels {
  const present = instances.get(workspace);
  if (present !== undefined) return present;
  module ??= new WebAssembly.Module(readFileSync(cachePath(relative)));
  const instance = new WebAssembly.Instance(module, { env: { memory: workspace.memory } });
  const kernels = instance.exports as unknown as NexmarkKernels;
  instances.set(workspace, kernels);
  return kernels;
}
