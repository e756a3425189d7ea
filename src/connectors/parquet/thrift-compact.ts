/** The bytes are no well-formed thrift compact structure; the caller adds where and throws its own error. */
export class MalformedThrift extends Error {}

/** Thrift compact wire types. */
export const ThriftType = {
  stop: 0,
  true: 1,
  false: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  map: 11,
  struct: 12,
} as const;

const MAXIMUM_DEPTH = 32;
const utf8Decoder = new TextDecoder();

/**
 * A cursor over thrift's compact protocol
 * (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
 * A structure is read as `const last = begin(); while (nextField()) switch (fieldId) ... ; end(last)`; fields that the
 * switch does not know are skipped with `skip()`. Every length is checked against what is left.
 */
export class CompactReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  position: number;
  /** Of the field that `nextField` found. */
  fieldId = 0;
  fieldType = 0;
  #depth = 0;

  constructor(bytes: Uint8Array, position: number, end: number) {
    this.#bytes = bytes;
    this.position = position;
    this.#end = end;
  }

  /** Enters a structure; pass the result to `end`. */
  begin(): number {
    if (++this.#depth > MAXIMUM_DEPTH) throw new MalformedThrift("structures are nested too deeply");
    const outer = this.fieldId;
    this.fieldId = 0;
    return outer;
  }

  end(outer: number): void {
    this.#depth--;
    this.fieldId = outer;
  }

  /** Moves to the next field; false at the end of the structure. */
  nextField(): boolean {
    const header = this.byte();
    this.fieldType = header & 15;
    if (this.fieldType === ThriftType.stop) return false;
    const delta = header >> 4;
    this.fieldId = delta === 0 ? this.integer() : this.fieldId + delta;
    return true;
  }

  byte(): number {
    if (this.position >= this.#end) throw new MalformedThrift("the structure is cut off");
    return this.#bytes[this.position++];
  }

  /** A boolean field: its value is its type. */
  boolean(): boolean {
    if (this.fieldType !== ThriftType.true && this.fieldType !== ThriftType.false) this.#wrongType();
    return this.fieldType === ThriftType.true;
  }

  /** A zigzag varint of i16, i32 or i64; beyond 2^53 it is rounded. */
  integer(): number {
    const value = this.varint();
    const half = Math.floor(value / 2);
    return value % 2 === 0 ? half : -half - 1;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new MalformedThrift("a number has more than 64 bits");
  }

  /** An integer field; checks that it has an integer type. */
  integerField(): number {
    if (this.fieldType < ThriftType.byte || this.fieldType > ThriftType.i64) this.#wrongType();
    if (this.fieldType === ThriftType.byte) return (this.byte() << 24) >> 24;
    return this.integer();
  }

  /** Bytes as a view of the input. */
  binary(): Uint8Array {
    if (this.fieldType !== ThriftType.binary) this.#wrongType();
    return this.binaryElement();
  }

  binaryElement(): Uint8Array {
    const length = this.varint();
    if (length > this.#end - this.position) throw new MalformedThrift("a text is longer than its structure");
    const start = this.position;
    this.position += length;
    return this.#bytes.subarray(start, start + length);
  }

  text(): string {
    return utf8Decoder.decode(this.binary());
  }

  textElement(): string {
    return utf8Decoder.decode(this.binaryElement());
  }

  /** Enters a list field of elements of `type`; returns its length, which is at most the number of bytes left. */
  list(type: number): number {
    if (this.fieldType !== ThriftType.list && this.fieldType !== ThriftType.set) this.#wrongType();
    const header = this.byte();
    const count = header >> 4 === 15 ? this.varint() : header >> 4;
    if (count > this.#end - this.position) throw new MalformedThrift("a list is longer than its structure");
    const found = header & 15;
    const matches = type === ThriftType.true ? found === ThriftType.true || found === ThriftType.false : found === type;
    if (count > 0 && !matches) this.#wrongType();
    return count;
  }

  /** Checks that the present field is a structure. */
  expectStruct(): void {
    if (this.fieldType !== ThriftType.struct) this.#wrongType();
  }

  /** Skips the present field. */
  skip(): void {
    this.#skip(this.fieldType, false);
  }

  #skip(type: number, isElement: boolean): void {
    switch (type) {
      case ThriftType.true:
      case ThriftType.false:
        if (isElement) this.byte();
        return;
      case ThriftType.byte:
        this.byte();
        return;
      case ThriftType.i16:
      case ThriftType.i32:
      case ThriftType.i64:
        this.varint();
        return;
      case ThriftType.double:
        for (let i = 0; i < 8; i++) this.byte();
        return;
      case ThriftType.binary:
        this.binaryElement();
        return;
      case ThriftType.list:
      case ThriftType.set: {
        const header = this.byte();
        const count = header >> 4 === 15 ? this.varint() : header >> 4;
        if (count > this.#end - this.position) throw new MalformedThrift("a list is longer than its structure");
        this.#descend(() => {
          for (let i = 0; i < count; i++) this.#skip(header & 15, true);
        });
        return;
      }
      case ThriftType.map: {
        const count = this.varint();
        if (count === 0) return;
        const types = this.byte();
        if (count > this.#end - this.position) throw new MalformedThrift("a map is longer than its structure");
        this.#descend(() => {
          for (let i = 0; i < count; i++) {
            this.#skip(types >> 4, true);
            this.#skip(types & 15, true);
          }
        });
        return;
      }
      case ThriftType.struct: {
        const outer = this.begin();
        while (this.nextField()) this.#skip(this.fieldType, false);
        this.end(outer);
        return;
      }
      default:
        this.#wrongType();
    }
  }

  #descend(read: () => void): void {
    if (++this.#depth > MAXIMUM_DEPTH) throw new MalformedThrift("structures are nested too deeply");
    read();
    this.#depth--;
  }

  #wrongType(): never {
    throw new MalformedThrift(`field ${this.fieldId} has the unexpected type ${this.fieldType}`);
  }
}
