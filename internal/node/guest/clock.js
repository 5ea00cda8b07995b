// The time of one execution: the real one, or a Timeline's, which stands still
// while the code runs and goes on only with what the code waits for.
(function (require) {
  "use strict";
  // nanos counts from when the process began to, and never back. (To load
  // performance is dear.)
  const epoch = Date.now(), [seconds, rest] = process.hrtime();
  function nanos() {
    const [s, n] = process.hrtime();
    return (s - seconds) * 1e9 + n - rest;
  }

  class Clock {
    taken = []; // [call, at] of a timeline's replies
    #x; #timeline; #real; #now = 0; #timers = []; #seq = 0; #inbox = []; #wake; #soon = false;

    constructor(timeline, x) {
      this.#x = x;
      this.#real = nanos();
      this.start = Math.round(epoch * 1000 + this.#real / 1000) / 1000;
      if (timeline === null) return;
      const [seed, start, replay] = timeline;
      this.#timeline = { replay };
      this.start = Number(start) / 1e6;
      const key = Buffer.alloc(32);
      key.writeBigUInt64LE(BigInt(seed));
      const crypto = require("crypto"); // dear to load, so not before it is wanted
      const stream = crypto.createCipheriv("aes-256-ctr", key, Buffer.alloc(16));
      this.fill = (b) => { b.set(stream.update(Buffer.alloc(b.length))); };
      const dice = crypto.createCipheriv("aes-256-ctr", key, Buffer.alloc(16, 1));
      this.random = () => dice.update(Buffer.alloc(8)).readBigUInt64LE() >> 11n === 0n ? 0
        : Number(dice.update(Buffer.alloc(8)).readBigUInt64LE() >> 11n) / 2 ** 53;
    }

    // elapsed is nanoseconds since the start, as the task sees it.
    elapsed() {
      return this.#timeline !== undefined ? this.#now : Math.floor((nanos() - this.#real) / 1000) * 1000;
    }
    // unix is now, as the task sees it.
    unix() { return Math.round(this.start * 1000) * 1000 + this.elapsed(); }

    after(ms, f) {
      if (this.#timeline === undefined) return setTimeout(f, ms);
      const t = { due: this.#now + ms * 1e6, seq: this.#seq++, f };
      let i = this.#timers.length;
      while (i > 0 && this.#timers[i - 1].due > t.due) i--;
      this.#timers.splice(i, 0, t);
      this.turned();
      return t;
    }
    cancel(t) {
      if (this.#timeline === undefined) clearTimeout(t);
      else this.#timers = this.#timers.filter((other) => other !== t);
    }
    arrived(reply) {
      if (this.#timeline === undefined) this.#x.reply(reply);
      else {
        this.#inbox.push(reply);
        this.turned();
      }
    }
    took(call, at) {
      if (this.#timeline === undefined) return;
      this.#now = Math.max(this.#now, at);
      this.taken.push([call, this.#now]);
    }
    stop() { clearTimeout(this.#wake); }

    // turned is told that the code has had its turn: the next step comes once it
    // rests.
    turned() {
      if (this.#timeline === undefined || this.#soon) return;
      this.#soon = true;
      setImmediate(() => {
        this.#soon = false;
        if (!this.#x.done) this.#step();
      });
    }

    // step takes the next reply or fires the next timer. Before a reply is taken
    // every timer due by its time has fired; of one time, timers come first.
    #step() {
      const { replay } = this.#timeline;
      clearTimeout(this.#wake);
      if (replay && this.#inbox.length < this.#x.pending.size) return;
      const timer = this.#timers[0];
      const reply = this.#first(replay);
      let at = Math.max(this.#now, reply?.at ?? 0);
      const last = this.taken[this.taken.length - 1];
      if (!replay && last !== undefined && at === last[1]) at++; // a replay must find them apart
      if (reply !== undefined && !(timer !== undefined && timer.due <= at)) {
        this.#inbox.splice(this.#inbox.indexOf(reply), 1);
        this.#now = at;
        this.taken.push([reply.call, at]);
        this.#x.reply(reply);
        return;
      }
      if (timer === undefined) return;
      const wait = timer.due - (nanos() - this.#real);
      if (reply !== undefined || replay || wait <= 0) {
        this.#now = Math.max(this.#now, timer.due);
        this.#timers.shift();
        timer.f();
        return;
      }
      this.#wake = setTimeout(() => this.turned(), Math.ceil(wait / 1e6));
    }
    #first(byTime) {
      let r = this.#inbox[0];
      if (byTime) for (const other of this.#inbox) if (other.at < r.at || other.at === r.at && other.call < r.call) r = other;
      return r;
    }
  }
  return { Clock };
})
