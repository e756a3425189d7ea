import { describeValue } from "../describe-value.ts";
import { EvaluationError } from "../errors.ts";
import type { Host } from "../host.ts";
import type { AsyncRetry } from "../operators/async-map.ts";
import type { RuntimeContext } from "../rows/runtime-context.ts";
import { plainText } from "../state/plain-text.ts";
import { LookupCache, type LookupCacheOptions } from "./lookup-cache.ts";

/** What was found for a key: a row, any number of rows, or nothing. An Error fails the rows of this key. */
export type LookupAnswer = object | readonly object[] | null | undefined;

export interface LookupContext {
  readonly runtime: RuntimeContext;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** Aborted once nobody waits for the answers any more: when the job ends or fails. */
  readonly signal: AbortSignal;
}

/** One answer for each key, in their order. */
export type LookupFunction = (
  keys: readonly unknown[],
  context: LookupContext,
) => Promise<readonly LookupAnswer[]> | readonly LookupAnswer[];

export interface LookupsOptions {
  /** For errors. */
  readonly where: string;
  /** Keys that one call asks for at most. */
  readonly batchSize: number;
  readonly retry?: AsyncRetry;
  readonly cache?: LookupCacheOptions;
}

interface Asked {
  readonly key: unknown;
  readonly text: string;
  readonly answer: Promise<readonly object[]>;
  readonly resolve: (rows: readonly object[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Asks for keys, many in one call: those that are asked for in one turn of the thread go together. A key that is being
 * asked for is not asked for twice.
 */
export class Lookups {
  readonly #lookup: LookupFunction;
  readonly #options: LookupsOptions;
  readonly #host: Host;
  readonly #count: (metric: string, increment: number) => void;
  readonly #cache: LookupCache | undefined;
  readonly #asked = new Map<string, Asked>();
  readonly #calls = new Set<AbortController>();
  readonly #retries = new Set<() => void>();
  #waiting: Asked[] = [];
  #isFlushDue = false;
  #isClosed = false;

  constructor(
    lookup: LookupFunction,
    { host, count }: { host: Host; count(metric: string, increment: number): void },
    options: LookupsOptions,
  ) {
    this.#lookup = lookup;
    this.#options = options;
    this.#host = host;
    this.#count = count;
    if (options.cache !== undefined) this.#cache = new LookupCache(options.cache, host.clock);
  }

  /** The rows of a key; not a promise where they are known. */
  find(key: unknown, runtime: RuntimeContext): readonly object[] | Promise<readonly object[]> {
    const text = plainText(key, this.#options.where);
    const known = this.#cache?.get(text);
    if (this.#cache !== undefined) this.#count(known === undefined ? "lookupCacheMisses" : "lookupCacheHits", 1);
    return known ?? (this.#asked.get(text) ?? this.#ask(key, text, runtime)).answer;
  }

  /** Nobody waits for answers any more. */
  close(): void {
    this.#isClosed = true;
    for (const call of this.#calls) call.abort();
    for (const cancel of this.#retries) cancel();
    this.#calls.clear();
    this.#retries.clear();
    this.#asked.clear();
    this.#waiting = [];
  }

  #ask(key: unknown, text: string, runtime: RuntimeContext): Asked {
    let settle: Pick<Asked, "resolve" | "reject"> | undefined;
    const answer = new Promise<readonly object[]>((resolve, reject) => {
      settle = { resolve, reject };
    });
    const asked: Asked = { key, text, answer, ...(settle as unknown as Pick<Asked, "resolve" | "reject">) };
    this.#asked.set(text, asked);
    this.#waiting.push(asked);
    if (this.#waiting.length >= this.#options.batchSize) this.#flush(runtime);
    else if (!this.#isFlushDue) {
      this.#isFlushDue = true;
      // Behind what runs now, which may ask for further keys.
      void Promise.resolve().then(() => this.#flush(runtime));
    }
    return asked;
  }

  #flush(runtime: RuntimeContext): void {
    this.#isFlushDue = false;
    const asked = this.#waiting;
    this.#waiting = [];
    if (asked.length > 0 && !this.#isClosed) this.#call(asked, runtime, 1);
  }

  #call(asked: readonly Asked[], runtime: RuntimeContext, attempt: number): void {
    const controller = new AbortController();
    this.#calls.add(controller);
    this.#count("lookupCalls", 1);
    const keys = asked.map(({ key }) => key);
    const answers = new Promise<readonly LookupAnswer[]>((resolve) => {
      resolve(this.#lookup(keys, { runtime, attempt, signal: controller.signal }));
    });
    answers
      .then((found) => this.#answer(asked, found))
      .catch((thrown: unknown) => this.#fail(asked, runtime, attempt, thrown))
      .finally(() => this.#calls.delete(controller));
  }

  /** @throws {EvaluationError} LOOKUP_ANSWERS_INVALID */
  #answer(asked: readonly Asked[], found: readonly LookupAnswer[]): void {
    if (this.#isClosed) return;
    if (!Array.isArray(found) || found.length !== asked.length) {
      throw new EvaluationError(
        "LOOKUP_ANSWERS_INVALID",
        `${this.#options.where} asked for ${asked.length} keys and got ${Array.isArray(found) ? `${found.length} answers` : describeValue(found)}.`,
        "Answer with an array that has one entry for each key, in their order: a row, an array of rows, or null.",
      );
    }
    const rows = asked.map((one, i) => this.#rowsOf(one, found[i] as LookupAnswer));
    for (const [i, { text, resolve, reject }] of asked.entries()) {
      const mine = rows[i];
      this.#asked.delete(text);
      if (mine instanceof Error) reject(mine);
      else {
        this.#cache?.set(text, mine);
        resolve(mine);
      }
    }
  }

  #rowsOf({ text }: Asked, answer: LookupAnswer): readonly object[] | Error {
    if (answer === null || answer === undefined) return [];
    if (answer instanceof Error) return answer;
    const rows: readonly unknown[] = Array.isArray(answer) ? answer : [answer];
    const wrong = rows.find((row) => typeof row !== "object" || row === null);
    if (wrong === undefined) return rows as readonly object[];
    throw new EvaluationError(
      "LOOKUP_ANSWERS_INVALID",
      `${this.#options.where} got ${describeValue(wrong)} for the key ${text}.`,
      "Answer each key with an object that has the columns as properties, an array of them, or null.",
    );
  }

  #fail(asked: readonly Asked[], runtime: RuntimeContext, attempt: number, thrown: unknown): void {
    if (this.#isClosed) return;
    const { retry } = this.#options;
    const isOurs = thrown instanceof EvaluationError && thrown.code === "LOOKUP_ANSWERS_INVALID";
    const isLast = retry === undefined || attempt >= retry.attempts || retry.shouldRetry?.(thrown) === false;
    if (isOurs || isLast) {
      for (const { text, reject } of asked) {
        this.#asked.delete(text);
        reject(thrown);
      }
      return;
    }
    this.#count("lookupRetries", 1);
    const delayMs = retry.delayMs * (retry.backoff ?? 1) ** (attempt - 1);
    const cancel = this.#host.scheduler.after(delayMs, () => {
      this.#retries.delete(cancel);
      this.#call(asked, runtime, attempt + 1);
    });
    this.#retries.add(cancel);
  }
}
