/**
 * Random numbers that depend only on a seed and on what they are drawn for, so that a sample is the same however the
 * input is cut into batches. Mixing is the finaliser of MurmurHash3 (Appleby, public domain), once per word.
 */
export class SeededDraws {
  readonly #seed: number;

  /** `stream` keeps the draws of subtasks apart. */
  constructor(seed: number, stream: number) {
    this.#seed = mix(mix(seed >>> 0) ^ mix(Math.floor(seed / 4294967296) ^ 0x9e3779b9) ^ mix(stream ^ 0x85ebca6b));
  }

  /** Uniform in [0, 2^32): the `draw`-th number for a row position. */
  uint32(position: number, draw: number): number {
    const low = mix(this.#seed ^ (position >>> 0));
    return mix(mix(low ^ Math.floor(position / 4294967296)) + Math.imul(draw, 0x9e3779b1)) >>> 0;
  }

  /** Uniform in [0, 1), with 53 bits. */
  unit(position: number, draw: number): number {
    const high = this.uint32(position, 2 * draw) >>> 5;
    const low = this.uint32(position, 2 * draw + 1) >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** How often a row occurs in a sample with replacement: Poisson with the given mean (Knuth's product of uniforms). */
  poisson(position: number, mean: number): number {
    let count = 0;
    let draw = 0;
    // In parts, because exp(-mean) of a large mean is 0.
    for (let left = mean; left > 0; left -= POISSON_PART) {
      const limit = Math.exp(-Math.min(left, POISSON_PART));
      for (let product = this.unit(position, draw++); product > limit; product *= this.unit(position, draw++)) count++;
    }
    return count;
  }
}

const POISSON_PART = 16;

function mix(word: number): number {
  let hash = word | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
