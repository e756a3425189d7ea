import { SimulationMemories } from "../../src/testing/faults/engine-shelf.ts";

/** One run with memories of earlier ones: to make a memory takes longer than many a run. */
export async function withMemories<T>(run: (memories: SimulationMemories) => Promise<T>): Promise<T> {
  const memories = new SimulationMemories();
  try {
    return await run(memories);
  } finally {
    memories.giveBack();
  }
}
