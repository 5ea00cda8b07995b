#!/bin/sh
# Writes ../prelude/streams.js: the streams library, as a prelude module.
#
#   streams.sh           write the file
#   streams.sh --check   compare with the file; exit 1 where they differ
#
# The package comes through npm and whatever registry npm is set up to use.
set -eu

package=web-streams-polyfill
version=4.3.0
here=$(cd "$(dirname "$0")" && pwd)
target="$here/../prelude/streams.js"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

(cd "$work" && npm pack --silent "$package@$version" >/dev/null && tar xzf ./*.tgz)
sum=$(sha256sum "$work/package/dist/ponyfill.js" | cut -d' ' -f1)
if [ "$sum" != "fe4d30b1a69f423305bdb942847a546be92b7041ce71706174fbb5465081e549" ]; then
	echo "streams.sh: $package@$version dist/ponyfill.js has SHA-256 $sum, which is not the one reviewed" >&2
	exit 1
fi

# The library's own header stays; the wrapper gives it an exports object, and a
# globalThis without DOMException: it would load that at once, and needs it only
# where a signal has no reason, which ours always have.
{
	printf '// Made by prelude_gen/streams.sh from %s %s; do not edit.\n' "$package" "$version"
	sed 's|^|// |; s| *$||' "$work/package/LICENSE"
	printf '(function (host, use) {\nconst exports = {}, module = {}, globalThis = {};\n'
	cat "$work/package/dist/ponyfill.js"
	printf '\nreturn exports;\n})\n'
} >"$work/streams.js"

if [ "${1-}" = --check ]; then
	cmp "$work/streams.js" "$target"
else
	cp "$work/streams.js" "$target"
fi
