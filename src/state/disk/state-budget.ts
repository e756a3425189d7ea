/** Whoever holds state in memory that could be on disk. */
export interface BudgetMember {
  /** What it holds now. */
  readonly heldBytes: number;
  /** Writes some of it to disk; false where nothing is left that it could. */
  giveWay(): boolean;
}

/**
 * The memory that the state backends of one job share on one thread. Whoever needs more asks for room: as long as all
 * together have too much, the largest gives way.
 */
export class StateBudget {
  readonly limitBytes: number;
  /** How many have been given a number, to name their files. */
  numbers = 0;
  readonly #members = new Set<BudgetMember>();

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  join(member: BudgetMember): void {
    this.#members.add(member);
  }

  leave(member: BudgetMember): void {
    this.#members.delete(member);
  }

  makeRoom(): void {
    for (;;) {
      let heldBytes = 0;
      let largest: BudgetMember | undefined;
      for (const member of this.#members) {
        heldBytes += member.heldBytes;
        if (largest === undefined || member.heldBytes > largest.heldBytes) largest = member;
      }
      if (heldBytes <= this.limitBytes || largest?.giveWay() !== true) return;
    }
  }
}
