import type { Column } from "../column.ts";
import { float64 } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { GroupedRows } from "./accumulator.ts";
import { FixedAccumulator } from "./fixed-accumulator.ts";
import { floatValues } from "./float-values.ts";

/** Variance of a numeric column by Welford's update, which stays accurate where the mean is large. */
export class VarianceAccumulator extends FixedAccumulator {
  constructor(workspace: Workspace) {
    super(workspace, 24, workspace.kernels.aggMomentsMerge);
  }

  update({ groups, rowCount, groupCount }: GroupedRows, [column]: readonly Column[]): void {
    const state = this.records.ensure(groupCount);
    const values = floatValues(this.workspace, column);
    this.workspace.kernels.aggMoments(groups, values.data, values.validity, rowCount, state);
    values.release();
  }

  /** float64: sample (of at least 2 values) or population variance, or its square root. */
  variance(from: number, count: number, of: "sample" | "population", isRoot: boolean): Column {
    const state = this.recordsFrom(from, count);
    return this.resultColumn(float64, 8, count, (out, validity) => {
      this.workspace.kernels.aggMomentsResult(state, count, of === "sample" ? 1 : 0, isRoot, out, validity);
    });
  }
}

/** Covariance and correlation of two numeric columns over the rows where neither is null. */
export class CovarianceAccumulator extends FixedAccumulator {
  constructor(workspace: Workspace) {
    super(workspace, 48, workspace.kernels.aggCovarianceMerge);
  }

  update({ groups, rowCount, groupCount }: GroupedRows, [x, y]: readonly Column[]): void {
    const state = this.records.ensure(groupCount);
    const xs = floatValues(this.workspace, x);
    const ys = floatValues(this.workspace, y);
    const { kernels } = this.workspace;
    kernels.aggCovariance(groups, xs.data, ys.data, xs.validity, ys.validity, rowCount, state);
    xs.release();
    ys.release();
  }

  covariance(from: number, count: number, of: "sample" | "population"): Column {
    const state = this.recordsFrom(from, count);
    return this.resultColumn(float64, 8, count, (out, validity) => {
      this.workspace.kernels.aggCovarianceResult(state, count, of === "sample" ? 1 : 0, out, validity);
    });
  }

  /** Pearson's r: null without a pair, NaN where a side does not vary. */
  correlation(from: number, count: number): Column {
    const state = this.recordsFrom(from, count);
    return this.resultColumn(float64, 8, count, (out, validity) => {
      this.workspace.kernels.aggCorrelationResult(state, count, out, validity);
    });
  }
}
