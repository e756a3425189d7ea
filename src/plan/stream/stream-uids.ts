import { PlanError } from "../../core/errors.ts";
import type { StreamNode } from "./stream-node.ts";

/**
 * The uid of every node: the one that the user gave, or one that follows from what the node does and reads, so that an
 * unchanged program finds its state again. Equal nodes over the same inputs are numbered in the order of the sinks.
 * @throws {PlanError} UID_DUPLICATE
 */
export function assignUids(sinks: readonly StreamNode[]): ReadonlyMap<StreamNode, string> {
  const uids = new Map<StreamNode, string>();
  const taken = new Map<string, StreamNode>();
  const assign = (node: StreamNode): string => {
    const known = uids.get(node);
    if (known !== undefined) return known;
    const inputs = node.inputs.map((input) => `${assign(input.node)}/${input.side?.tag ?? ""}/${input.route.kind}`);
    let uid = node.uid;
    if (uid !== undefined) {
      if (taken.has(uid)) {
        throw new PlanError(
          "UID_DUPLICATE",
          `Two operators of the job have the uid "${uid}": "${taken.get(uid)?.name}" and "${node.name}".`,
          "Give each operator its own: state is found by it.",
        );
      }
    } else {
      const derived = `auto-${hash(`${node.op} ${node.name} ${inputs.join(" ")}`)}`;
      uid = derived;
      for (let i = 2; taken.has(uid); i++) uid = `${derived}-${i}`;
    }
    uids.set(node, uid);
    taken.set(uid, node);
    return uid;
  };
  for (const sink of sinks) assign(sink);
  return uids;
}

/** Two FNV-1a hashes of 32 bits with different starts, in hexadecimal. */
function hash(text: string): string {
  return [0x811c9dc5, 0x050c5d1f]
    .map((start) => {
      let state = start;
      for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193) >>> 0;
      return state.toString(16).padStart(8, "0");
    })
    .join("");
}
