/**
 * Checks the vectors of Arrow's metadata (Message.fbs, Schema.fbs, File.fbs) before apache-arrow decodes it: it loops as
 * often as a vector's length says, so a few flipped bytes could keep it busy for minutes.
 * Throws a RangeError where a vector or table does not fit the bytes.
 */
export function checkMessageMetadata(bytes: Uint8Array): void {
  const buffer = new FlatBuffer(bytes);
  const message = buffer.root();
  const kind = buffer.byteField(message, 1);
  const header = buffer.tableField(message, 2);
  buffer.checkVector(message, 4, 4);
  if (header === undefined) return;
  if (kind === 1) checkSchema(buffer, header);
  else if (kind === 2) {
    const data = buffer.tableField(header, 1);
    if (data !== undefined) checkRecordBatch(buffer, data);
  } else if (kind === 3) checkRecordBatch(buffer, header);
}

/** Checks the footer of a file in the same way; returns a copy that lists no blocks, from which the schema is read. */
export function footerWithoutBlocks(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const buffer = new FlatBuffer(copy);
  const footer = buffer.root();
  const schema = buffer.tableField(footer, 1);
  if (schema !== undefined) checkSchema(buffer, schema);
  buffer.checkVector(footer, 4, 4);
  buffer.emptyVector(footer, 2, 24);
  buffer.emptyVector(footer, 3, 24);
  return copy;
}

function checkSchema(buffer: FlatBuffer, schema: number): void {
  buffer.checkVector(schema, 2, 4);
  for (const field of buffer.tables(schema, 1)) checkField(buffer, field);
}

function checkField(buffer: FlatBuffer, field: number): void {
  buffer.checkVector(field, 6, 4);
  for (const child of buffer.tables(field, 5)) checkField(buffer, child);
}

function checkRecordBatch(buffer: FlatBuffer, recordBatch: number): void {
  buffer.checkVector(recordBatch, 1, 16);
  buffer.checkVector(recordBatch, 2, 16);
  buffer.checkVector(recordBatch, 4, 8);
}

/** Positions are byte offsets; a DataView refuses those outside the bytes. */
class FlatBuffer {
  readonly #view: DataView;
  /** No table is smaller than its offset of four bytes, so more visits than that mean a cycle. */
  #visitsLeft: number;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#visitsLeft = bytes.byteLength / 4;
  }

  root(): number {
    return this.#view.getUint32(0, true);
  }

  byteField(table: number, field: number): number {
    const at = this.#fieldPosition(table, field);
    return at === undefined ? 0 : this.#view.getUint8(at);
  }

  tableField(table: number, field: number): number | undefined {
    const at = this.#fieldPosition(table, field);
    return at === undefined ? undefined : at + this.#view.getUint32(at, true);
  }

  /** The tables of a vector of tables. */
  tables(table: number, field: number): number[] {
    const vector = this.checkVector(table, field, 4);
    if (vector === undefined) return [];
    return Array.from({ length: vector.length }, (_, i) => {
      if (--this.#visitsLeft < 0) throw new RangeError("its metadata refers to itself");
      const at = vector.start + i * 4;
      return at + this.#view.getUint32(at, true);
    });
  }

  checkVector(table: number, field: number, elementBytes: number): { start: number; length: number } | undefined {
    const at = this.tableField(table, field);
    if (at === undefined) return undefined;
    const length = this.#view.getUint32(at, true);
    if (at + 4 + length * elementBytes > this.#view.byteLength) {
      throw new RangeError(`a vector of its metadata claims ${length} elements`);
    }
    return { start: at + 4, length };
  }

  emptyVector(table: number, field: number, elementBytes: number): void {
    const vector = this.checkVector(table, field, elementBytes);
    if (vector !== undefined) this.#view.setUint32(vector.start - 4, 0, true);
  }

  #fieldPosition(table: number, field: number): number | undefined {
    const vtable = table - this.#view.getInt32(table, true);
    const entry = 4 + field * 2;
    if (entry >= this.#view.getUint16(vtable, true)) return undefined;
    const offset = this.#view.getUint16(vtable + entry, true);
    return offset === 0 ? undefined : table + offset;
  }
}
