import { describe, expect, it } from "vitest";
import { TableHistory } from "../../../src/runtime/snapshots.ts";

describe("changes of a table", () => {
  /** Written whole in the first snapshot, and as changes of one row in 20 behind it. */
  function full(): TableHistory {
    const history = new TableHistory();
    history.begin(1);
    history.onWhole("t");
    for (let number = 2; number <= 21; number++) {
      history.begin(number);
      expect(history.takes("t", number - 1, 1, 1000)).toBe(true);
      history.onChanges("t", number - 1, 1);
    }
    return history;
  }

  it("are so many and no more, however often writing it whole fails", () => {
    const history = full();
    for (let failed = 22; failed < 30; failed++) {
      history.begin(failed);
      expect(history.takes("t", 21, 1, 1000)).toBe(false);
      history.onWhole("t");
    }
    history.begin(30);
    history.onWhole("t");
    history.begin(31);
    expect(history.takes("t", 30, 1, 1000)).toBe(true);
  });

  it("that failed do not count, nor may anything be built on what is not known", () => {
    const history = new TableHistory();
    history.begin(1);
    history.onWhole("t");
    for (let number = 2; number < 60; number++) {
      history.begin(number);
      const isKnown = number < 18;
      expect(history.takes("t", 1, 500, 1000)).toBe(isKnown);
      history.onChanges("t", 1, 500);
    }
    expect(history.takes("other", 1, 1, 1000)).toBe(false);
  });

  it("hold at most half of its rows", () => {
    const history = new TableHistory();
    history.begin(1);
    history.onWhole("t");
    history.begin(2);
    expect(history.takes("t", 1, 501, 1000)).toBe(false);
    expect(history.takes("t", 1, 300, 1000)).toBe(true);
    history.onChanges("t", 1, 300);
    history.begin(3);
    expect(history.takes("t", 2, 201, 1000)).toBe(false);
    expect(history.takes("t", 2, 200, 1000)).toBe(true);
  });
});
