package auth

// Parse is parse.
var Parse = parse
