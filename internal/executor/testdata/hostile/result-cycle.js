// want: OUTPUT_NOT_JSON
() => { const o = { list: [] }; o.list.push(o); return o; }
