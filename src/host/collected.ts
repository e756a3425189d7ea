let running = 0;

const collected = new FinalizationRegistry<() => void>((callback) => {
  running++;
  try {
    callback();
  } finally {
    running--;
  }
});

/** See `Host.whenCollected`. */
export const whenCollected = (target: object, callback: () => void): void => collected.register(target, callback);

/** Whether this is called by the callback of something that was collected: at any moment, amid whatever else runs. */
export const isCleaningUp = (): boolean => running > 0;
