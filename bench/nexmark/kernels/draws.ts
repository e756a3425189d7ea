/** The random numbers of generator/draws.ts, bit for bit. */
import { mixedSeed, priceScale } from "./settings";

export const GOLDEN: u32 = 0x9e3779b9;

/** A text's length is drawn under its field's number plus this. */
export const LENGTH: u32 = 32;

@inline
export function mix(word: u32): u32 {
  let h = word;
  h = (h ^ (h >> 16)) * 0x85ebca6b;
  h = (h ^ (h >> 13)) * 0xc2b2ae35;
  return h ^ (h >> 16);
}

/** Four words at once. */
@inline
export function mixLanes(words: v128): v128 {
  let h = words;
  h = i32x4.mul(v128.xor(h, i32x4.shr_u(h, 16)), i32x4.splat(0x85ebca6b));
  h = i32x4.mul(v128.xor(h, i32x4.shr_u(h, 13)), i32x4.splat(0xc2b2ae35));
  return v128.xor(h, i32x4.shr_u(h, 16));
}

/** What all draws of one event start from. */
@inline
export function startOf(settings: usize, number: u32): u32 {
  return mix(number ^ mixedSeed(settings));
}

@inline
export function draw(start: u32, field: u32): u32 {
  return mix(start + field * GOLDEN);
}

/** Brings a word into [0, bound). */
@inline
export function below(word: u32, bound: u32): u32 {
  return <u32>((<u64>word * bound) >> 32);
}

/** 6 ln 10 / 2^32. */
export const PRICE_STEP: f64 = (6 * 2.302585092994046) / 4294967296;

@inline
export function priceOf(settings: usize, word: u32): i64 {
  const rest = <f64>(word & 0x3fffff) * PRICE_STEP;
  const factor: f64 = 1 + rest * (1 + rest * (1.0 / 2 + rest * (1.0 / 6 + rest * (1.0 / 24))));
  return <i64>Math.floor(priceScale(settings, word >> 22) * factor + 0.5);
}
