import type { DataType } from "../../src/core/types.ts";

/** What kernels/hash.ts means, in bigint arithmetic. */
const MASK = (1n << 64n) - 1n;
const P1 = 0x9e3779b185ebca87n;
const P2 = 0xc2b2ae3d27d4eb4fn;
const P3 = 0x165667b19e3779f9n;
const P4 = 0x85ebca77c2b2ae63n;
const P5 = 0x27d4eb2f165667c5n;
export const HASH_NULL = 0x9fb21c651e98df25n;

const u64 = (value: bigint): bigint => value & MASK;
const rotate = (value: bigint, bits: bigint): bigint => u64((value << bits) | (value >> (64n - bits)));

/** First output of SplitMix64 for a seed. */
export function hashWord(seed: bigint): bigint {
  let h = u64(seed + 0x9e3779b97f4a7c15n);
  h = u64((h ^ (h >> 30n)) * 0xbf58476d1ce4e5b9n);
  h = u64((h ^ (h >> 27n)) * 0x94d049bb133111ebn);
  return h ^ (h >> 31n);
}

export const combine = (a: bigint, b: bigint): bigint => u64(rotate(a, 27n) * P1 + b);

/** XXH64 with seed 0. */
export function xxh64(bytes: Uint8Array): bigint {
  const word = (at: number, width: number): bigint => {
    let value = 0n;
    for (let i = width - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[at + i]);
    return value;
  };
  const round = (acc: bigint, lane: bigint) => u64(rotate(u64(acc + lane * P2), 31n) * P1);
  let at = 0;
  let h = P5;
  if (bytes.length >= 32) {
    const v = [u64(P1 + P2), P2, 0n, u64(-P1)];
    for (; bytes.length - at >= 32; at += 32) {
      for (let i = 0; i < 4; i++) v[i] = round(v[i], word(at + i * 8, 8));
    }
    h = u64(rotate(v[0], 1n) + rotate(v[1], 7n) + rotate(v[2], 12n) + rotate(v[3], 18n));
    for (const lane of v) h = u64((h ^ round(0n, lane)) * P1 + P4);
  }
  h = u64(h + BigInt(bytes.length));
  for (; bytes.length - at >= 8; at += 8) h = u64(rotate(h ^ round(0n, word(at, 8)), 27n) * P1 + P4);
  if (bytes.length - at >= 4) {
    h = u64(rotate(h ^ u64(word(at, 4) * P1), 23n) * P2 + P3);
    at += 4;
  }
  for (; at < bytes.length; at++) h = u64(rotate(h ^ u64(BigInt(bytes[at]) * P5), 11n) * P1);
  h = u64((h ^ (h >> 33n)) * P2);
  h = u64((h ^ (h >> 29n)) * P3);
  return h ^ (h >> 32n);
}

/** The hash of one JavaScript value of a type. */
export function hashValue(type: DataType, value: unknown): bigint {
  if (value === null || value === undefined || type.kind === "null") return HASH_NULL;
  switch (type.kind) {
    case "bool":
      return hashWord(value ? 1n : 0n);
    case "float32":
    case "float64":
      return hashWord(floatBits(value as number));
    case "utf8":
      return xxh64(new TextEncoder().encode(value as string));
    case "binary":
      return xxh64(value as Uint8Array);
    case "decimal": {
      const unscaled = BigInt((value as string).replace(".", ""));
      return combine(hashWord(u64(unscaled)), hashWord(u64(unscaled >> 64n)));
    }
    case "interval": {
      const { months, days, nanoseconds } = value as { months: number; days: number; nanoseconds: bigint };
      const low = (BigInt(months) & 0xffffffffn) | ((BigInt(days) & 0xffffffffn) << 32n);
      return combine(hashWord(low), hashWord(u64(nanoseconds)));
    }
    case "list": {
      const elements = value as unknown[];
      return elements.reduce<bigint>(
        (h, element) => combine(h, hashValue(type.element, element)),
        hashWord(BigInt(elements.length)),
      );
    }
    case "map": {
      const entries = value as [unknown, unknown][];
      return entries.reduce<bigint>(
        (h, [k, v]) => combine(h, combine(hashValue(type.key, k), hashValue(type.value, v))),
        hashWord(BigInt(entries.length)),
      );
    }
    case "struct":
      return hashRow(
        Object.values(type.fields),
        Object.keys(type.fields).map((name) => (value as Record<string, unknown>)[name]),
      );
    default:
      return hashWord(u64(BigInt(value as number | bigint)));
  }
}

export const hashRow = (types: readonly DataType[], values: readonly unknown[]): bigint =>
  values.map((value, i) => hashValue(types[i], value)).reduce(combine);

function floatBits(value: number): bigint {
  if (Number.isNaN(value)) return 0x7ff8000000000000n;
  return new BigUint64Array(new Float64Array([value === 0 ? 0 : value]).buffer)[0];
}
