const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** Up to this many bytes, reading bytes four at a time beats a call of TextDecoder (measured: 16 to 20). */
const SHORT_BYTES = 16;

/** The text of `byteLength` UTF-8 bytes at `start`. */
export function decodeText(bytes: Uint8Array, start: number, byteLength: number): string {
  if (byteLength > SHORT_BYTES) return decoder.decode(bytes.subarray(start, start + byteLength));
  const end = start + byteLength;
  let text = "";
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const a = bytes[at];
    const b = bytes[at + 1];
    const c = bytes[at + 2];
    const d = bytes[at + 3];
    if ((a | b | c | d) > 127) return decoder.decode(bytes.subarray(start, end));
    text += String.fromCharCode(a, b, c, d);
  }
  for (; at < end; at++) {
    const byte = bytes[at];
    if (byte > 127) return decoder.decode(bytes.subarray(start, end));
    text += String.fromCharCode(byte);
  }
  return text;
}

/**
 * Writes text as UTF-8 at `start`, where 3 bytes per UTF-16 unit are free, and returns the number of bytes.
 * A lone surrogate becomes U+FFFD: UTF-8 has no form for it.
 */
export function encodeText(text: string, bytes: Uint8Array, start: number): number {
  const { length } = text;
  if (length <= 2 * SHORT_BYTES) {
    let i = 0;
    for (; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 127) break;
      bytes[start + i] = unit;
    }
    if (i === length) return length;
  }
  return encoder.encodeInto(text, bytes.subarray(start, start + length * 3)).written;
}
