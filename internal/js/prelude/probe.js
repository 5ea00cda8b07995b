// The globals that hold a task's function when the script's value does not.
(typeof main === "function" ? main
  : typeof execute === "function" ? execute
  : typeof handler === "function" ? handler
  : typeof module === "object" && module !== null ? module.exports
  : undefined)
