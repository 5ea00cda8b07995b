// The task's program: compiled once in a process, evaluated in each context.
(function (require, use) {
  "use strict";
  const vm = require("vm");
  const { builtin, refused } = use("builtins");

  // compile returns a program; its evaluate(x) gives what dispatch is called with.
  function compile(file, kind, source) {
    return kind === "module" ? ofModule(file, source) : ofScript(file, source);
  }

  // importer answers import() in a program's code.
  const importer = async (specifier, x) => {
    const m = synthetic(specifier, x);
    return Promise.resolve(m.link(() => {})).then(() => m.evaluate()).then(() => m);
  };

  function ofScript(file, source) {
    let current; // the execution whose code is being evaluated: import() comes from it or later
    const script = new vm.Script(source, { filename: file, importModuleDynamically: (specifier) => importer(specifier, current) });
    return (x) => {
      current = x;
      const value = script.runInContext(x.context);
      x.dispatch(0, value, typeof value === "function" ? undefined : x.probe(), x.task.input, x.task.context);
    };
  }

  function ofModule(file, source) {
    let cachedData;
    const make = (x) => {
      const m = new vm.SourceTextModule(source, {
        identifier: file, context: x?.context, cachedData,
        importModuleDynamically: (specifier) => importer(specifier, x),
      });
      cachedData ??= m.createCachedData();
      return m;
    };
    make();
    return (x) => {
      const m = make(x);
      m.link((specifier) => synthetic(specifier, x)).then(
        () => { x.turn(() => x.dispatch(4, m.evaluate(), m.namespace, x.task.input, x.task.context)); },
        (e) => { x.crash(e); });
    };
  }

  // synthetic is a built-in module of Node as an ES module of a context.
  function synthetic(specifier, x) {
    const exports = builtin(specifier, x);
    if (exports === undefined) throw x.bridge.make(refused(specifier));
    const names = Object.keys(exports).filter((name) => name !== "default");
    return new vm.SyntheticModule([...names, "default"], function () {
      for (const name of names) this.setExport(name, exports[name]);
      this.setExport("default", exports.default ?? exports);
    }, { context: x.context, identifier: specifier });
  }

  return { compile };
})
