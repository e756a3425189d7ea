/**
 * Mathematical functions of float columns, element by element.
 *   values  f64[length] (f32 where said);  out  as long, rounded up to 16 bytes; may be `values`
 * sqrt, ceil, floor, trunc and abs are exact; the others are AssemblyScript's ports of musl, within about one unit in
 * the last place of the true value.
 */
const ABS: i32 = 0;
const CEIL: i32 = 1;
const FLOOR: i32 = 2;
const TRUNC: i32 = 3;
const SQRT: i32 = 4;

@inline
function vectorLoop<T>(operation: i32, values: usize, length: i32, out: usize): void {
  const end = <usize>length * sizeof<T>();
  for (let at: usize = 0; at < end; at += 16) {
    const x = v128.load(values + at);
    let y: v128;
    if (operation == ABS) y = v128.abs<T>(x);
    else if (operation == CEIL) y = v128.ceil<T>(x);
    else if (operation == FLOOR) y = v128.floor<T>(x);
    else if (operation == TRUNC) y = v128.trunc<T>(x);
    else y = v128.sqrt<T>(x);
    v128.store(out + at, y);
  }
}

@inline
function vector<T>(operation: i32, values: usize, length: i32, out: usize): void {
  if (operation == ABS) vectorLoop<T>(ABS, values, length, out);
  else if (operation == CEIL) vectorLoop<T>(CEIL, values, length, out);
  else if (operation == FLOOR) vectorLoop<T>(FLOOR, values, length, out);
  else if (operation == TRUNC) vectorLoop<T>(TRUNC, values, length, out);
  else vectorLoop<T>(SQRT, values, length, out);
}

/** 0 abs, 1 ceil, 2 floor, 3 trunc, 4 sqrt. */
export function mathRoundF64(operation: i32, values: usize, length: i32, out: usize): void {
  vector<f64>(operation, values, length, out);
}
export function mathRoundF32(operation: i32, values: usize, length: i32, out: usize): void {
  vector<f32>(operation, values, length, out);
}

@inline
function functionOf(operation: i32, x: f64): f64 {
  switch (operation) {
    case 0:
      return NativeMath.exp(x);
    case 1:
      return NativeMath.log(x);
    case 2:
      return NativeMath.log10(x);
    case 3:
      return NativeMath.log2(x);
    case 4:
      return NativeMath.sin(x);
    case 5:
      return NativeMath.cos(x);
    case 6:
      return NativeMath.tan(x);
    case 7:
      return NativeMath.asin(x);
    case 8:
      return NativeMath.acos(x);
    case 9:
      return NativeMath.atan(x);
    case 10:
      return NativeMath.sinh(x);
    case 11:
      return NativeMath.cosh(x);
    case 12:
      return NativeMath.tanh(x);
    default:
      return NativeMath.cbrt(x);
  }
}

/** 0 exp, 1 ln, 2 log10, 3 log2, 4 sin, 5 cos, 6 tan, 7 asin, 8 acos, 9 atan, 10 sinh, 11 cosh, 12 tanh, 13 cbrt. */
export function mathFunction(operation: i32, values: usize, length: i32, out: usize): void {
  for (let i: usize = 0; i < <usize>length; i++) store<f64>(out + (i << 3), functionOf(operation, load<f64>(values + (i << 3))));
}

/** 0 pow(left, right), 1 atan2(left, right); an operand may be one value. */
export function mathBinary(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, length: i32, out: usize): void {
  const leftStep: usize = leftSingle ? 0 : 8;
  const rightStep: usize = rightSingle ? 0 : 8;
  for (let i = 0; i < length; i++) {
    const a = load<f64>(left);
    const b = load<f64>(right);
    store<f64>(out, operation == 0 ? NativeMath.pow(a, b) : NativeMath.atan2(a, b));
    left += leftStep;
    right += rightStep;
    out += 8;
  }
}

/** Half away from zero. */
@inline
function roundAway(x: f64): f64 {
  const whole = trunc<f64>(x);
  // The difference is exact, unlike x + 0.5.
  return abs<f64>(x - whole) >= 0.5 ? whole + copysign<f64>(1.0, x) : whole;
}

/** Rounds to multiples of 10^-digits (digits may be negative); a value whose scaled form overflows stays. */
export function mathRoundDigits(values: usize, digits: i32, length: i32, out: usize): void {
  const factor = NativeMath.pow(10.0, <f64>abs<i32>(digits));
  for (let i: usize = 0; i < <usize>length; i++) {
    const x = load<f64>(values + (i << 3));
    let y: f64;
    if (digits == 0) y = roundAway(x);
    else if (digits > 0) {
      const scaled = x * factor;
      y = isFinite<f64>(scaled) ? roundAway(scaled) / factor : x;
    } else y = roundAway(x / factor) * factor;
    store<f64>(out + (i << 3), y);
  }
}

/** i64 values rounded half away from zero to multiples of `unit` (a power of ten, at least 10). Returns the first valid row that overflows, or -1. */
export function mathRoundI64(values: usize, unit: i64, length: i32, validity: usize, out: usize): i32 {
  let failed = -1;
  for (let row = 0; row < length; row++) {
    const x = load<i64>(values + (<usize>row << 3));
    const rest = x % unit;
    let y = x - rest;
    const half = unit / 2;
    if (rest >= half) {
      if (y > i64.MAX_VALUE - unit) {
        if (failed < 0 && (validity == 0 || ((load<u8>(validity + (row >>> 3)) >> <u8>(row & 7)) & 1) != 0)) failed = row;
      } else y += unit;
    } else if (rest <= -half) {
      if (y < i64.MIN_VALUE + unit) {
        if (failed < 0 && (validity == 0 || ((load<u8>(validity + (row >>> 3)) >> <u8>(row & 7)) & 1) != 0)) failed = row;
      } else y -= unit;
    }
    store<i64>(out + (<usize>row << 3), y);
  }
  return failed;
}

@inline
function absLoop<T>(values: usize, length: i32, validity: usize, out: usize): i32 {
  let failed = -1;
  for (let row = 0; row < length; row++) {
    const x = load<T>(values + <usize>row * sizeof<T>());
    const y = <T>(x < <T>0 ? <T>0 - x : x);
    // The least integer has no positive counterpart: it stays negative.
    if (y < <T>0 && failed < 0 && (validity == 0 || ((load<u8>(validity + (row >>> 3)) >> <u8>(row & 7)) & 1) != 0)) failed = row;
    store<T>(out + <usize>row * sizeof<T>(), y);
  }
  return failed;
}

/** |value| of signed integers of `width` bytes; the first valid row that overflows, or -1. */
export function mathAbsInteger(width: i32, values: usize, length: i32, validity: usize, out: usize): i32 {
  if (width == 1) return absLoop<i8>(values, length, validity, out);
  if (width == 2) return absLoop<i16>(values, length, validity, out);
  if (width == 4) return absLoop<i32>(values, length, validity, out);
  return absLoop<i64>(values, length, validity, out);
}
