// DOMException: https://webidl.spec.whatwg.org/#idl-DOMException.
(function (host, use) {
  "use strict";
  const { toText, expose, constants } = use("webidl");
  const { apply } = Reflect;
  const define = Object.defineProperty;
  const { indexOf, slice: cut } = String.prototype;

  const codes = {
    __proto__: null,
    IndexSizeError: 1, HierarchyRequestError: 3, WrongDocumentError: 4, InvalidCharacterError: 5,
    NoModificationAllowedError: 7, NotFoundError: 8, NotSupportedError: 9, InUseAttributeError: 10,
    InvalidStateError: 11, SyntaxError: 12, InvalidModificationError: 13, NamespaceError: 14,
    InvalidAccessError: 15, TypeMismatchError: 17, SecurityError: 18, NetworkError: 19, AbortError: 20,
    URLMismatchError: 21, QuotaExceededError: 22, TimeoutError: 23, InvalidNodeTypeError: 24, DataCloneError: 25,
  };

  class DOMException extends Error {
    #name;
    constructor(message = "", options = "Error") {
      super(toText(message));
      if (options !== null && typeof options === "object") {
        this.#name = options.name === undefined ? "Error" : toText(options.name);
        if ("cause" in options) {
          define(this, "cause", { __proto__: null, value: options.cause, writable: true, configurable: true });
        }
      } else {
        this.#name = toText(options);
      }
      // The frame of this constructor is of no use to a reader.
      const { stack } = this;
      if (typeof stack === "string") this.stack = apply(cut, stack, [apply(indexOf, stack, ["\n"]) + 1]);
    }
    get name() { return this.#name; }
    get code() { return codes[this.#name] ?? 0; }
    static is(v) { return #name in v; }
  }
  const { is } = DOMException;
  delete DOMException.is;
  expose(DOMException, "DOMException");
  const legacy = {
    __proto__: null,
    INDEX_SIZE_ERR: 1, DOMSTRING_SIZE_ERR: 2, HIERARCHY_REQUEST_ERR: 3, WRONG_DOCUMENT_ERR: 4,
    INVALID_CHARACTER_ERR: 5, NO_DATA_ALLOWED_ERR: 6, NO_MODIFICATION_ALLOWED_ERR: 7, NOT_FOUND_ERR: 8,
    NOT_SUPPORTED_ERR: 9, INUSE_ATTRIBUTE_ERR: 10, INVALID_STATE_ERR: 11, SYNTAX_ERR: 12,
    INVALID_MODIFICATION_ERR: 13, NAMESPACE_ERR: 14, INVALID_ACCESS_ERR: 15, VALIDATION_ERR: 16,
    TYPE_MISMATCH_ERR: 17, SECURITY_ERR: 18, NETWORK_ERR: 19, ABORT_ERR: 20, URL_MISMATCH_ERR: 21,
    QUOTA_EXCEEDED_ERR: 22, TIMEOUT_ERR: 23, INVALID_NODE_TYPE_ERR: 24, DATA_CLONE_ERR: 25,
  };
  constants(DOMException, legacy);
  constants(DOMException.prototype, legacy);

  host.cloners[host.cloners.length] = (v) => (is(v) ? new DOMException(v.message, v.name) : undefined);

  return { DOMException };
})
