// Stack traces of V8 as the server reads them: frames only.
(function () {
  "use strict";
  // frames leaves the error's own text out of its stack, and Node's own frames.
  function frames(stack) {
    const at = stack.search(/^ {4}at /m);
    if (at < 0) return "";
    return stack.slice(at).split("\n").filter((line) => line.startsWith("    at ") && !/[( ](?:node:|internal\/)/.test(line)).join("\n");
  }
  // ofSyntax is where in the file a program cannot be read.
  function ofSyntax(e) {
    const m = /^(.*):(\d+)\n.*\n( *)\^/.exec(String(e.stack));
    return m === null ? "" : `    at ${m[1]}:${m[2]}:${m[3].length + 1}`;
  }
  return { frames, ofSyntax };
})
