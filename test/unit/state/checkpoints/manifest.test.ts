import { expect, it } from "vitest";
import { encodeManifest, filesOf, type Manifest, parseManifest } from "../../../../src/state/checkpoints/manifest.ts";
import { crc32cReference } from "../../../reference/crc32c.ts";
import { codeOf } from "../../../support/files-contract.ts";

const file = (name: string) => ({ file: `state/${name}.arrows`, sizeBytes: 3, crc32c: "0000abcd" });
const manifest: Manifest = {
  kind: "checkpoint",
  attempt: 2,
  checkpointId: 7,
  takenAt: "2026-01-02T03:04:05.006Z",
  maxParallelism: 128,
  isFinal: false,
  operators: { 'a "quoted" uid': { totals: { kind: "keyed", parts: [file("0"), file("1"), file("0")] } } },
};

it("comes back as it was, and is JSON for everybody else", () => {
  const bytes = encodeManifest(manifest, crc32cReference);
  expect(parseManifest(bytes, crc32cReference, "m")).toEqual(manifest);
  const json = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
  expect(json).toMatchObject({ format: "millrace-checkpoint", version: 1, ...manifest });
  expect(json.crc32c).toMatch(/^[0-9a-f]{8}$/);
  expect(filesOf(manifest)).toEqual([file("0"), file("1")]);
});

it("is refused with any byte changed, left out or added", () => {
  const bytes = encodeManifest(manifest, crc32cReference);
  const code = (changed: Uint8Array) => codeOf(() => parseManifest(changed, crc32cReference, "m"));
  for (let i = 0; i < bytes.length; i++) {
    const flipped = bytes.slice();
    flipped[i] ^= 1 << (i % 8);
    expect(code(flipped)).toBe("CHECKPOINT_CORRUPT");
    expect(code(bytes.slice(0, i))).toBe("CHECKPOINT_CORRUPT");
  }
  expect(code(Uint8Array.of(...bytes, 10))).toBe("CHECKPOINT_CORRUPT");
});

it("of a newer format, or of something else, is not guessed at", () => {
  const asIf = (members: object) => {
    const given = { ...manifest, ...members } as Manifest;
    return codeOf(() => parseManifest(encodeManifest(given, crc32cReference), crc32cReference, "m"));
  };
  expect(asIf({ version: 3 })).toBe("CHECKPOINT_VERSION");
  expect(asIf({ format: "other" })).toBe("CHECKPOINT_CORRUPT");
});
