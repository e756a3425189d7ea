import type { DataType } from "../../src/core/types.ts";

/** A value of a row in the form of `ValueOf`, or null. */
export type Value = unknown;

/** Numbers in the engine's order: NaN equals itself and is above all, -0 equals 0. */
export function compareNumbers(a: number, b: number): number {
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : 1;
  if (Number.isNaN(b)) return -1;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Values of one type: negative, zero or positive. */
export function compareValues(a: Value, b: Value, type: DataType): number {
  switch (type.kind) {
    case "bool":
      return Number(a) - Number(b);
    case "utf8":
      return Buffer.compare(Buffer.from(a as string), Buffer.from(b as string));
    case "decimal": {
      const difference = unscaled(a, type.scale) - unscaled(b, type.scale);
      return difference < 0n ? -1 : difference > 0n ? 1 : 0;
    }
    default:
      if (typeof a === "bigint" || typeof b === "bigint") {
        const [x, y] = [BigInt(a as bigint), BigInt(b as bigint)];
        return x < y ? -1 : x > y ? 1 : 0;
      }
      return compareNumbers(a as number, b as number);
  }
}

/** The integer behind a decimal text: unscaled("-1.50", 2) = -150n. */
export function unscaled(value: Value, scale: number): bigint {
  const text = String(value);
  const negative = text.startsWith("-");
  const [whole, fraction = ""] = text.replace("-", "").split(".");
  const digits = BigInt(whole + fraction.padEnd(scale, "0"));
  return negative ? -digits : digits;
}

/** The text of an unscaled decimal. */
export function decimalText(value: bigint, scale: number): string {
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, "0");
  const fraction = scale === 0 ? "" : `.${digits.slice(-scale)}`;
  return `${value < 0n ? "-" : ""}${digits.slice(0, digits.length - scale)}${fraction}`;
}

/** a / b rounded half away from zero. */
export function divideRounded(a: bigint, b: bigint): bigint {
  const magnitude = ((a < 0n ? -a : a) * 2n + b) / (b * 2n);
  return a < 0n ? -magnitude : magnitude;
}

/** Half to even. */
export function roundHalfEven(x: number): number {
  const whole = Math.floor(x);
  const rest = x - whole;
  if (rest !== 0.5) return Math.round(x);
  return whole % 2 === 0 ? whole : whole + 1;
}
