/** When the first event of a job was asked for, on whatever thread of the process: what comes before is job start. */

export interface Reading {
  /** Milliseconds of a clock that all threads share. */
  readonly ms: number;
  /** Processor time of the process so far, of all its threads. */
  readonly cpuMs: number;
}

const CHANNEL = "nexmark first event";

export function readClocks(): Reading {
  const { user, system } = process.cpuUsage();
  return { ms: performance.timeOrigin + performance.now(), cpuMs: (user + system) / 1000 };
}

/** Called by the reader of the stream's beginning. */
export function tellFirstEvent(): void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage(readClocks());
  channel.close();
}

/** Listens until it is told of a first event; call it before the job starts. */
export function awaitFirstEvent(): Promise<Reading> {
  const channel = new BroadcastChannel(CHANNEL);
  return new Promise((resolve) => {
    channel.onmessage = (event) => {
      channel.close();
      resolve((event as { readonly data: Reading }).data);
    };
  });
}
