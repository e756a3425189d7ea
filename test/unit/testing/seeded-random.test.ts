import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/testing/seeded-random.ts";

const draw = (seed: number, count: number): number[] => {
  const random = new SeededRandom(seed);
  return Array.from({ length: count }, () => random.nextUint32());
};

/** xoshiro128** and splitmix32 as their papers state them, in numbers without a width. */
function reference(seed: number, count: number): number[] {
  const mask = 0xffffffffn;
  const rotate = (value: bigint, bits: bigint) => ((value << bits) | (value >> (32n - bits))) & mask;
  let counter = BigInt.asUintN(32, BigInt(seed));
  const mix = (): bigint => {
    counter = (counter + 0x9e3779b9n) & mask;
    let mixed = ((counter ^ (counter >> 16n)) * 0x21f0aaadn) & mask;
    mixed = ((mixed ^ (mixed >> 15n)) * 0x735a2d97n) & mask;
    return mixed ^ (mixed >> 15n);
  };
  const s = [mix(), mix(), mix(), mix() | 1n];
  return Array.from({ length: count }, () => {
    const result = (rotate((s[1] * 5n) & mask, 7n) * 9n) & mask;
    const shifted = (s[1] << 9n) & mask;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 11n);
    return Number(result);
  });
}

describe("SeededRandom", () => {
  it.each([0, 1, -1, 12_345, 2 ** 31, 2 ** 32 - 1])("gives the numbers of its generator for seed %d", (seed) => {
    expect(draw(seed, 100)).toEqual(reference(seed, 100));
  });

  it("gives unsigned numbers of 32 bits, spread over all of them", () => {
    const numbers = draw(7, 4000);
    expect(numbers.every((number) => Number.isInteger(number) && number >= 0 && number < 2 ** 32)).toBe(true);
    for (let bit = 0; bit < 32; bit++) {
      const set = numbers.filter((number) => ((number >>> bit) & 1) === 1).length;
      expect(Math.abs(set - 2000)).toBeLessThan(200);
    }
  });
});
