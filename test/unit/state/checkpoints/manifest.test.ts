import { expect, it } from "vitest";
import { encodeManifest, type PartManifest, parseManifest } from "../../../../src/state/checkpoints/manifest.ts";
import { crc32cReference } from "../../../reference/crc32c.ts";

const FILE = { file: "a", sizeBytes: 1, crc32c: "00000000" };

it.each<[number, PartManifest, boolean]>([
  [1, FILE, false],
  [2, { ...FILE, changes: [FILE] }, true],
  [3, { ...FILE, changes: [FILE], least: { column: "paneStartMs", value: -5 } }, true],
])("a manifest is of version %i, so that who cannot read all of it refuses it", (version, part, hasUnit) => {
  const unit = hasUnit ? { unit: ["key word"] } : {};
  const manifest = {
    kind: "checkpoint" as const,
    checkpointId: 1,
    attempt: 1,
    takenAt: "2026-01-01T00:00:00.000Z",
    maxParallelism: 128,
    isFinal: false,
    operators: { sums: { totals: { kind: "keyed" as const, ...unit, parts: [FILE, part] } } },
  };
  const bytes = encodeManifest(manifest, crc32cReference);
  expect(new TextDecoder().decode(bytes)).toContain(`"version": ${version}`);
  expect(parseManifest(bytes, crc32cReference, "it")).toEqual(manifest);
});
