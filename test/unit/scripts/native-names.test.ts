import { expect, it } from "vitest";
import { withNativeNames } from "../../../scripts/native-names.mjs";

const bundle = `
var __name = (target, value) => Object.defineProperty(target, "name", { value, configurable: true });
function outer() {
  const inner = /* @__PURE__ */ __name(() => 1, "inner");
  const given2 = /* @__PURE__ */ __name((a) => a, "given");
  return [inner, given2];
}
__name(outer, "outer");
function taken2() {}
__name(taken2, "taken");
const plain = /* @__PURE__ */ __name(function() {}, "plain");
const object = { method: /* @__PURE__ */ __name(() => 2, "method") };
class Holder2 {
  static {
    __name(this, "Holder");
  }
  field = /* @__PURE__ */ __name(() => 3, "field");
}
return [...outer(), outer, taken2, plain, object.method, Holder2, new Holder2().field].map((each) => each.name);
`;
const inModule = (text: string): string => `function run() {${text}}`;
const namesOf = (text: string): unknown => new Function(`${text}; return run();`)();

it("drops calls that only repeat a name which JavaScript gives, and moves nothing", () => {
  const before = inModule(bundle);
  const after = withNativeNames(before);
  expect(namesOf(after)).toEqual(namesOf(before));
  expect(after.match(/__name\(/g)).toHaveLength(3);
  const linesOf = (text: string): number[] => text.split("\n").map((line) => line.length);
  expect(linesOf(after)).toEqual(linesOf(before));
});
