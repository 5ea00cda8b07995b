// What console prints of a value: Node itself says.
(function (host) {
  "use strict";
  const { inspect } = host.bridge.global.require("util");
  return { inspect };
})
