/** Writes the block of memory that all kernels are given; its layout stands in kernels/settings.ts. */
import type { Block } from "../../../src/core/memory/block.ts";
import type { Workspace } from "../../../src/core/workspace.ts";
import { type NexmarkConfiguration, proportions } from "./configuration.ts";
import { mix, priceScale } from "./draws.ts";
import { cities, letterOfWords, names } from "./texts.ts";

const SCALE_AT = 48;
const LETTERS_AT = SCALE_AT + 8192;
const NAMES_AT = LETTERS_AT + 256;
const CITIES_AT = NAMES_AT + 128;
const BYTES = CITIES_AT + 16;

/** What was made of a configuration last: every split of a stream makes a generator, and all of them have the same one. */
let made: { readonly from: string; readonly bytes: Uint8Array } | undefined;

/** The caller owns the block. */
export function writeSettings(workspace: Workspace, configuration: NexmarkConfiguration): Block {
  const from = JSON.stringify(configuration);
  if (made?.from === from) {
    const block = workspace.allocate(BYTES);
    workspace.u8.set(made.bytes, block.address);
    return block;
  }
  const block = makeSettings(workspace, configuration);
  made = { from, bytes: workspace.u8.slice(block.address, block.address + BYTES) };
  return block;
}

function makeSettings(workspace: Workspace, configuration: NexmarkConfiguration): Block {
  const { hotAuctionRatio, hotBiddersRatio, hotSellersRatio, inFlightAuctions, activePeople } = configuration;
  const block = workspace.allocateZeroed(BYTES);
  const { address } = block;
  const ahead = Math.floor((inFlightAuctions * proportions.total) / proportions.auction);
  workspace.u32.set(
    [
      mix(configuration.seed),
      configuration.outOfOrderGroupSize,
      hotAuctionRatio,
      hotBiddersRatio,
      hotSellersRatio,
      inFlightAuctions,
      activePeople,
      ahead,
    ],
    address >>> 2,
  );
  workspace.f64.set([configuration.baseTimeMs, 1_000_000 / configuration.eventsPerSecond], (address + 32) >>> 3);
  workspace.f64.set(priceScale, (address + SCALE_AT) >>> 3);
  workspace.u8.set(
    Array.from({ length: 256 }, (_, byte) => letterOfWords(byte, " ").charCodeAt(0)),
    address + LETTERS_AT,
  );
  const lengthOf = (text: string): number => text.length;
  workspace.u8.set(names.map(lengthOf), address + NAMES_AT);
  workspace.u8.set(cities.map(lengthOf), address + CITIES_AT);
  return block;
}
