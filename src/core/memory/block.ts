import { assert } from "../errors.ts";
import type { Address, Allocator } from "./allocator.ts";

/** A reference-counted block of linear memory. Born with one reference, which belongs to whoever allocated it. */
export class Block {
  readonly address: Address;
  readonly byteLength: number;
  readonly #allocator: Allocator;
  #references = 1;

  constructor(allocator: Allocator, byteLength: number) {
    this.#allocator = allocator;
    this.byteLength = byteLength;
    this.address = allocator.allocate(byteLength);
  }

  /** Whether the last reference has gone. */
  get isFree(): boolean {
    return this.#references === 0;
  }

  retain(): this {
    assert(this.#references > 0, "a released block is not retained");
    this.#references++;
    return this;
  }

  release(): void {
    assert(this.#references > 0, "a block is released once per reference");
    if (--this.#references === 0) this.#allocator.free(this.address);
  }
}
