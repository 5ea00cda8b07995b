// util.format of a list.
(function (host) {
  "use strict";
  const { format } = host.bridge.global.require("util");
  return { format: (args) => format(...args) };
})
