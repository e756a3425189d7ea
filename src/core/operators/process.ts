import type { ElementContext, ElementFunction, ProcessLife } from "../process/contexts.ts";
import { type ProcessOptions, ProcessRows } from "../process/process-rows.ts";
import type { Schema } from "../schema.ts";

/** A function over the rows of a stream without keys. */
export interface ProcessFunction extends ProcessLife {
  processElement: ElementFunction<ElementContext>;
}

/** A `ProcessFunction` over one input; the contract is that of `ProcessRows`. */
export class Process extends ProcessRows {
  constructor(given: ProcessFunction, inputSchema: Schema, options: Omit<ProcessOptions, "state">) {
    super(given, [{ schema: inputSchema, method: "processElement" }], options);
  }
}
