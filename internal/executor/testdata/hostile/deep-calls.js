// want: RECURSION_LIMIT
function f() { return 1 + f(); } f
