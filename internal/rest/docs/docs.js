// The page reads /openapi.json and nothing else. It builds elements, never markup,
// so that no text of the description can become part of the page.
'use strict'

function el(tag, attributes, ...children) {
  const e = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === 'function') e.addEventListener(name, value)
    else if (value !== undefined && value !== false) e.setAttribute(name, value === true ? '' : value)
  }
  e.append(...children.filter((c) => c !== undefined && c !== ''))
  return e
}

let description

function resolve(schema) {
  const name = schema?.$ref?.split('/').pop()
  return name ? description.components.schemas[name] : schema
}

// kind says in a word or two what a schema admits.
function kind(schema) {
  if (!schema) return ''
  if (schema.$ref) return schema.$ref.split('/').pop()
  if (schema.anyOf) return schema.anyOf.map(kind).join(' | ')
  if (schema.enum) return schema.enum.join(' | ')
  const type = [].concat(schema.type ?? 'any').join(' | ')
  if (schema.items) return kind(schema.items) + '[]'
  return schema.format ? `${type} (${schema.format})` : type
}

// example makes a value that a schema admits.
function example(schema, depth = 0) {
  const s = resolve(schema)
  if (!s || depth > 4) return null
  if (s.examples) return s.examples[0]
  if (s.enum) return s.enum[0]
  if (s.anyOf) return example(s.anyOf[0], depth)
  const type = [].concat(s.type ?? 'object')[0]
  if (type === 'array') return [example(s.items, depth + 1)]
  if (type === 'object') {
    return Object.fromEntries(Object.entries(s.properties ?? {}).map(([n, p]) => [n, example(p, depth + 1)]))
  }
  if (type === 'string') return s.format === 'date-time' ? '2026-08-01T12:30:00Z' : 'text'
  return { integer: 1, number: 1, boolean: true }[type] ?? null
}

const json = (value) => JSON.stringify(value, null, 2)

// properties lists a schema's members; those of other schemas can be opened.
function properties(schema, depth = 0) {
  const s = resolve(schema)
  const of = s?.items ? resolve(s.items) : s
  if (!of?.properties) return el('p', { class: 'soft' }, kind(schema))
  const required = new Set(of.required ?? [])
  return el('table', {}, ...Object.entries(of.properties).map(([name, p]) => {
    const inner = resolve(p.items ?? p.anyOf?.[0] ?? p)
    const more = depth < 4 && inner?.properties
      ? el('details', { toggle: (e) => { if (e.target.open && e.target.childElementCount === 1) e.target.append(properties(p.anyOf?.[0] ?? p, depth + 1)) } }, el('summary', {}, kind(p)))
      : kind(p)
    return el('tr', {}, el('td', {}, el('code', {}, name), required.has(name) ? '' : el('span', { class: 'soft' }, '?')), el('td', {}, more, ' ', el('span', { class: 'soft' }, inner?.description ?? p.description ?? '')))
  }))
}

function operation(path, method, op) {
  const inputs = new Map()
  const parameters = (op.parameters ?? []).map((p) => {
    const input = el('input', { placeholder: p.schema?.examples?.[0] ?? '', 'aria-label': p.name })
    inputs.set(p, input)
    return el('tr', {}, el('td', {}, el('code', {}, p.name), p.required ? '' : el('span', { class: 'soft' }, '?')),
      el('td', {}, p.description ?? '', ' ', el('span', { class: 'soft' }, `${kind(p.schema)}, in ${p.in}`)), el('td', { class: 'value' }, input))
  })
  const [type, media] = Object.entries(op.requestBody?.content ?? {})[0] ?? []
  const file = type === 'application/zip' ? el('input', { type: 'file', 'aria-label': 'The zip' }) : undefined
  const body = type && !file ? el('textarea', { rows: 8, 'aria-label': 'The body' }) : undefined
  if (body) body.value = json(media.example ?? example(media.schema))
  const answer = el('pre', { class: 'hidden' })
  const responses = Object.entries(op.responses).map(([status, r]) => {
    const schema = (r.content?.['application/json'] ?? r.content?.['application/problem+json'] ?? r.content?.['text/event-stream'])?.schema
    return el('details', {}, el('summary', {}, el('code', {}, status), ' ', r.description ?? ''), schema ? properties(schema) : el('p', { class: 'soft' }, 'There is no body.'))
  })
  const send = () => attempt(path, method, inputs, type, file ?? body, answer)
  return el('details', { class: 'operation', id: op.operationId },
    el('summary', {}, el('span', { class: `method ${method}` }, method.toUpperCase()), el('span', { class: 'path' }, path), el('h3', {}, op.summary)),
    el('div', {},
      op.description ? el('p', {}, op.description) : '',
      el('p', { class: 'soft' }, `Needs the scope ${op['x-scope']}.`),
      parameters.length ? el('h4', {}, 'Parameters') : '', parameters.length ? el('table', {}, ...parameters) : '',
      type ? el('h4', {}, `Body, ${Object.keys(op.requestBody.content).join(' or ')}`) : '',
      media && !file ? properties(media.schema) : '', file ?? body ?? '',
      el('p', {}, el('button', { click: send }, 'Try it')), answer,
      el('h4', {}, 'Answers'), ...responses))
}

// attempt sends the request and shows the answer; of a stream as it comes.
async function attempt(path, method, inputs, type, body, answer) {
  const query = new URLSearchParams()
  const headers = { Accept: 'application/json, text/event-stream;q=0.5' }
  const key = document.getElementById('key').value
  if (key) headers.Authorization = `Bearer ${key}`
  let target = path
  for (const [p, input] of inputs) {
    if (p.in === 'path') target = target.replace(`{${p.name}}`, encodeURIComponent(input.value))
    else if (input.value === '') continue
    else if (p.in === 'query') query.append(p.name, input.value)
    else headers[p.name] = input.value
  }
  const options = { method: method.toUpperCase(), headers }
  if (body?.type === 'file') options.body = body.files[0]
  else if (body && body.value !== '') options.body = body.value
  if (options.body !== undefined) headers['Content-Type'] = type
  const url = description.servers[0].url + target + (query.size ? `?${query}` : '')
  answer.classList.remove('hidden')
  answer.textContent = `${options.method} ${url}\n\n…`
  try {
    const res = await fetch(url, options)
    const head = `${options.method} ${url}\n\n${res.status} ${res.statusText}\n` + [...res.headers].map(([n, v]) => `${n}: ${v}\n`).join('') + '\n'
    answer.textContent = head
    const decoder = new TextDecoder()
    let text = ''
    for (const reader = res.body.getReader(); ;) {
      const { done, value } = await reader.read()
      if (done) break
      text += decoder.decode(value, { stream: true })
      answer.textContent = head + text
    }
    if (/json/.test(res.headers.get('Content-Type'))) answer.textContent = head + json(JSON.parse(text))
  } catch (err) {
    answer.textContent += `\n${err}`
  }
}

function show() {
  const { info, tags, paths } = description
  const main = document.getElementById('main')
  const index = document.getElementById('index')
  main.replaceChildren(el('h1', {}, `${info.title} ${info.version}`), el('p', {}, info.description),
    el('p', {}, el('a', { href: '/openapi.json' }, 'The description as OpenAPI 3.1')),
    el('label', {}, 'API key, if one is needed ', el('input', { id: 'key', type: 'password', autocomplete: 'off', placeholder: 'rk_…' })))
  for (const tag of tags) {
    const operations = Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods).filter(([, op]) => op.tags.includes(tag.name)).map(([method, op]) => [path, method, op]))
    main.append(el('h2', { id: tag.name }, tag.name), el('p', {}, tag.description), ...operations.map((o) => operation(...o)))
    index.append(el('strong', {}, tag.name), ...operations.map(([, method, op]) =>
      el('a', { href: `#${op.operationId}`, 'data-text': `${op.operationId} ${op.summary}`.toLowerCase(), click: () => open(op.operationId) }, el('span', { class: `method ${method}` }, method.toUpperCase()), op.summary)))
  }
  document.getElementById('find').addEventListener('input', (e) => {
    for (const a of index.querySelectorAll('a')) a.classList.toggle('hidden', !a.dataset.text.includes(e.target.value.toLowerCase()))
  })
  open(location.hash.slice(1))
}

function open(id) {
  const e = id && document.getElementById(id)
  if (!e) return
  e.open = true
  e.scrollIntoView()
}

fetch('/openapi.json').then((res) => res.json()).then((d) => { description = d; show() }, (err) => {
  document.getElementById('main').textContent = `The description could not be read: ${err}`
})
