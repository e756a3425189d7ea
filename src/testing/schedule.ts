import type { DecisionTape } from "./decision-tape.ts";

/** Something that could happen now. */
export interface Action {
  /** The simulated thread that it belongs to; it is dropped when that one dies. */
  readonly thread: { readonly name: string };
  /** "timer", "yield", "link-1", ... */
  readonly kind: string;
  readonly run: () => void;
}

/**
 * The set of actions that are ready. The tape says which goes next; actions whose thread, kind or "thread/kind" is
 * starved wait until nothing else is ready, which brings out overtaking that even choices rarely show.
 */
export class Schedule {
  readonly #tape: DecisionTape;
  readonly #starved: ReadonlySet<string>;
  /** Oldest first. */
  readonly #ready: Action[] = [];
  readonly #waiting: Action[] = [];

  constructor(tape: DecisionTape, starved: readonly string[]) {
    this.#tape = tape;
    this.#starved = new Set(starved);
  }

  get size(): number {
    return this.#ready.length + this.#waiting.length;
  }

  /** Makes an action ready; the result takes it back, where it has not run. */
  add(action: Action): () => void {
    const set = this.#isStarved(action) ? this.#waiting : this.#ready;
    set.push(action);
    return () => {
      const at = set.indexOf(action);
      if (at >= 0) set.splice(at, 1);
    };
  }

  /** Takes the action that goes next; undefined where nothing is ready. */
  take(): Action | undefined {
    const set = this.#ready.length > 0 ? this.#ready : this.#waiting;
    if (set.length === 0) return undefined;
    const at = this.#tape.choose(set.length);
    return at === 0 ? set.shift() : set.splice(at, 1)[0];
  }

  /** Forgets what a thread was going to do. */
  drop(thread: Action["thread"]): void {
    for (const set of [this.#ready, this.#waiting]) {
      for (let i = set.length - 1; i >= 0; i--) if (set[i].thread === thread) set.splice(i, 1);
    }
  }

  #isStarved({ thread, kind }: Action): boolean {
    if (this.#starved.size === 0) return false;
    return this.#starved.has(kind) || this.#starved.has(thread.name) || this.#starved.has(`${thread.name}/${kind}`);
  }
}
