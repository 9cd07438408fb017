// Formulas to HTML, one a line, so that a page needs no script to show them: {"tex", "display"} in, {"html"} or {"error"} out.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { join } from "node:path";

const katex = createRequire(join(process.argv[2], "package.json"))("katex");

for await (const line of createInterface({ input: process.stdin })) {
  const { tex, display } = JSON.parse(line);
  let answer;
  try {
    answer = { html: katex.renderToString(tex, { displayMode: display, strict: "error", output: "htmlAndMathml" }) };
  } catch (error) {
    answer = { error: error.message };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
