// console.table: the box that Node 20 draws.
(function (host, use) {
  "use strict";
  const { entriesOf } = host;
  const { inspect } = use("inspect");
  const { width } = use("layout");

  function draw(head, columns) {
    const height = Math.max(...columns.map((c) => c.length));
    const widths = head.map((h, i) => {
      let w = width(h);
      for (const cell of columns[i]) if (cell !== undefined) w = Math.max(w, width(cell));
      return w;
    });
    const line = (cells) => "│ " + cells.map((c, i) => c + " ".repeat(widths[i] - width(c))).join(" │ ") + " │\n";
    const rule = (left, middle, right) => left + widths.map((w) => "─".repeat(w + 2)).join(middle) + right;
    let text = rule("┌", "┬", "┐") + "\n" + line(head) + rule("├", "┼", "┤") + "\n";
    for (let j = 0; j < height; j++) text += line(columns.map((c) => c[j] === undefined ? "" : c[j]));
    return text + rule("└", "┴", "┘");
  }

  function show(v) {
    const deep = v !== null && typeof v === "object" && !Array.isArray(v) && !ArrayBuffer.isView(v) && Object.keys(v).length > 2;
    return inspect(v, { depth: deep ? -1 : 0, maxArrayLength: 3, breakLength: Infinity });
  }

  // table is the drawn text, or undefined for what is no table.
  function table(data, properties) {
    if (properties !== undefined && !Array.isArray(properties)) {
      throw new TypeError("console.table: the properties must be an array");
    }
    if (data === null || typeof data !== "object") return undefined;
    let pairs, list;
    const entries = entriesOf(data);
    if (entries !== null) {
      list = entries.slice(1);
      if (entries[0]) pairs = list.flatMap((v, i) => i % 2 === 0 ? [[v, list[i + 1]]] : []);
    } else if (data instanceof Map) {
      pairs = [...data];
    } else if (data instanceof Set) {
      list = [...data];
    }
    if (pairs !== undefined) {
      return draw(["(iteration index)", "Key", "Values"], [pairs.map((_, i) => String(i)), pairs.map((p) => show(p[0])), pairs.map((p) => show(p[1]))]);
    }
    if (list !== undefined) {
      return draw(["(iteration index)", "Values"], [list.map((_, i) => String(i)), list.map(show)]);
    }
    const index = Object.keys(data), columns = new Map(), values = [];
    index.forEach((key, i) => {
      const item = data[key];
      const primitive = item === null || (typeof item !== "object" && typeof item !== "function");
      if (primitive && properties === undefined) {
        values[i] = show(item);
        return;
      }
      for (const k of properties || Object.keys(item)) {
        if (!columns.has(String(k))) columns.set(String(k), []);
        columns.get(String(k))[i] = primitive || !Object.hasOwn(item, k) ? "" : show(item[k]);
      }
    });
    const head = ["(index)", ...columns.keys()], body = [index, ...columns.values()];
    if (values.length > 0) {
      head.push("Values");
      body.push(values);
    }
    return draw(head, body);
  }

  return { table };
})
