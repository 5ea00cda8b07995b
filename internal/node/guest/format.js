// util.format of a list.
(function (host) {
  "use strict";
  const { format } = host.node("util");
  return { format: (args) => format(...args) };
})
