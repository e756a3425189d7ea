import fc from "fast-check";
import { expect, it } from "vitest";
import { withWorkspace } from "../../support/workspace.ts";

const edges = [0n, 1n, 2n ** 31n, 2n ** 51n - 1n, 2n ** 51n, 2n ** 53n + 1n, 2n ** 63n - 1n].flatMap((n) => [
  n,
  -n,
  -n - 1n,
]);
const divisors = fc.oneof(
  fc.constantFrom(1n, 2n, 3n, 123n, 2n ** 31n - 1n, 2n ** 31n, -1n, -7n, 0n),
  fc.bigInt({ min: 1n, max: 2n ** 31n }),
);
/** Dividends beside multiples of the divisor, where a rounded quotient would be one off. */
const dividend = (divisor: bigint) =>
  fc.oneof(
    fc.constantFrom(...edges),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc
      .tuple(fc.bigInt({ min: -(2n ** 51n), max: 2n ** 51n }), fc.integer({ min: -1, max: 1 }))
      .map(([near, step]) => (divisor === 0n ? near : near - (near % divisor)) + BigInt(step)),
  );
const given = divisors.chain((divisor) =>
  fc.record({
    divisor: fc.constant(divisor),
    values: fc.array(dividend(divisor), { minLength: 1, maxLength: 40, size: "max" }),
  }),
);

it.each([
  ["quotients", 3, (x: bigint, y: bigint) => x / y],
  ["remainders", 4, (x: bigint, y: bigint) => x % y],
])("computes %s of one divisor as whole numbers have them, also in place", (_, operation, expected) => {
  fc.assert(
    fc.property(given, fc.boolean(), ({ divisor, values }, isInPlace) =>
      withWorkspace((ws) => {
        const blocks = [values.length * 8 + 16, 8, values.length * 8 + 16].map((bytes) => ws.allocate(bytes));
        const [left, right, other] = blocks.map(({ address }) => address);
        const out = isInPlace ? left : other;
        const longs = new BigInt64Array(ws.memory.buffer);
        longs.set(values, left / 8);
        longs[right / 8] = divisor;
        const failed = ws.kernels.arithmeticI64(operation, left, false, right, true, out, values.length, 0);
        const isWrong = (x: bigint) => divisor === 0n || (operation === 3 && divisor === -1n && x === -(2n ** 63n));
        expect(failed).toBe(values.findIndex(isWrong));
        if (failed === -1) {
          expect([...longs.subarray(out / 8, out / 8 + values.length)]).toEqual(
            values.map((x) => expected(x, divisor)),
          );
        }
        for (const block of blocks) block.release();
      }),
    ),
    { numRuns: 500 },
  );
});
