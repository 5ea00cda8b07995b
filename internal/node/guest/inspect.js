// What console prints of a value: Node itself says.
(function (host) {
  "use strict";
  const { inspect } = host.node("util");
  return { inspect };
})
