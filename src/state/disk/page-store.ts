import { pageCorrupt } from "./disk-errors.ts";
import { PageDirectory, type PagePlace, type PagePlaces } from "./page-directory.ts";
import { PageLog, type PageLogOptions } from "./page-log.ts";
import {
  checksum,
  isKeyOf,
  PAGE_HEADER_BYTES,
  PageBuilder,
  PageReader,
  RECORD_HEADER_BYTES,
  RecordView,
  wordsOf,
} from "./pages.ts";

export interface PageStoreOptions extends PageLogOptions {
  /** How many bytes pages have on average: records larger than this have pages of their own, about. */
  readonly pageBytes: number;
}

/** A record without cells, whose key is gone, stays on its page as long as some snapshot may need to hear of it. */
export type Keeps = (record: RecordView) => boolean;

/**
 * The other records of the page on which a record was looked for, as text of a character per byte, which the heap holds
 * better than small buffers. As long as the page lies where it did, it need not be read again to be replaced.
 */
export interface Neighbours {
  readonly segment: number;
  readonly offset: number;
  readonly count: number;
  /** That of the page. */
  readonly stamp: number;
  readonly text: string;
}

/** A version of all pages, which stays readable until it is released. */
export interface PinnedPages {
  readonly pageCount: number;
  pageOf(hash: number): number;
  /** The epoch in which one of its records changed last. */
  stampOf(page: number): number;
  visit(page: number, visit: (record: RecordView) => void): void;
  release(): void;
}

const FIRST_SCRATCH_BYTES = 1 << 14;
/** Longer pages are not kept beside an entry. */
const MOST_NEIGHBOUR_BYTES = 1 << 10;
/** So much more than twice what is alive may lie in the log before it is compacted. */
const SLACK_SEGMENTS = 4;

/**
 * Records by the hash of their key, in pages by that hash, in files. A page is as long as its records are, and there are as
 * many pages as it takes for `pageBytes` on average: the directory takes a share of the state that does not depend on how
 * large records are, and one that is far larger than the others asks for nothing but its own bytes.
 *
 * Why not one of the embedded stores, and why pages of about the size of two records: docs/state-backends.md has figures.
 */
export class PageStore {
  readonly #options: PageStoreOptions;
  readonly #directory = new PageDirectory();
  readonly #log: PageLog;
  readonly #reader = new PageReader();
  readonly #builders = [new PageBuilder(), new PageBuilder()] as const;
  readonly #record = new RecordView();
  readonly #place: PagePlace = { segment: 0, offset: 0, length: 0, stamp: 0 };
  #scratch: Buffer = Buffer.allocUnsafeSlow(FIRST_SCRATCH_BYTES);
  #words = wordsOf(this.#scratch);
  /** Of a segment that is being compacted. */
  readonly #part: Buffer;
  readonly #partWords: Int32Array;
  /** The segment that is being compacted, and how far that is. */
  #compacting: { readonly number: number; readonly byteLength: number; at: number } | undefined;

  constructor(options: PageStoreOptions) {
    this.#options = options;
    this.#log = new PageLog(options);
    this.#part = Buffer.allocUnsafeSlow(options.bufferBytes);
    this.#partWords = wordsOf(this.#part);
  }

  get memoryBytes(): number {
    return this.#directory.memoryBytes + this.#log.bufferBytes + this.#part.length + this.#scratch.length;
  }

  /** What the pages take on disk, those included that nobody needs any more. */
  get diskBytes(): number {
    return this.#log.byteLength;
  }

  pageOf(hash: number): number {
    return this.#directory.pageOf(hash);
  }

  get pageCount(): number {
    return this.#directory.pageCount;
  }

  /** The record of a key, which is in `key` up to `keyLength`; undefined where there is none. Valid until the next call. */
  find(hash: number, key: Buffer, keyLength: number): RecordView | undefined {
    if (!this.#read(this.#directory, this.pageOf(hash))) return undefined;
    const record = this.#record;
    while (this.#reader.next(record)) if (isKeyOf(record, hash, key, 0, keyLength)) return record;
    return undefined;
  }

  /** Of what `find` has just looked for, and has given or not; undefined where they are many bytes, or not for ever. */
  neighbours(found: RecordView | undefined): Neighbours | undefined {
    const { segment, offset, length, stamp } = this.#place;
    if (length === 0 || length > MOST_NEIGHBOUR_BYTES) return undefined;
    const end = this.#reader.end();
    if (end < 0) return undefined;
    const { count } = this.#reader;
    const bytes = this.#scratch;
    if (found === undefined)
      return { segment, offset, count, stamp, text: bytes.toString("latin1", PAGE_HEADER_BYTES, end) };
    const from = found.keyAt - RECORD_HEADER_BYTES;
    const before = from > PAGE_HEADER_BYTES ? bytes.toString("latin1", PAGE_HEADER_BYTES, from) : "";
    const behind = end > found.end ? bytes.toString("latin1", found.end, end) : "";
    return { segment, offset, count: count - 1, stamp, text: before + behind };
  }

  /** Each record of a page; `visit` uses the store for nothing else. */
  visit(page: number, visit: (record: RecordView) => void): void {
    this.#visitIn(this.#directory, page, visit);
  }

  /**
   * The records of one page, some of `records`: these take the place of those of the same keys. Nothing is kept of records that `keeps` refuses.
   * `known`: what was beside the only record when it was looked for.
   */
  replace(
    page: number,
    records: readonly RecordView[],
    from: number,
    to: number,
    keeps: Keeps,
    known?: Neighbours,
  ): void {
    const [builder] = this.#builders;
    builder.begin();
    if (known !== undefined && this.#isThere(page, known)) builder.addAll(known.text, known.count, known.stamp);
    else if (this.#read(this.#directory, page)) {
      const old = this.#record;
      while (this.#reader.next(old)) if (keeps(old) && !isAmong(old, records, from, to)) builder.add(old);
    }
    for (let i = from; i < to; i++) if (keeps(records[i])) builder.add(records[i]);
    this.#put(page, builder);
  }

  /** After some pages were replaced: more pages where they have become too long, and less of what is dead. */
  settle(writtenBytes: number): void {
    while (this.#log.liveBytes > this.#directory.pageCount * this.#options.pageBytes) this.#split();
    // Of what is looked at less than half is alive: twice as much keeps up with what is written.
    for (let left = writtenBytes * 3; left > 0 && this.#isSparse; left -= this.#part.length) this.#compactSome();
  }

  pin(): PinnedPages {
    this.#log.pin();
    const places = this.#directory.pin();
    const place: PagePlace = { ...this.#place };
    return {
      pageCount: places.pageCount,
      pageOf: places.pageOf,
      stampOf: (page) => {
        places.find(page, place);
        return place.length === 0 ? 0 : place.stamp;
      },
      visit: (page, visit) => this.#visitIn(places, page, visit),
      release: () => {
        this.#directory.unpin();
        this.#log.unpin();
      },
    };
  }

  close(): void {
    this.#log.close();
  }

  #visitIn(places: PagePlaces, page: number, visit: (record: RecordView) => void): void {
    if (!this.#read(places, page)) return;
    const record = this.#record;
    while (this.#reader.next(record)) visit(record);
  }

  /** False where the page has no records; else the reader is at its first. */
  #read(places: PagePlaces, page: number): boolean {
    const place = this.#place;
    places.find(page, place);
    const { segment, offset, length } = place;
    if (length === 0) return false;
    // What a long page took is not kept.
    if (length > this.#scratch.length) this.#widen(length);
    else if (length <= FIRST_SCRATCH_BYTES && this.#scratch.length > FIRST_SCRATCH_BYTES)
      this.#widen(FIRST_SCRATCH_BYTES);
    this.#log.read(segment, offset, this.#scratch.subarray(0, length));
    this.#check(this.#words, 0, length, page, place);
    this.#reader.bind(this.#scratch);
    return true;
  }

  /** That these words, from `from` on, are the page that was written there. */
  #check(words: Int32Array, from: number, length: number, page: number, { segment, offset }: PagePlace): void {
    const isThat = words[from + 1] === length && words[from + 2] === page;
    if (isThat && checksum(words, from + 1, from + length / 4) === words[from] >>> 0) return;
    throw pageCorrupt(
      this.#log.pathOf(segment),
      this.#options.step,
      `the page of ${length} bytes at byte ${offset} is not the one that was written there`,
    );
  }

  /** Whether the page still lies where it did. */
  #isThere(page: number, { segment, offset }: Neighbours): boolean {
    const place = this.#place;
    this.#directory.find(page, place);
    return place.length > 0 && place.segment === segment && place.offset === offset;
  }

  #widen(byteLength: number): void {
    this.#scratch = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(byteLength)));
    this.#words = wordsOf(this.#scratch);
  }

  #put(page: number, builder: PageBuilder): void {
    const place = this.#place;
    this.#directory.find(page, place);
    const { segment, length } = place;
    if (builder.count === 0) place.length = 0;
    else {
      const bytes = builder.finish(page);
      this.#log.append(bytes, place);
      place.length = bytes.length;
    }
    place.stamp = builder.stamp;
    this.#directory.set(page, place);
    if (length > 0) this.#log.release(segment, length);
  }

  #split(): void {
    const [staying, moving] = this.#builders;
    const from = this.#directory.grow();
    const to = this.#directory.pageCount - 1;
    if (!this.#read(this.#directory, from)) return;
    staying.begin();
    moving.begin();
    const record = this.#record;
    while (this.#reader.next(record)) (this.pageOf(record.hash) === from ? staying : moving).add(record);
    if (moving.count === 0) return;
    this.#put(from, staying);
    this.#put(to, moving);
  }

  get #isSparse(): boolean {
    const { byteLength, liveBytes } = this.#log;
    return byteLength > 3 * liveBytes + SLACK_SEGMENTS * this.#options.segmentBytes;
  }

  /** Moves the pages that are alive in the next part of the segment with the fewest of them. */
  #compactSome(): void {
    let segment = this.#compacting;
    if (segment === undefined || segment.at >= segment.byteLength || !this.#log.has(segment.number)) {
      const emptiest = this.#log.emptiest();
      if (emptiest === undefined) return;
      segment = { ...emptiest, at: 0 };
      this.#compacting = segment;
    }
    const start = segment.at;
    const part = this.#part.subarray(0, Math.min(this.#part.length, segment.byteLength - start));
    this.#log.read(segment.number, start, part);
    const place = this.#place;
    for (let at = 0; at + PAGE_HEADER_BYTES <= part.length; ) {
      const length = part.readUInt32LE(4 + at);
      const page = part.readUInt32LE(8 + at);
      const offset = start + at;
      if (length < PAGE_HEADER_BYTES || offset + length > segment.byteLength || page >= this.pageCount) {
        const path = this.#log.pathOf(segment.number);
        throw pageCorrupt(path, this.#options.step, `no page begins at byte ${offset}`);
      }
      // The rest of it comes with the next part, but for a page that fits in none.
      if (at > 0 && at + length > part.length) break;
      at += length;
      segment.at = start + at;
      this.#directory.find(page, place);
      if (place.length === 0 || place.segment !== segment.number || place.offset !== offset) continue;
      if (at > part.length) this.#moveLong(page);
      else {
        this.#check(this.#partWords, (at - length) / 4, length, page, place);
        this.#log.append(part.subarray(at - length, at), place);
        this.#directory.set(page, place);
        this.#log.release(segment.number, length);
      }
      if (!this.#log.has(segment.number)) return;
    }
  }

  /** One that did not fit in the part. */
  #moveLong(page: number): void {
    const place = this.#place;
    if (!this.#read(this.#directory, page)) return;
    const { segment, length } = place;
    this.#log.append(this.#scratch.subarray(0, length), place);
    this.#directory.set(page, place);
    this.#log.release(segment, length);
  }
}

function isAmong(record: RecordView, records: readonly RecordView[], from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const { hash, bytes, keyAt, cellsAt } = records[i];
    if (isKeyOf(record, hash, bytes, keyAt, cellsAt)) return true;
  }
  return false;
}
