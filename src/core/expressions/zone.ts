import type { Address } from "../memory/allocator.ts";
import type { TimeUnit } from "../types.ts";
import type { Frame } from "./frame.ts";
import { floorDiv, isUtc, offsetOfLocal, UNITS_PER_SECOND, zoneOffsetSeconds } from "./temporal.ts";

const SLOT_SECONDS = 900;

/**
 * Offsets of one zone, asked of Intl once per quarter of an hour: where both ends of one agree, so does what is
 * between, since no zone changes twice in it.
 */
class OffsetCache {
  readonly #timezone: string;
  readonly #slots = new Map<number, number>();

  constructor(timezone: string) {
    this.#timezone = timezone;
  }

  at(epochSeconds: number): number {
    const slot = Math.floor(epochSeconds / SLOT_SECONDS);
    const start = this.#atSlot(slot);
    return start === this.#atSlot(slot + 1) ? start : zoneOffsetSeconds(this.#timezone, epochSeconds);
  }

  #atSlot(slot: number): number {
    let offset = this.#slots.get(slot);
    if (offset === undefined) {
      offset = zoneOffsetSeconds(this.#timezone, slot * SLOT_SECONDS);
      this.#slots.set(slot, offset);
    }
    return offset;
  }
}

const caches = new Map<string, OffsetCache>();

function cacheOf(timezone: string): OffsetCache {
  let cache = caches.get(timezone);
  if (cache === undefined) {
    cache = new OffsetCache(timezone);
    caches.set(timezone, cache);
  }
  return cache;
}

/** Instants (int64 units) as wall-clock times of the zone, at an address that lives as long as the frame. */
export function toLocalTimes(frame: Frame, values: Address, unit: TimeUnit, timezone: string | undefined): Address {
  if (timezone === undefined || isUtc(timezone)) return values;
  const cache = cacheOf(timezone);
  return mapTimes(frame, values, unit, (seconds) => cache.at(Number(seconds)));
}

/** Wall-clock times of the zone as instants: the first of two, and past the gap of a skipped time. */
export function toInstants(frame: Frame, values: Address, unit: TimeUnit, timezone: string | undefined): Address {
  if (timezone === undefined || isUtc(timezone)) return values;
  const cache = cacheOf(timezone);
  return mapTimes(frame, values, unit, (seconds) => {
    const local = Number(seconds);
    const before = cache.at(local - 86_400);
    // Far from any change of offset, which is nearly always, no search is needed.
    return before === cache.at(local + 86_400) ? -before : -offsetOfLocal(timezone, seconds);
  });
}

function mapTimes(frame: Frame, values: Address, unit: TimeUnit, offsetOf: (seconds: bigint) => number): Address {
  const perSecond = UNITS_PER_SECOND[unit];
  const out = frame.allocate(frame.rowCount * 8);
  const { i64 } = frame.workspace;
  const [source, target] = [values / 8, out.address / 8];
  for (let row = 0; row < frame.rowCount; row++) {
    const value = i64[source + row];
    const seconds = floorDiv(value, perSecond);
    // Slots of null rows may hold anything, also what is no time at all.
    const isTime = seconds > -8_640_000_000_000n && seconds < 8_640_000_000_000n;
    i64[target + row] = isTime ? value + BigInt(offsetOf(seconds)) * perSecond : value;
  }
  return out.address;
}
