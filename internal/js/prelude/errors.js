// The errors a task may throw to say what kind of failure it met.
(function () {
  "use strict";
  function hide(e, name, value) {
    Object.defineProperty(e, name, { value, writable: true, configurable: true });
  }

  function make(name, standard) {
    const Class = class extends Error {
      constructor(message = standard, options = undefined) { super(message, options); }
    };
    Object.defineProperty(Class, "name", { value: name, configurable: true });
    hide(Class.prototype, "name", name);
    return Class;
  }

  class HttpError extends Error {
    constructor(status, message = status === undefined ? "HTTP error" : "HTTP " + status, options = undefined) {
      super(message, options);
      this.status = status;
    }
  }
  hide(HttpError.prototype, "name", "HttpError");

  class RateLimitError extends Error {
    constructor(message = "Rate limit exceeded", retryAfter = undefined, options = undefined) {
      super(message, options);
      if (retryAfter !== undefined) this.retryAfter = retryAfter;
    }
  }
  hide(RateLimitError.prototype, "name", "RateLimitError");

  return {
    AuthenticationError: make("AuthenticationError", "Authentication failed"),
    AuthorizationError: make("AuthorizationError", "Not authorized"),
    NetworkError: make("NetworkError", "Network error"),
    HttpError,
    ValidationError: make("ValidationError", "Validation failed"),
    ConfigurationError: make("ConfigurationError", "Configuration error"),
    RateLimitError,
    ServiceUnavailableError: make("ServiceUnavailableError", "Service unavailable"),
    TimeoutError: make("TimeoutError", "The operation timed out"),
    DataError: make("DataError", "Data error"),
  };
})
