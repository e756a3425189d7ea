import * as arrow from "apache-arrow";

/**
 * Says what is wrong with the buffers of a record batch from an untrusted file, or undefined: kernels rely on offsets that
 * never decrease and stay inside their data, on dictionary indices inside their dictionary, and on buffers of full length.
 */
export function findArrowFault(data: arrow.Data): string | undefined {
  const { length, offset, nullCount, type } = data;
  const { DataType: Is } = arrow;
  if (!Number.isSafeInteger(length) || length < 0 || nullCount > length) return "its length is impossible";
  // All values of this type are null, and no buffer says so.
  if (Is.isNull(type)) return undefined;
  if (nullCount > 0 && (data.nullBitmap?.length ?? 0) * 8 < offset + length) return "its validity bitmap is too short";
  if (Is.isDictionary(type)) return findIndexFault(data);
  if (Is.isUtf8(type) || Is.isBinary(type) || Is.isLargeUtf8(type) || Is.isLargeBinary(type)) {
    return findOffsetFault(data.valueOffsets, length, data.values?.length ?? 0);
  }
  if (Is.isList(type) || Is.isMap(type)) {
    const [child] = data.children;
    return findOffsetFault(data.valueOffsets, length, child?.length ?? 0) ?? findArrowFault(child);
  }
  if (Is.isStruct(type) || Is.isFixedSizeList(type)) {
    const perRow = Is.isFixedSizeList(type) ? type.listSize : 1;
    for (const child of data.children) {
      if (child.length < length * perRow) return "a child column is too short";
      const fault = findArrowFault(child);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }
  const values = data.values as (ArrayBufferView & { length: number }) | undefined;
  const needed = Is.isBool(type) ? Math.ceil((offset + length) / 8) : length * data.stride;
  return (values?.length ?? 0) < needed ? "its values are too short" : undefined;
}

function findOffsetFault(
  offsets: Int32Array | BigInt64Array | undefined,
  length: number,
  dataLength: number,
): string | undefined {
  if (length === 0) return undefined;
  if (offsets === undefined || offsets.length < length + 1) return "its offsets are too short";
  let previous = offsets[0];
  if (previous < 0) return "its offsets are negative";
  for (let row = 1; row <= length; row++) {
    if (offsets[row] < previous) return "its offsets decrease";
    previous = offsets[row];
  }
  return Number(previous) > Math.min(dataLength, 2 ** 31 - 1) ? "its offsets point past its data" : undefined;
}

function findIndexFault(data: arrow.Data): string | undefined {
  const { length, offset, dictionary, nullBitmap, nullCount } = data;
  const size = dictionary?.length ?? 0;
  const indices = data.values as ArrayLike<number | bigint>;
  if (indices.length < length) return "its dictionary indices are too short";
  for (let row = 0; row < length; row++) {
    const index = indices[row];
    if (index >= 0 && index < size) continue;
    const bit = offset + row;
    const isNull = nullCount > 0 && nullBitmap !== undefined && ((nullBitmap[bit >>> 3] >>> (bit & 7)) & 1) === 0;
    if (!isNull) return "its dictionary indices point past the dictionary";
  }
  for (const chunk of dictionary?.data ?? []) {
    const fault = findArrowFault(chunk);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
