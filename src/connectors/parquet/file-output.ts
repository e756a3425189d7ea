import type { WritableFile } from "../../core/host.ts";
import type { Address } from "../../core/memory/allocator.ts";
import type { Block } from "../../core/memory/block.ts";
import type { Workspace } from "../../core/workspace.ts";

const BUFFER_BYTES = 1024 * 1024;

/** Collects small pieces into large writes and knows the position in the file. */
export class FileOutput {
  readonly #workspace: Workspace;
  readonly #file: WritableFile;
  #buffer: Block | undefined;
  #used = 0;
  #flushed = 0;

  constructor(workspace: Workspace, file: WritableFile) {
    this.#workspace = workspace;
    this.#file = file;
  }

  get position(): number {
    return this.#flushed + this.#used;
  }

  /** Appends bytes of linear memory. */
  append(address: Address, byteLength: number): void {
    if (byteLength > BUFFER_BYTES) {
      this.flush();
      this.#file.write(this.#workspace.bytes(address, byteLength));
      this.#flushed += byteLength;
      return;
    }
    this.#workspace.kernels.copyBytes(this.#room(byteLength), address, byteLength);
  }

  appendBytes(bytes: Uint8Array): void {
    if (bytes.length > BUFFER_BYTES) {
      this.flush();
      this.#file.write(bytes);
      this.#flushed += bytes.length;
      return;
    }
    // The room is taken first: allocating it may replace the view.
    const target = this.#room(bytes.length);
    this.#workspace.u8.set(bytes, target);
  }

  #room(byteLength: number): Address {
    if (this.#used + byteLength > BUFFER_BYTES) this.flush();
    this.#buffer ??= this.#workspace.allocate(BUFFER_BYTES);
    const at = this.#buffer.address + this.#used;
    this.#used += byteLength;
    return at;
  }

  flush(): void {
    if (this.#buffer !== undefined && this.#used > 0) {
      this.#file.write(this.#workspace.bytes(this.#buffer.address, this.#used));
    }
    this.#flushed += this.#used;
    this.#used = 0;
  }

  release(): void {
    this.#buffer?.release();
    this.#buffer = undefined;
  }
}
