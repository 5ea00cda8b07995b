// TextEncoderStream and TextDecoderStream: the encoding standard's transforms.
(function (host, use) {
  "use strict";
  const { expose } = use("webidl");
  const { TransformStream } = use("streams");
  const { TextDecoder } = use("encoding");
  const { utf8Encode } = host;
  const { apply } = Reflect;
  const { charCodeAt, slice } = String.prototype;

  class TextEncoderStream {
    #pair;
    constructor() {
      let high = ""; // the first half of a surrogate pair, until the second comes
      this.#pair = new TransformStream({
        transform(chunk, controller) {
          let text = high + `${chunk}`;
          high = "";
          const last = apply(charCodeAt, text, [text.length - 1]);
          if (last >= 0xd800 && last <= 0xdbff) {
            high = text[text.length - 1];
            text = apply(slice, text, [0, -1]);
          }
          if (text !== "") controller.enqueue(new Uint8Array(utf8Encode(text)));
        },
        flush(controller) {
          if (high !== "") controller.enqueue(new Uint8Array(utf8Encode(high)));
        },
      });
    }
    get encoding() { this.#pair; return "utf-8"; }
    get readable() { return this.#pair.readable; }
    get writable() { return this.#pair.writable; }
  }
  expose(TextEncoderStream, "TextEncoderStream");

  class TextDecoderStream {
    #pair; #decoder;
    constructor(label = "utf-8", options = undefined) {
      const decoder = this.#decoder = new TextDecoder(label, options);
      this.#pair = new TransformStream({
        transform(chunk, controller) {
          const text = decoder.decode(chunk, { stream: true });
          if (text !== "") controller.enqueue(text);
        },
        flush(controller) {
          const text = decoder.decode();
          if (text !== "") controller.enqueue(text);
        },
      });
    }
    get encoding() { return this.#decoder.encoding; }
    get fatal() { return this.#decoder.fatal; }
    get ignoreBOM() { return this.#decoder.ignoreBOM; }
    get readable() { return this.#pair.readable; }
    get writable() { return this.#pair.writable; }
  }
  expose(TextDecoderStream, "TextDecoderStream");

  return { TextEncoderStream, TextDecoderStream };
})
