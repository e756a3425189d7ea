import type { Block } from "../../src/core/memory/block.ts";
import type { Workspace } from "../../src/core/workspace.ts";
import { withWorkspace } from "./workspace.ts";

const LEAST = -(2n ** 63n);

/** Memory of a case, freed with it. */
export function inMemory<T>(run: (memory: KernelMemory, ws: Workspace) => T): T {
  return withWorkspace((ws) => {
    const memory = new KernelMemory(ws);
    try {
      return run(memory, ws);
    } finally {
      memory.release();
    }
  });
}

/** Arrays in linear memory for kernels that are called by hand. */
export class KernelMemory {
  readonly #ws: Workspace;
  readonly #blocks: Block[] = [];

  constructor(ws: Workspace) {
    this.#ws = ws;
  }

  room(bytes: number): number {
    const block = this.#ws.allocate(bytes);
    this.#blocks.push(block);
    return block.address;
  }

  u32(values: readonly number[]): number {
    const address = this.room(values.length * 4);
    this.#ws.u32.set(values, address >>> 2);
    return address;
  }

  /** -Infinity is the least of all. */
  i64(values: readonly number[]): number {
    const address = this.room(values.length * 8);
    values.forEach((value, i) => {
      this.#ws.i64[address / 8 + i] = value === Number.NEGATIVE_INFINITY ? LEAST : BigInt(value);
    });
    return address;
  }

  u8(values: readonly number[]): number {
    const address = this.room(values.length);
    this.#ws.u8.set(values, address);
    return address;
  }

  u64(values: readonly bigint[]): number {
    const address = this.room(values.length * 8);
    values.forEach((value, i) => {
      this.#ws.i64[address / 8 + i] = BigInt.asIntN(64, value);
    });
    return address;
  }

  readU32(address: number, length: number): number[] {
    return [...this.#ws.u32.subarray(address >>> 2, (address >>> 2) + length)];
  }

  readI64(address: number, length: number): number[] {
    return Array.from({ length }, (_, i) => {
      const value = this.#ws.i64[address / 8 + i];
      return value === LEAST ? Number.NEGATIVE_INFINITY : Number(value);
    });
  }

  release(): void {
    for (const block of this.#blocks) block.release();
  }
}
