import type { Column } from "../../core/column.ts";
import { bitmapBytes, columnOf } from "../../core/columns/allocate.ts";
import { concatColumns } from "../../core/columns/concat.ts";
import type { Block } from "../../core/memory/block.ts";
import type { Workspace } from "../../core/workspace.ts";
import type { DecodeScope } from "./decode-scope.ts";
import { countValues, type EntryLevels, type LeafDecoder } from "./leaf-decoder.ts";
import type { Page } from "./pages.ts";
import type { SchemaNode } from "./schema-mapping.ts";

/** Decodes all leaves of a nested top-level column and builds lists, maps and structs from their levels. */
export function decodeNestedColumn(
  workspace: Workspace,
  node: SchemaNode,
  decoders: readonly LeafDecoder[],
  rowCount: number,
): Column {
  const leaves: DecodedLeaf[] = [];
  try {
    for (const decoder of decoders) leaves.push(decodeLeaf(decoder));
    const column = new Assembler(workspace, leaves).build(node);
    if (column.length !== rowCount) {
      column.release();
      decoders[0].scope.page = undefined;
      decoders[0].scope.corrupt(`its levels give ${column.length} rows instead of ${rowCount}`);
    }
    return column;
  } finally {
    for (const leaf of leaves) leaf.release();
  }
}

/** A leaf's slots and the levels of its entries. */
class DecodedLeaf {
  readonly scope: DecodeScope;
  readonly index: number;
  readonly column: Column;
  readonly entryCount: number;
  readonly levels: EntryLevels;
  readonly #blocks: readonly Block[];

  constructor(decoder: LeafDecoder, column: Column, entryCount: number, levels: EntryLevels, blocks: readonly Block[]) {
    this.scope = decoder.scope;
    this.index = decoder.leaf.index;
    this.column = column;
    this.entryCount = entryCount;
    this.levels = levels;
    this.#blocks = blocks;
  }

  release(): void {
    this.column.release();
    for (const block of this.#blocks) block.release();
  }
}

function decodeLeaf(decoder: LeafDecoder): DecodedLeaf {
  const { scope, leaf } = decoder;
  const runs: Page[][] = [];
  for (let run = decoder.takeRun(Number.POSITIVE_INFINITY); run.length > 0; ) {
    runs.push(run);
    run = decoder.takeRun(Number.POSITIVE_INFINITY);
  }
  const entryCount = runs.reduce((sum, run) => sum + countValues(run), 0);
  const blocks: Block[] = [];
  const pieces: Column[] = [];
  try {
    const definitions = scope.allocate(entryCount);
    blocks.push(definitions);
    const hasRepetitions = leaf.maxRepetition > 0;
    if (hasRepetitions) blocks.push(scope.allocate(entryCount));
    const levelsFrom = (entry: number): EntryLevels => ({
      definitions: definitions.address + entry,
      repetitions: hasRepetitions ? blocks[1].address + entry : 0,
    });
    let entry = 0;
    for (const run of runs) {
      pieces.push(decoder.decodeNested(run, levelsFrom(entry)));
      entry += countValues(run);
    }
    if (pieces.length === 0) pieces.push(decoder.decodeNested([], levelsFrom(0)));
    const column = concatColumns(scope.workspace, pieces);
    return new DecodedLeaf(decoder, column, entryCount, levelsFrom(0), blocks);
  } catch (error) {
    for (const block of blocks) block.release();
    throw error;
  } finally {
    for (const piece of pieces) piece.release();
  }
}

class Assembler {
  readonly #workspace: Workspace;
  readonly #leaves: readonly DecodedLeaf[];

  constructor(workspace: Workspace, leaves: readonly DecodedLeaf[]) {
    this.#workspace = workspace;
    this.#leaves = leaves;
  }

  build(node: SchemaNode): Column {
    if (node.kind === "leaf") return this.#leafOf(node).column.retain();
    const children: Column[] = [];
    const blocks: Block[] = [];
    try {
      for (const child of node.children) children.push(this.build(child));
      const leaf = this.#leafOf(node);
      const { repetitions, definitions } = leaf.levels;
      const { slotRepetition, slotDefinition, definition } = node;
      const { kernels } = this.#workspace;
      const validity = leaf.scope.allocate(bitmapBytes(leaf.entryCount));
      blocks.push(validity);
      const slots = kernels.parquetSlotValidity(
        repetitions,
        definitions,
        leaf.entryCount,
        slotRepetition,
        slotDefinition,
        definition,
        validity.address,
      );
      const fail = (): never => {
        leaf.scope.page = undefined;
        return leaf.scope.corrupt(`the levels under "${node.name}" contradict each other`);
      };
      if (node.kind === "struct") {
        if (children.some((child) => child.length !== slots)) fail();
        blocks.length = 0;
        return columnOf(this.#workspace, node.type, slots, { validity, children });
      }
      const offsets = leaf.scope.allocate((leaf.entryCount + 1) * 4);
      blocks.push(offsets);
      const elementDefinition = node.children[0].slotDefinition;
      const found = kernels.parquetListOffsets(
        repetitions,
        definitions,
        leaf.entryCount,
        slotRepetition,
        slotDefinition,
        elementDefinition,
        offsets.address,
      );
      if (found !== slots || this.#workspace.i32[(offsets.address >>> 2) + slots] !== children[0].length) fail();
      blocks.length = 0;
      return columnOf(this.#workspace, node.type, slots, { offsets, validity, children });
    } catch (error) {
      for (const child of children) child.release();
      for (const block of blocks) block.release();
      throw error;
    }
  }

  /** The first leaf below a node: its levels tell where the node's slots are. */
  #leafOf(node: SchemaNode): DecodedLeaf {
    let at = node;
    while (at.leaf === undefined) at = at.children[0];
    const { index } = at.leaf;
    return this.#leaves.find((leaf) => leaf.index === index) as DecodedLeaf;
  }
}
