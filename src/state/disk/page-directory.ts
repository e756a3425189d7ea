/** Pages of one chunk, which is copied as a whole where a pinned version needs it. */
const CHUNK_PAGES = 1024;
/** Location, length and stamp. */
const ENTRY_BYTES = 16;

interface Chunk {
  /** Of the directory when this was made: pins that are as new share it. */
  readonly version: number;
  readonly segments: Uint32Array;
  readonly offsets: Uint32Array;
  readonly lengths: Uint32Array;
  readonly stamps: Uint32Array;
}

/** Where a page lies, and when one of its records changed last; a page without records has length 0, and lies nowhere. */
export interface PagePlace {
  segment: number;
  offset: number;
  length: number;
  stamp: number;
}

/** What can be asked of a directory and of a version of it. */
export interface PagePlaces {
  readonly pageCount: number;
  pageOf(hash: number): number;
  /** Written to `place`. */
  find(page: number, place: PagePlace): void;
}

/**
 * Which page has the records of a hash, and where it lies: linear hashing (Litwin, VLDB 1980), whose directory grows by one
 * page at a time and asks nothing of how records are spread. 16 bytes per page. A pin keeps the version of a moment while
 * the directory changes.
 */
export class PageDirectory implements PagePlaces {
  readonly #chunks: Chunk[] = [newChunk(0)];
  #version = 0;
  #pins = 0;
  pageCount = 1;

  get memoryBytes(): number {
    return this.#chunks.length * CHUNK_PAGES * ENTRY_BYTES * (this.#pins > 0 ? 2 : 1);
  }

  pageOf(hash: number): number {
    return pageOfHash(hash, this.pageCount);
  }

  find(page: number, place: PagePlace): void {
    findIn(this.#chunks, page, place);
  }

  set(page: number, { segment, offset, length, stamp }: PagePlace): void {
    const at = Math.floor(page / CHUNK_PAGES);
    let chunk = this.#chunks[at];
    if (this.#pins > 0 && chunk.version < this.#version) {
      chunk = copyOf(chunk, this.#version);
      this.#chunks[at] = chunk;
    }
    const within = page % CHUNK_PAGES;
    chunk.segments[within] = segment;
    chunk.offsets[within] = offset;
    chunk.lengths[within] = length;
    chunk.stamps[within] = stamp;
  }

  /** Adds an empty page, and gives the one whose records may have to move there. */
  grow(): number {
    const added = this.pageCount++;
    if (Math.floor(added / CHUNK_PAGES) === this.#chunks.length) this.#chunks.push(newChunk(this.#version));
    return added - highestPower(added);
  }

  /** The pages as they are now, until `unpin`. */
  pin(): PagePlaces {
    this.#version++;
    this.#pins++;
    const chunks = [...this.#chunks];
    const { pageCount } = this;
    return {
      pageCount,
      pageOf: (hash) => pageOfHash(hash, pageCount),
      find: (page, place) => findIn(chunks, page, place),
    };
  }

  unpin(): void {
    this.#pins--;
  }
}

function findIn(chunks: readonly Chunk[], page: number, place: PagePlace): void {
  const { segments, offsets, lengths, stamps } = chunks[Math.floor(page / CHUNK_PAGES)];
  const within = page % CHUNK_PAGES;
  place.segment = segments[within];
  place.offset = offsets[within];
  place.length = lengths[within];
  place.stamp = stamps[within];
}

/** The low bits of the hash: one more of them where that page is there already. */
function pageOfHash(hash: number, pageCount: number): number {
  const power = highestPower(pageCount);
  const wide = (hash & (power * 2 - 1)) >>> 0;
  return wide < pageCount ? wide : (hash & (power - 1)) >>> 0;
}

const highestPower = (count: number): number => (1 << (31 - Math.clz32(count))) >>> 0;

const newChunk = (version: number): Chunk => ({
  version,
  segments: new Uint32Array(CHUNK_PAGES),
  offsets: new Uint32Array(CHUNK_PAGES),
  lengths: new Uint32Array(CHUNK_PAGES),
  stamps: new Uint32Array(CHUNK_PAGES),
});

const copyOf = ({ segments, offsets, lengths, stamps }: Chunk, version: number): Chunk => ({
  version,
  segments: segments.slice(),
  offsets: offsets.slice(),
  lengths: lengths.slice(),
  stamps: stamps.slice(),
});
