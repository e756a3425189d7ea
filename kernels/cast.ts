/**
 * Conversions between fixed-width numbers.
 *   values    From[length], aligned;  out  To[length]
 *   validity  bitmap of the rows that matter, or 0 for all
 *   clear     0, or a bitmap in which the bit of each row that cannot be converted is cleared
 * Returns the first valid row that cannot be converted, -1 where there is none or where `clear` is given.
 * Floats round half to even; NaN and what lies outside To cannot be converted; a finite f64 that f32 would make
 * infinite cannot either.
 * Kinds: 0 i8, 1 u8, 2 i16, 3 u16, 4 i32, 5 u32, 6 i64, 7 u64, 8 f32, 9 f64.
 */
@inline
function isValid(validity: usize, row: i32): bool {
  return validity == 0 || ((load<u8>(validity + (row >>> 3)) >> <u8>(row & 7)) & 1) != 0;
}

@inline
function clearBit(bitmap: usize, row: i32): void {
  const address = bitmap + (row >>> 3);
  store<u8>(address, load<u8>(address) & ~(<u8>(<u32>1 << <u32>(row & 7))));
}

@inline
function fits<From, To>(x: From, y: To): bool {
  if (isFloat<To>()) {
    if (isFloat<From>() && sizeof<From>() > sizeof<To>()) {
      return !(abs<f64>(<f64>y) == Infinity && abs<f64>(<f64>x) != Infinity);
    }
    return true;
  }
  if (isFloat<From>()) {
    const r = nearest<f64>(<f64>x);
    if (sizeof<To>() == 8) {
      return isSigned<To>()
        ? r >= -9223372036854775808.0 && r < 9223372036854775808.0
        : r >= 0.0 && r < 18446744073709551616.0;
    }
    const bits = sizeof<To>() * 8;
    const low: f64 = isSigned<To>() ? -(<f64>((<i64>1) << (bits - 1))) : 0.0;
    const high: f64 = <f64>((<i64>1) << (isSigned<To>() ? bits - 1 : bits)) - 1.0;
    return r >= low && r <= high;
  }
  // Back again to the same value, and no sign gained or lost.
  return <From>y == x && x < <From>0 == y < <To>0;
}

@inline
function convert<From, To>(x: From): To {
  if (isFloat<From>() && !isFloat<To>()) return <To>nearest<f64>(<f64>x);
  return <To>x;
}

@inline
function castLoop<From, To>(values: usize, length: i32, validity: usize, clear: usize, out: usize): i32 {
  let failed = -1;
  for (let row = 0; row < length; row++) {
    const x = load<From>(values);
    if (isFloat<From>() && !isFloat<To>()) {
      // The conversion instruction traps outside its range, so the test comes first.
      if (fits<From, To>(x, <To>0)) store<To>(out, convert<From, To>(x));
      else {
        store<To>(out, 0);
        if (clear != 0) clearBit(clear, row);
        else if (failed < 0 && isValid(validity, row)) failed = row;
      }
    } else {
      const y = convert<From, To>(x);
      store<To>(out, y);
      if (!fits<From, To>(x, y)) {
        if (clear != 0) clearBit(clear, row);
        else if (failed < 0 && isValid(validity, row)) failed = row;
      }
    }
    values += sizeof<From>();
    out += sizeof<To>();
  }
  return failed;
}

@inline
function castFrom<From>(to: i32, values: usize, length: i32, validity: usize, clear: usize, out: usize): i32 {
  switch (to) {
    case 0:
      return castLoop<From, i8>(values, length, validity, clear, out);
    case 1:
      return castLoop<From, u8>(values, length, validity, clear, out);
    case 2:
      return castLoop<From, i16>(values, length, validity, clear, out);
    case 3:
      return castLoop<From, u16>(values, length, validity, clear, out);
    case 4:
      return castLoop<From, i32>(values, length, validity, clear, out);
    case 5:
      return castLoop<From, u32>(values, length, validity, clear, out);
    case 6:
      return castLoop<From, i64>(values, length, validity, clear, out);
    case 7:
      return castLoop<From, u64>(values, length, validity, clear, out);
    case 8:
      return castLoop<From, f32>(values, length, validity, clear, out);
    default:
      return castLoop<From, f64>(values, length, validity, clear, out);
  }
}

export function castNumbers(from: i32, to: i32, values: usize, length: i32, validity: usize, clear: usize, out: usize): i32 {
  switch (from) {
    case 0:
      return castFrom<i8>(to, values, length, validity, clear, out);
    case 1:
      return castFrom<u8>(to, values, length, validity, clear, out);
    case 2:
      return castFrom<i16>(to, values, length, validity, clear, out);
    case 3:
      return castFrom<u16>(to, values, length, validity, clear, out);
    case 4:
      return castFrom<i32>(to, values, length, validity, clear, out);
    case 5:
      return castFrom<u32>(to, values, length, validity, clear, out);
    case 6:
      return castFrom<i64>(to, values, length, validity, clear, out);
    case 7:
      return castFrom<u64>(to, values, length, validity, clear, out);
    case 8:
      return castFrom<f32>(to, values, length, validity, clear, out);
    default:
      return castFrom<f64>(to, values, length, validity, clear, out);
  }
}

/**
 * Changes the unit of i64 values: times `factor`, or divided by it and rounded towards minus infinity.
 * Fails as above where a product leaves i64.
 */
export function castScale(values: usize, length: i32, factor: i64, isDivision: bool, validity: usize, clear: usize, out: usize): i32 {
  let failed = -1;
  const limit = i64.MAX_VALUE / factor;
  for (let row = 0; row < length; row++) {
    const x = load<i64>(values + (<usize>row << 3));
    let y: i64;
    if (isDivision) {
      y = x / factor;
      if (x < y * factor) y--;
    } else {
      y = x * factor;
      if (x > limit || x < -limit) {
        if (clear != 0) clearBit(clear, row);
        else if (failed < 0 && isValid(validity, row)) failed = row;
      }
    }
    store<i64>(out + (<usize>row << 3), y);
  }
  return failed;
}

/** Bits to bytes, 0 or 1. */
export function castBitsToBytes(bits: usize, length: i32, out: usize): void {
  for (let row = 0; row < length; row++) {
    store<u8>(out + row, (load<u8>(bits + (row >>> 3)) >> <u8>(row & 7)) & 1);
  }
}
