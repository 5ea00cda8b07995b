/** Who asks is not known. */
class AuthenticationError extends Error {
  constructor(message?: string, options?: ErrorOptions);
}

/** Who asks is known, and may not. */
class AuthorizationError extends Error {
  constructor(message?: string, options?: ErrorOptions);
}

/** The other side could not be reached. */
class NetworkError extends Error {
  constructor(message?: string, options?: ErrorOptions);
}

/** The other side answered with a status that is none of success. */
class HttpError extends Error {
  constructor(status: number, message?: string, options?: ErrorOptions);
  status: number;
}

/** A value breaks a rule. */
class ValidationError extends Error {
  constructor(message?: string, options?: ErrorOptions);
}

/** Something must be set up first. */
class ConfigurationError extends Error {
  constructor(message?: string, options?: ErrorOptions);
}

/** The other side asks to wait: `retryAfter`, in seconds or as it said it. */
class RateLimitError extends Error {
  constructor(message?: string, retryAfter?: number | string, options?: ErrorOptions);
  retryAfter?: number | string;
}

/** The other side cannot serve now. */
class ServiceUnavailableError extends Error {
  constructor(message?: string, options?: ErrorOptions);
}

/** It took too long. */
class TimeoutError extends Error {
  constructor(message?: string, options?: ErrorOptions);
}

/** The data are not what they should be. */
class DataError extends Error {
  constructor(message?: string, options?: ErrorOptions);
}
