#!/usr/bin/env node
'use strict';

// A plugin of the tests, in JavaScript.
const fs = require('node:fs');
const net = require('node:net');
const { main, reject, PluginError } = require('ratchet-plugin');

const told = [];
let setup;
const hook = (event) => told.push(`${event.hook} ${event.task} ${JSON.stringify(event.input)} ${JSON.stringify(event.output)}`);

main({
  name: 'js',
  version: '1.2.0',
  config: { type: 'object', required: ['greeting'], properties: { greeting: { type: 'string' } } },
  start(s) {
    setup = s;
    s.log.info('it starts', { greeting: s.config.greeting });
    console.log('printed on standard output');
  },
  stop() {
    fs.writeFileSync(`${setup.data}/stopped`, 'yes');
  },
  configChanged(config) {
    setup.config = config;
  },
  beforeValidation: hook,
  onFailure: { priority: 7, call: hook },
  submit(event) {
    if (JSON.stringify(event.input).includes('forbidden')) throw reject('forbidden words');
    if (event.input.rewrite) event.input = { rewritten: true };
  },
  functions: {
    echo: (argument) => argument,
    told: () => told,
    config: () => setup.config,
    typed: { input: { type: 'string' }, call: (text) => text.length },
    fail: () => {
      throw new PluginError('out of luck', { retry: true, data: { code: 7 } });
    },
    wait: (_, { signal }) => new Promise((_resolve, fail) => signal.addEventListener('abort', () => fail(signal.reason))),
    hang: () => {
      for (;;);
    },
    crash: () => setImmediate(() => {
      throw new Error('it crashes');
    }) && new Promise(() => {}),
    dial: (port) => new Promise((done, fail) => {
      net.connect(port, '127.0.0.1').on('connect', () => done('connected')).on('error', fail);
    }),
    large: (n) => 'x'.repeat(n),
  },
  destination(delivery) {
    told.push(`delivery ${delivery.id} ${delivery.body}`);
  },
  transform: (delivery) => delivery.body.toString().toUpperCase(),
  source: {
    list: () => [{ name: 'a', revision: '1' }],
    get: (name) => Buffer.from(`PK zip of ${name}`),
  },
  events: { types: ['job'], handle: ({ events }) => events.forEach((e) => told.push(`event ${e.id}`)) },
  health() {},
  metrics: () => ({ told: told.length }),
});
