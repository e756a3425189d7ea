import { describe, expect, it } from "vitest";
import { MemoryExhaustedError } from "../../../../src/core/errors.ts";
import * as types from "../../../../src/core/types.ts";
import type { Workspace } from "../../../../src/core/workspace.ts";
import { encodedColumn } from "../../../support/arbitrary-column.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const MIB = 1 << 20;

/** A state that claims `claimed` bytes and frees `freed` when it spills. */
function state(ws: Workspace, name: string, claimed: number, freed: number) {
  const block = freed > 0 ? ws.allocate(freed) : undefined;
  let left = claimed;
  const spills: string[] = [];
  return {
    name,
    spills,
    spillableBytes: () => left,
    spill: () => {
      spills.push(name);
      block?.release();
      left = freed > 0 ? 0 : claimed;
    },
  };
}

describe("the memory governor", () => {
  it("goes on to the next state where one frees nothing, such as one that refers to stored rows alone", () => {
    withWorkspace((ws) => {
      ws.setLimit(4 * MIB);
      const borrowed = state(ws, "borrowed", 8 * MIB, 0);
      const owned = state(ws, "owned", 3 * MIB, 3 * MIB);
      for (const each of [borrowed, owned]) ws.governor.register(each);
      ws.governor.reserve(2 * MIB, "a test", { required: true });
      expect([borrowed.spills, owned.spills]).toEqual([["borrowed"], ["owned"]]);
      expect(() => ws.governor.reserve(5 * MIB, "a test", { required: true })).toThrow(MemoryExhaustedError);
    });
  });

  it("counts what is kept against the budget, for no more than half of it", () => {
    withWorkspace((ws) => {
      const column = encodedColumn(ws, types.utf8, ["Delft".repeat(10_000), "Breda".repeat(10_000)]);
      ws.kept.keep(column);
      const bytes = ws.kept.byteLength;
      expect(bytes).toBeGreaterThan(100_000);
      ws.setLimit(10 * MIB);
      expect([ws.governor.limitBytes, ws.governor.availableBytes]).toEqual([10 * MIB - bytes, 10 * MIB - bytes]);
      ws.setLimit(bytes + 2);
      expect(ws.governor.limitBytes).toBe(Math.floor((bytes + 2) / 2));
      ws.kept.drop(column, []);
      column.release();
    });
  });

  it("names the least budget of the job with which a request would not have failed", () => {
    withWorkspace((ws) => {
      const column = encodedColumn(ws, types.utf8, ["Delft".repeat(10_000)]);
      ws.kept.keep(column);
      const request = (threadBytes: number) => {
        ws.setLimit(threadBytes, 3);
        const held = ws.allocate(MIB);
        try {
          ws.governor.reserve(2 * MIB, "a test", { required: true });
        } finally {
          held.release();
        }
      };
      expect(() => request(2 * MIB)).toThrow(`at least ${3 * (3 * MIB + ws.kept.byteLength)},`);
      expect(() => request(3 * MIB + ws.kept.byteLength - 1)).toThrow(MemoryExhaustedError);
      request(3 * MIB + ws.kept.byteLength);
      ws.kept.drop(column, []);
      column.release();
    });
  });

  it("names no budget where the memory of a thread is too small", () => {
    withWorkspace((ws) => {
      ws.setLimit(64 * 2 ** 30);
      expect(() => ws.governor.reserve(2 ** 33, "a test", { required: true })).toThrow(/more threads/);
    });
  });

  it("gives no job more than the address space has left", () => {
    withWorkspace((ws) => {
      ws.setLimit(64 * 2 ** 30);
      expect(ws.governor.limitBytes).toBeLessThan(2 ** 32);
    });
  });
});
