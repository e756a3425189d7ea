/** Code that jobs have taken, and how to empty it. */
interface Taken {
  readonly source: string;
  readonly code: object;
  readonly clear: () => void;
}

interface Known {
  readonly make: () => object;
  readonly idle: object[];
}

/** Sources that are known; more are of a run that makes ever new ones. */
const MOST_SOURCES = 2000;

/**
 * Generated code that comes back when the jobs that used it are over: one that has crashed gives back nothing itself.
 * To make a piece of code is to make classes, and what these refer to lives until the next full collection of garbage.
 */
export class SharedCode {
  readonly #known = new Map<string, Known>();
  #taken: Taken[] = [];
  /** Jobs that may use what was taken, or groups of them. */
  #users = 0;

  take<T extends object>(source: string, compile: () => () => T, clear: (code: T) => void): T {
    let known = this.#known.get(source);
    if (known === undefined) {
      if (this.#known.size >= MOST_SOURCES) this.#known.clear();
      known = { make: compile(), idle: [] };
      this.#known.set(source, known);
    }
    const code = (known.idle.pop() ?? known.make()) as T;
    if (this.#users > 0) this.#taken.push({ source, code, clear: () => clear(code) });
    return code;
  }

  /** The result says that nobody uses any more what was taken since. */
  begin(): () => void {
    this.#users++;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      // Where jobs overlap, nobody knows whose code it is until all are over.
      if (--this.#users === 0) this.#giveBack();
    };
  }

  #giveBack(): void {
    const taken = this.#taken;
    // Code that cannot be emptied fails one job, and is not met again.
    this.#taken = [];
    for (const { source, code, clear } of taken) {
      clear();
      this.#known.get(source)?.idle.push(code);
    }
  }
}
