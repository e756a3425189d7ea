import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import { cachePath } from "../../bench/data/cache.ts";
import { hasJava } from "../../bench/engines/java-peer.ts";
import { NexmarkFlink } from "../../bench/nexmark/engines/flink.ts";
import { nexmarkColumnNames } from "../../bench/nexmark/generator/columns.ts";
import { standardConfiguration } from "../../bench/nexmark/generator/configuration.ts";
import { eventAt } from "../../bench/nexmark/generator/event.ts";

/** Only where the Flink peer has been built before: a test downloads nothing. */
const hasPeer = existsSync(cachePath("flink", "flink-peer.jar")) && hasJava();
const events = process.env.MILLRACE_DEEP === "1" ? 1_000_000 : 20_000;

it.skipIf(!hasPeer)("the Flink peer's generator makes the same events", { timeout: 300_000 }, async () => {
  const flink = await NexmarkFlink.open("hashmap", 1);
  try {
    for (const configuration of [
      standardConfiguration,
      { ...standardConfiguration, seed: 99, outOfOrderGroupSize: 100, eventsPerSecond: 3_000_000 },
    ]) {
      const digest = createHash("sha256");
      for (let position = 0; position < events; position++) {
        const event = eventAt(configuration, position) as unknown as Readonly<Record<string, unknown>>;
        const cells = nexmarkColumnNames.filter((name) => name in event).map((name) => `${event[name]}\t`);
        digest.update(`${cells.join("")}\n`);
      }
      expect(await flink.eventsHash(configuration, events)).toBe(digest.digest("hex"));
    }
  } finally {
    await flink.close();
  }
});
