import type { HostProcesses } from "../core/host.ts";

/** One life of the simulated process, from a start or restart of the machine to its end. */
export class SimulatedProcess implements HostProcesses {
  readonly token: string;
  readonly #number: number;
  readonly #onExit = new Set<() => void>();

  /** `number` grows with each restart; lower ones are dead. */
  constructor(number: number) {
    this.#number = number;
    this.token = `simulated.${number}`;
  }

  isDead(token: string): boolean {
    const match = /^simulated\.(\d+)$/.exec(token);
    return match !== null && Number(match[1]) < this.#number;
  }

  onExit(callback: () => void): () => void {
    this.#onExit.add(callback);
    return () => {
      this.#onExit.delete(callback);
    };
  }

  /** Ends in good order: what was to be done at the exit is done. */
  exit(): void {
    for (const callback of this.#onExit) callback();
    this.#onExit.clear();
  }
}
