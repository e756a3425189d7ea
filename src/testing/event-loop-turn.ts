// The functions as they were before anything replaced them: a simulation must not trap itself.
const nextTurn = setImmediate;
const pause = setTimeout;

/** Resolves after one turn of the real event loop: every microtask that was pending, or that one led to, has run. */
export const eventLoopTurn = (): Promise<void> =>
  new Promise((resolve) => {
    nextTurn(resolve);
  });

/** Resolves after about a real millisecond; only for waiting on the real world. */
export const realPause = (): Promise<void> =>
  new Promise((resolve) => {
    pause(resolve, 1);
  });
