import { beforeAll, describe, expect, it } from "vitest";
import { nexmarkColumnNames } from "../../../bench/nexmark/generator/columns.ts";
import { standardConfiguration as standard } from "../../../bench/nexmark/generator/configuration.ts";
import { eventAt } from "../../../bench/nexmark/generator/event.ts";
import { NexmarkGenerator } from "../../../bench/nexmark/generator/generator.ts";
import { buildNexmarkKernels } from "../../../bench/nexmark/generator/kernels.ts";
import { readRows } from "../../../src/core/columns/read.ts";
import { withWorkspace } from "../../support/workspace.ts";

beforeAll(buildNexmarkKernels);

const generated = (
  configuration: typeof standard,
  first: number,
  count: number,
  names = nexmarkColumnNames,
): object[] =>
  withWorkspace((workspace) => {
    const generator = new NexmarkGenerator(workspace, configuration, names);
    const batch = generator.batch(first, count);
    const rows = readRows(workspace, batch).map((row) =>
      Object.fromEntries(
        Object.entries(row).flatMap(([name, value]) =>
          value === null ? [] : [[name, typeof value === "bigint" ? Number(value) : value]],
        ),
      ),
    );
    batch.release();
    generator.close();
    return rows;
  });

const expected = (configuration: typeof standard, first: number, count: number): object[] =>
  Array.from({ length: count }, (_, index) => ({ ...eventAt(configuration, first + index) }));

describe("the Nexmark generator", () => {
  it.each([
    ["at the start", standard, 0],
    ["far behind it", standard, 4_000_000_017],
    ["with another seed", { ...standard, seed: -77 }, 1_234_567],
    ["out of order", { ...standard, outOfOrderGroupSize: 1000 }, 98_765],
    ["at a high rate", { ...standard, eventsPerSecond: 10_000_000 }, 7_777_777],
    ["with other ratios", { ...standard, hotAuctionRatio: 1, hotBiddersRatio: 100, inFlightAuctions: 7 }, 33],
  ])("makes in columns what the readable twin makes one by one, %s", (_, configuration, first) => {
    expect(generated(configuration, first, 2003)).toEqual(expected(configuration, first, 2003));
  });

  it("makes the same events in one batch and in many", () => {
    const whole = generated(standard, 1000, 500);
    const pieces = [1000, 1000, 1001, 1007, 1333].flatMap((first, index, all) =>
      generated(standard, first, (all[index + 1] ?? 1500) - first),
    );
    expect(pieces).toEqual(whole);
  });

  it("makes only the columns asked for, in their order", () => {
    const [bid] = generated(standard, 54, 1, ["price", "eventType", "name"]);
    const { eventType, price } = eventAt(standard, 54) as { eventType: number; price: number };
    expect(Object.entries(bid ?? {})).toEqual([
      ["price", price],
      ["eventType", eventType],
    ]);
  });

  it("has persons, auctions and bids as 1 : 3 : 46, and hot ones among them", () => {
    const events = Array.from({ length: 20_000 }, (_, index) => eventAt(standard, 1_000_000 + index));
    const share = (isIn: (event: (typeof events)[number]) => boolean | undefined, of = events): number =>
      of.filter(isIn).length / of.length;
    const bids = events.filter(({ eventType }) => eventType === 2);
    const auctions = events.filter(({ eventType }) => eventType === 1);
    expect([bids.length, auctions.length]).toEqual([18_400, 1200]);
    expect(share((event) => "auction" in event && event.auction % 100 === 0, bids)).toBeCloseTo(0.5, 1);
    expect(share((event) => "bidder" in event && event.bidder % 100 === 1, bids)).toBeCloseTo(0.75, 1);
    expect(share((event) => "seller" in event && event.seller % 100 === 0, auctions)).toBeCloseTo(0.75, 1);
    expect(share((event) => "channel" in event && /^[A-Z]/.test(event.channel), bids)).toBeCloseTo(0.5, 1);
    // Prices are log-uniform over six powers of ten.
    expect(share((event) => "price" in event && event.price < 10_000, bids)).toBeCloseTo(1 / 3, 1);
    const bytes = bids.reduce((total, event) => total + ("bidExtra" in event ? event.bidExtra.length : 0), 0);
    expect(bytes / bids.length).toBeCloseTo(67.5, 0);
  });

  it("refuses a configuration with which events would repeat or overflow", () => {
    expect(() => generated({ ...standard, outOfOrderGroupSize: 953 }, 0, 1)).toThrow(/outOfOrderGroupSize/);
    expect(() => generated({ ...standard, eventsPerSecond: 0.5 }, 0, 1)).toThrow(/eventsPerSecond/);
    expect(() => generated(standard, 2 ** 32 - 1, 2)).toThrow(/no events/);
  });
});
