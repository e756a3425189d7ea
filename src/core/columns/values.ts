import type { DecimalType, TimeUnit } from "../types.ts";

const PER_MILLISECOND: Record<TimeUnit, bigint> = { s: 0n, ms: 1n, us: 1000n, ns: 1_000_000n };
const MS_PER_DAY = 86_400_000;

/** Days since the epoch of a Date, a day number or an ISO date text; undefined where it is none. */
export function dateDays(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? value : undefined;
  if (value instanceof Date) return finite(Math.floor(value.getTime() / MS_PER_DAY));
  if (typeof value === "string" && /^[+-]?\d{4,6}-\d\d-\d\d$/.test(value)) {
    const ms = Date.parse(`${value}T00:00:00Z`);
    // Date.parse takes 30 February for 1 March.
    if (new Date(ms).getUTCDate() !== Number(value.slice(-2))) return undefined;
    return Math.floor(ms / MS_PER_DAY);
  }
  return undefined;
}

/** A Date, number or bigint as a count of `unit` since the epoch; undefined where it is none. */
export function timestampUnits(value: unknown, unit: TimeUnit): bigint | undefined {
  if (typeof value === "bigint") return value;
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  if (value instanceof Date) {
    const ms = value.getTime();
    if (!Number.isFinite(ms)) return undefined;
    return unit === "s" ? BigInt(Math.floor(ms / 1000)) : BigInt(ms) * PER_MILLISECOND[unit];
  }
  return undefined;
}

/** The unscaled value of a decimal text, number or bigint; undefined where it has more digits than the type holds. */
export function parseDecimal(value: unknown, type: Pick<DecimalType, "precision" | "scale">): bigint | undefined {
  if (typeof value === "bigint") return withinPrecision(value * 10n ** BigInt(type.scale), type.precision);
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/.exec(String(value).trim());
  if (match === null || (match[2] === "" && (match[3] ?? "") === "")) return undefined;
  const [, sign, whole, fractionText = "", exponentText = "0"] = match;
  const shift = type.scale - fractionText.length + Number(exponentText);
  let digits = BigInt(whole + fractionText);
  if (shift >= 0) {
    if (digits !== 0n && shift > 76) return undefined;
    digits *= 10n ** BigInt(digits === 0n ? 0 : shift);
  } else {
    const divisor = 10n ** BigInt(-shift);
    if (digits % divisor !== 0n) return undefined;
    digits /= divisor;
  }
  return withinPrecision(sign === "-" ? -digits : digits, type.precision);
}

function withinPrecision(unscaled: bigint, precision: number): bigint | undefined {
  const limit = 10n ** BigInt(precision);
  return unscaled < limit && unscaled > -limit ? unscaled : undefined;
}

const finite = (value: number): number | undefined => (Number.isFinite(value) ? value : undefined);
