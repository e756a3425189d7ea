// With `keepNames`, esbuild sets the name of every function whenever it is made: Object.defineProperty per closure, which
// took 5 to 10 % of the processor time of short streaming jobs. Where JavaScript itself gives the same name, the call goes.
import { parseSync } from "oxc-parser";

/**
 * A bundle without the calls of esbuild's helper that change nothing. What goes becomes blanks, so that source maps hold.
 * @param {string} text
 */
export function withNativeNames(text) {
  const { program, errors } = parseSync("bundle.js", text);
  if (errors.length > 0) throw new Error(`the bundle cannot be parsed: ${errors[0].message}`);
  const parts = text.split("");
  const blank = (start, end) => {
    for (let at = start; at < end; at++) if (parts[at] !== "\n") parts[at] = " ";
  };
  /** Names of the functions declared in the statements around, innermost last. */
  const declared = [];
  const visit = (node, parent) => {
    if (Array.isArray(node)) {
      declared.push(new Set(node.filter((item) => item?.type === "FunctionDeclaration").map(({ id }) => id.name)));
      for (const item of node) visit(item, parent);
      declared.pop();
      return;
    }
    if (typeof node?.type !== "string") return;
    if (isHelperCall(node)) {
      const [target, { value: name }] = node.arguments;
      const isFunction = target.type === "ArrowFunctionExpression" || target.type === "FunctionExpression";
      if (isFunction && (target.id?.name === name || (target.id == null && namedBy(parent, node) === name))) {
        // An arrow function needs its parentheses as an operand; nobody operates on what is declared.
        blank(node.start, target.start);
        blank(target.end, node.end);
      } else if (parent.type === "ExpressionStatement" && target.type === "Identifier") {
        if (target.name === name && declared.at(-1)?.has(name)) blank(parent.start, parent.end);
      }
    }
    for (const [key, child] of Object.entries(node))
      if (key !== "type" && child !== null && typeof child === "object") visit(child, node);
  };
  visit(program, program);
  return parts.join("");
}

const isHelperCall = (node) =>
  node.type === "CallExpression" && node.callee.name === "__name" && node.arguments.length === 2;

/** The name that an anonymous function gets where it stands. */
function namedBy(parent, node) {
  if (parent.type === "VariableDeclarator" && parent.init === node) return parent.id.name;
  if (parent.type === "Property" && parent.value === node && !parent.computed)
    return parent.key.name ?? parent.key.value;
  if (parent.type === "PropertyDefinition" && parent.value === node && !parent.computed) {
    return parent.key.type === "PrivateIdentifier" ? `#${parent.key.name}` : parent.key.name;
  }
  return undefined;
}
