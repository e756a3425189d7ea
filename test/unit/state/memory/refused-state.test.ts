import { expect, it } from "vitest";
import { Schema } from "../../../../src/core/schema.ts";
import { valueState } from "../../../../src/core/state/descriptors.ts";
import { int16, int32, int64, utf8 } from "../../../../src/core/types.ts";
import { memoryState } from "../../../../src/state/memory/memory-backend.ts";
import { StateOperator, tinyDiskState } from "../../../support/state-operator.ts";
import { StreamOperator } from "../../../support/stream-operator.ts";
import { withWorkspace } from "../../../support/workspace.ts";

it.each([
  ["memory", memoryState],
  ["disk", tinyDiskState()],
] as const)(
  "in %s, state that cannot be taken over is not begun anew, and is in no later snapshot without it",
  (_, state) => {
    withWorkspace((ws) => {
      const create = () => new StateOperator(Schema.of({ key: int32 }), state);
      const before = new StreamOperator(ws, create);
      const [first] = before.operators as readonly StateOperator[];
      first.backend.setKey(first.keys.asked([7]));
      first.backend.state(valueState("kept", int64)).set(40n);
      first.backend.state(valueState("other", utf8)).set("tea");
      const restore = before.checkpoint();
      before.close();

      const after = new StreamOperator(ws, create, { restore });
      const [{ backend }] = after.operators as readonly StateOperator[];
      const refusal = expect.objectContaining({
        code: "STATE_INCOMPATIBLE",
        message: expect.stringContaining('"kept"'),
      });
      expect(() => backend.state(valueState("kept", int16))).toThrow(refusal);
      // A function may have caught that: whatever it asks for next has nothing of what was read so far.
      expect(() => backend.state(valueState("kept", int16))).toThrow(refusal);
      expect(() => backend.state(valueState("other", utf8))).toThrow(refusal);
      expect(() => after.snapshot()).toThrow(refusal);
      after.close();
    });
  },
);
