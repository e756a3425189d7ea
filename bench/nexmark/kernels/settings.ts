/**
 * The settings block that every kernel is given, 8-byte aligned; generator/settings.ts writes it:
 *   u32 mixed seed, group size, hot auction ratio, hot bidders ratio, hot sellers ratio, auctions in flight,
 *       active people, events until as many auctions have passed as are in flight
 *   f64 base time in ms, f64 microseconds between events
 *   f64[1024] price scale, u8[256] letter of a byte in words, u8[128] lengths of names, u8[16] lengths of cities
 */
@inline
export function mixedSeed(settings: usize): u32 {
  return load<u32>(settings);
}
@inline
export function hotAuctionRatio(settings: usize): u32 {
  return load<u32>(settings, 8);
}
@inline
export function hotBiddersRatio(settings: usize): u32 {
  return load<u32>(settings, 12);
}
@inline
export function hotSellersRatio(settings: usize): u32 {
  return load<u32>(settings, 16);
}
@inline
export function inFlightAuctions(settings: usize): u32 {
  return load<u32>(settings, 20);
}
@inline
export function activePeople(settings: usize): u32 {
  return load<u32>(settings, 24);
}
@inline
export function eventsAhead(settings: usize): u32 {
  return load<u32>(settings, 28);
}

/** Whether events arrive in another order than that of their numbers. */
@inline
export function isScrambled(settings: usize): bool {
  return load<u32>(settings, 4) != 1;
}

/** Which event arrives at a position. */
@inline
export function eventNumber(settings: usize, position: u32): u32 {
  const group = load<u32>(settings, 4);
  if (group == 1) return position;
  return position - (position % group) + <u32>((<u64>position * 953) % group);
}

@inline
export function baseTime(settings: usize): f64 {
  return load<f64>(settings, 32);
}

/** Microseconds between two events. */
@inline
export function eventGap(settings: usize): f64 {
  return load<f64>(settings, 40);
}

/** Epoch milliseconds of an event. */
@inline
export function eventTime(settings: usize, number: f64): f64 {
  return baseTime(settings) + Math.floor(Math.floor(number * eventGap(settings)) / 1000);
}

/** 100 * 10^(6u) by the ten upper bits of u. */
@inline
export function priceScale(settings: usize, bits: u32): f64 {
  return load<f64>(settings + (<usize>bits << 3), 48);
}
@inline
export function letterOf(settings: usize, byte: u32): u8 {
  return load<u8>(settings + byte, 48 + 8192);
}
@inline
export function nameLength(settings: usize, index: u32): u32 {
  return load<u8>(settings + index, 48 + 8192 + 256);
}
@inline
export function cityLength(settings: usize, index: u32): u32 {
  return load<u8>(settings + index, 48 + 8192 + 256 + 128);
}
