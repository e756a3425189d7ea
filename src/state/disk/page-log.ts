import { assert } from "../../core/errors.ts";
import type { HostFiles, ReadableFile, WritableFile } from "../../core/host.ts";
import { ofState } from "./disk-errors.ts";

export interface PageLogOptions {
  readonly files: HostFiles;
  /** Where the files lie; asked for with the first of them. */
  readonly directory: () => string;
  /** What names of files begin with, unique in the directory. */
  readonly name: string;
  /** Whose state it is, for errors. */
  readonly step: string;
  /** What is gathered before it is written. */
  readonly bufferBytes: number;
  /** A file is closed for writing once it has as much; larger where the whole log is. */
  readonly segmentBytes: number;
}

interface Segment {
  readonly number: number;
  readonly path: string;
  readonly file: ReadableFile;
  byteLength: number;
  liveBytes: number;
}

/** So many segments a log has at most, about: each is an open file. */
const MOST_SEGMENTS = 64;
/** Where a page lies in its segment is 32 bits. */
const LARGEST_SEGMENT_BYTES = 2 ** 31;

/**
 * Pages in files, written once, one behind the other, and never changed: a page that takes the place of another lies
 * elsewhere. A file is removed when none of its pages is alive, or pinned.
 */
export class PageLog {
  readonly #options: PageLogOptions;
  readonly #segments = new Map<number, Segment>();
  /** Segments without live pages that a pin may still read. */
  readonly #dead = new Set<Segment>();
  readonly #buffer: Buffer;
  /** Bytes in the buffer, which belong behind what is written of the newest segment. */
  #buffered = 0;
  #newest: Segment | undefined;
  #writer: WritableFile | undefined;
  #created = 0;
  #pins = 0;
  /** Of pages, and of those that are alive. */
  byteLength = 0;
  liveBytes = 0;

  constructor(options: PageLogOptions) {
    this.#options = options;
    this.#buffer = Buffer.allocUnsafeSlow(options.bufferBytes);
  }

  get bufferBytes(): number {
    return this.#buffer.length;
  }

  /** Adds a page behind all others; `place` is given where it lies. */
  append(page: Uint8Array, place: { segment: number; offset: number }): void {
    const segment = this.#room(page.length);
    place.segment = segment.number;
    place.offset = segment.byteLength;
    if (this.#buffered + page.length > this.#buffer.length) this.#flush();
    if (page.length > this.#buffer.length) this.#write(segment, page);
    else {
      this.#buffer.set(page, this.#buffered);
      this.#buffered += page.length;
    }
    segment.byteLength += page.length;
    segment.liveBytes += page.length;
    this.byteLength += page.length;
    this.liveBytes += page.length;
  }

  /** Fills `target` with what lies there. */
  read(number: number, offset: number, target: Uint8Array): void {
    const segment = this.#segment(number);
    const written = segment === this.#newest ? segment.byteLength - this.#buffered : segment.byteLength;
    if (offset >= written) {
      target.set(this.#buffer.subarray(offset - written, offset - written + target.length));
      return;
    }
    ofState("read", segment.path, this.#options.step, () => segment.file.readInto(target, offset));
  }

  pathOf(number: number): string {
    return this.#segment(number).path;
  }

  /** A page of so many bytes is needed no more, but by those who have pinned it. */
  release(number: number, byteLength: number): void {
    const segment = this.#segment(number);
    segment.liveBytes -= byteLength;
    this.liveBytes -= byteLength;
    if (segment.liveBytes > 0 || segment === this.#newest) return;
    this.byteLength -= segment.byteLength;
    if (this.#pins > 0) this.#dead.add(segment);
    else this.#remove(segment);
  }

  /** From now on what is there can be read, whatever is released. */
  pin(): void {
    this.#pins++;
  }

  unpin(): void {
    if (--this.#pins > 0) return;
    for (const segment of this.#dead) this.#remove(segment);
    this.#dead.clear();
  }

  /** The segment with the least share of live bytes, its length and file; undefined where there is none but the newest. */
  emptiest(): { readonly number: number; readonly byteLength: number } | undefined {
    let emptiest: Segment | undefined;
    for (const segment of this.#segments.values()) {
      if (segment === this.#newest || this.#dead.has(segment)) continue;
      if (emptiest === undefined || shareOf(segment) < shareOf(emptiest)) emptiest = segment;
    }
    return emptiest;
  }

  has(number: number): boolean {
    const segment = this.#segments.get(number);
    return segment !== undefined && !this.#dead.has(segment);
  }

  /** Removes all files; also after a failure. */
  close(): void {
    try {
      this.#writer?.close();
    } catch {
      // What it could not write nobody reads any more.
    }
    this.#writer = undefined;
    this.#newest = undefined;
    let failure: unknown;
    for (const segment of [...this.#segments.values()]) {
      try {
        this.#remove(segment);
      } catch (thrown) {
        failure ??= thrown;
      }
    }
    this.#dead.clear();
    if (failure !== undefined) throw failure;
  }

  #room(byteLength: number): Segment {
    const { segmentBytes } = this.#options;
    const newest = this.#newest;
    const most = Math.min(LARGEST_SEGMENT_BYTES, Math.max(segmentBytes, this.byteLength / MOST_SEGMENTS));
    if (newest !== undefined && (newest.byteLength === 0 || newest.byteLength + byteLength <= most)) return newest;
    this.#finish();
    return this.#create();
  }

  #create(): Segment {
    const { files, directory, name, step } = this.#options;
    const number = this.#created++;
    const path = `${directory()}/${name}-${number}.state`;
    this.#writer = ofState("written", path, step, () => files.openWrite(path));
    const file = ofState("read", path, step, () => files.openRead(path));
    const segment: Segment = { number, path, file, byteLength: 0, liveBytes: 0 };
    this.#segments.set(number, segment);
    this.#newest = segment;
    return segment;
  }

  /** No more pages for the newest segment. */
  #finish(): void {
    const segment = this.#newest;
    if (segment === undefined) return;
    this.#flush();
    const writer = this.#writer;
    this.#writer = undefined;
    this.#newest = undefined;
    if (writer !== undefined) ofState("written", segment.path, this.#options.step, () => writer.close());
    if (segment.liveBytes > 0) return;
    this.byteLength -= segment.byteLength;
    if (this.#pins > 0) this.#dead.add(segment);
    else this.#remove(segment);
  }

  #flush(): void {
    const segment = this.#newest;
    if (segment === undefined || this.#buffered === 0) return;
    const bytes = this.#buffer.subarray(0, this.#buffered);
    this.#write(segment, bytes);
    this.#buffered = 0;
  }

  #write(segment: Segment, bytes: Uint8Array): void {
    ofState("written", segment.path, this.#options.step, () => this.#writer?.write(bytes));
  }

  #remove(segment: Segment): void {
    this.#segments.delete(segment.number);
    segment.file.close();
    this.#options.files.remove(segment.path);
  }

  #segment(number: number): Segment {
    const segment = this.#segments.get(number);
    assert(segment !== undefined, `segment ${number} of the pages of ${this.#options.step} is there`);
    return segment;
  }
}

const shareOf = ({ liveBytes, byteLength }: Segment): number => liveBytes / byteLength;
