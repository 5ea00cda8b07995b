/**
 * CSV as RFC 4180 has it: fields in quotes may hold separators, line ends and
 * doubled quotes.
 *
 * @param {string} text
 * @param {string} separator
 */
function parse(text, separator) {
  const rows = [];
  let row = [];
  let field = "";
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c !== '"') field += c;
      else if (text[i + 1] === '"') field += text[++i];
      else quoted = false;
    } else if (c === '"' && field === "") {
      quoted = true;
    } else if (c === separator) {
      row.push(field);
      field = "";
    } else if (c === "\n" || c === "\r") {
      if (c === "\r" && text[i + 1] === "\n") i++;
      rows.push([...row, field]);
      row = [];
      field = "";
    } else {
      field += c;
    }
  }
  if (quoted) throw new DataError("a quote is not closed");
  if (field !== "" || row.length > 0) rows.push([...row, field]);
  return rows;
}

/**
 * @param {string} text
 * @param {string} separator
 */
function toRecords(text, separator) {
  const [header, ...rows] = parse(text, separator);
  if (header === undefined) return [];
  return rows.map((row, i) => {
    if (row.length !== header.length) {
      throw new DataError(`row ${i + 2} has ${row.length} fields, the header has ${header.length}`);
    }
    return Object.fromEntries(header.map((name, j) => [name, row[j]]));
  });
}

/**
 * @param {unknown} value
 * @param {string} separator
 */
function quote(value, separator) {
  const text = value === null || value === undefined ? "" : String(value);
  return /["\r\n]/.test(text) || text.includes(separator) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * @param {{ [name: string]: unknown }[]} records
 * @param {string} separator
 */
function toCSV(records, separator) {
  const header = [...new Set(records.flatMap((record) => Object.keys(record)))];
  const rows = [header, ...records.map((record) => header.map((name) => record[name]))];
  return rows.map((row) => row.map((value) => quote(value, separator)).join(separator) + "\n").join("");
}

/** @type {import("./ratchet-env").Task} */
function main(input) {
  const separator = input.separator ?? ",";
  return input.csv === undefined ? { csv: toCSV(input.records, separator) } : { records: toRecords(input.csv, separator) };
}
