import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteSink } from "../../../../src/state/disk/bytes.ts";
import { PageStore, type PinnedPages } from "../../../../src/state/disk/page-store.ts";
import { hashBytes, RecordView } from "../../../../src/state/disk/pages.ts";
import { cases, patienceMs } from "../../../support/cases.ts";
import { MemoryFiles } from "../../../support/memory-files.ts";

const storeOf = (files: MemoryFiles, sizes: { segmentBytes?: number; bufferBytes?: number } = {}): PageStore =>
  new PageStore({
    files,
    directory: () => "/state",
    name: "pages",
    step: '"counts", subtask 0',
    bufferBytes: sizes.bufferBytes ?? 128,
    segmentBytes: sizes.segmentBytes ?? 512,
    pageBytes: 64,
  });

/** The record of a key with so many bytes of cells, all of them `fill`; without any it says that the key is gone. */
function recordOf(key: number, cellBytes: number, fill: number, stamp = 1): RecordView {
  const sink = new ByteSink();
  sink.uint32(key);
  for (let i = 0; i < cellBytes; i++) sink.uint8(fill);
  const record = new RecordView();
  return Object.assign(record, {
    bytes: sink.bytes,
    hash: hashBytes(sink.bytes, 0, 4),
    stamp,
    keyAt: 0,
    cellsAt: 4,
    end: sink.at,
  });
}

function put(store: PageStore, record: RecordView, keepsGone = false): void {
  store.replace(store.pageOf(record.hash), [record], 0, 1, ({ cellsAt, end }) => keepsGone || end > cellsAt);
  store.settle(record.end);
}

const contentOf = (store: Pick<PinnedPages, "pageCount" | "visit">): Map<number, string> => {
  const found = new Map<number, string>();
  for (let page = 0; page < store.pageCount; page++) {
    store.visit(page, ({ bytes, keyAt, cellsAt, end, stamp }) => {
      const key = bytes.readUInt32LE(keyAt);
      expect(found.has(key)).toBe(false);
      found.set(key, `${end - cellsAt} ${end > cellsAt ? bytes[end - 1] : 0} ${stamp}`);
    });
  }
  return found;
};

it(
  "pages hold the newest record of each key, of whatever length, and pinned ones what they held",
  () => {
    let splits = 0;
    let compacted = 0;
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            kind: fc.constantFrom("put", "put", "put", "put", "remove", "pin", "unpin"),
            key: fc.nat(60),
            size: fc.constantFrom(1, 3, 30, 90, 700, 5000),
            fill: fc.nat(255),
          }),
          { maxLength: 200, size: "max" },
        ),
        (steps) => {
          const files = new MemoryFiles();
          const store = storeOf(files);
          const model = new Map<number, string>();
          const pins: { readonly pages: PinnedPages; readonly expected: Map<number, string> }[] = [];
          const letGo = (): void => {
            const pin = pins.shift();
            if (pin === undefined) return;
            expect(contentOf(pin.pages)).toEqual(pin.expected);
            pin.pages.release();
          };
          for (const [stamp, { kind, key, size, fill }] of steps.entries()) {
            if (kind === "put") {
              put(store, recordOf(key, size, fill, stamp));
              model.set(key, `${size} ${fill} ${stamp}`);
            } else if (kind === "remove") {
              put(store, recordOf(key, 0, 0, stamp));
              model.delete(key);
            } else if (kind === "pin") pins.push({ pages: store.pin(), expected: new Map(model) });
            else letGo();
            const asked = recordOf(key, 0, 0);
            expect(store.find(asked.hash, asked.bytes, 4) !== undefined).toBe(model.has(key));
          }
          expect(contentOf(store)).toEqual(model);
          if (store.pageCount > 1) splits++;
          if (!files.contents.has("/state/pages-0.state")) compacted++;
          while (pins.length > 0) letGo();
          store.close();
          expect(files.contents.size).toBe(0);
          expect(files.openHandles).toBe(0);
        },
      ),
      { numRuns: cases(200) },
    );
    expect(splits).toBeGreaterThan(50);
    expect(compacted).toBeGreaterThan(20);
  },
  patienceMs(60_000),
);

describe("files of state", () => {
  const filled = (files: MemoryFiles): PageStore => {
    const store = storeOf(files);
    for (let key = 0; key < 100; key++) put(store, recordOf(key, 50, key));
    return store;
  };

  it("do not grow without end where the same keys change again and again", () => {
    const files = new MemoryFiles();
    const store = storeOf(files);
    for (let round = 0; round < 100; round++) for (let key = 0; key < 20; key++) put(store, recordOf(key, 50, round));
    // Twenty records of 70 bytes, three times over, and the segments that are always there.
    expect(store.diskBytes).toBeLessThan(20 * 100 * 3 + 6 * 512);
    store.close();
  });

  it("name themselves and the step where the disk is full", () => {
    const files = new MemoryFiles();
    const store = filled(files);
    files.writableBytes = 100;
    expect(() => {
      for (let key = 0; key < 100; key++) put(store, recordOf(key, 50, 0));
    }).toThrow(
      expect.objectContaining({
        code: "STATE_DISK_FULL",
        message: expect.stringMatching(/"counts", subtask 0.*\.state"/),
      }),
    );
    store.close();
    expect(files.contents.size).toBe(0);
  });

  it("name themselves where they cannot be read or written", () => {
    const files = new MemoryFiles();
    const store = filled(files);
    files.readsFail = true;
    expect(() => contentOf(store)).toThrow(expect.objectContaining({ code: "STATE_READ_FAILED" }));
    files.readsFail = false;
    files.failWith = "EIO";
    files.writableBytes = 0;
    expect(() => {
      for (let key = 0; key < 100; key++) put(store, recordOf(key, 50, 0));
    }).toThrow(expect.objectContaining({ code: "STATE_WRITE_FAILED" }));
    store.close();
  });

  it("are found to have changed, wherever a bit of a page was flipped", () => {
    let found = 0;
    for (let bit = 0; bit < 4096; bit += 7) {
      const files = new MemoryFiles();
      const store = filled(files);
      const path = [...files.contents.keys()].at(-2) as string;
      const bytes = Buffer.concat(files.contents.get(path) ?? []);
      if (bit >= bytes.length * 8) break;
      const before = contentOf(store);
      bytes[bit >> 3] ^= 1 << (bit & 7);
      files.contents.get(path)?.splice(0, Number.POSITIVE_INFINITY, bytes);
      try {
        // Of what is dead nobody reads.
        expect(contentOf(store)).toEqual(before);
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: "STATE_PAGE_CORRUPT", message: expect.stringContaining(path) });
        found++;
      }
      store.close();
    }
    expect(found).toBeGreaterThan(50);
  });
});
