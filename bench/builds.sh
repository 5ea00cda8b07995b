#!/usr/bin/env bash
# Sizes, build times and start-up of the builds of docs/building.md, as the rows of
# its table. Everything else is to be compiled before (the first build here is the
# one that warms the cache, and is not timed).
#   bench/builds.sh [TREE]
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
builds=('' nographql nopostgres notypescript nowasm noserver 'nographql nopostgres notypescript nowasm' 'nographql nopostgres noserver notypescript nowasm')

# seconds COMMAND… prints how long it takes.
seconds() {
  local from=$EPOCHREALTIME
  "$@"
  awk -v a="$from" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'
}

build() { CGO_ENABLED=0 go build -trimpath -tags "$1" -ldflags '-s -w' -o "$out/ratchet" ./cmd/ratchet; }

# start prints the median of 21 starts of "ratchet version", in milliseconds.
start() {
  for _ in {1..21}; do
    local from=$EPOCHREALTIME
    "$out/ratchet" version >/dev/null
    awk -v a="$from" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f\n", 1000 * (b - a) }'
  done | sort -n | sed -n 11p
}

# inits prints the sum of what the packages do before main, in milliseconds.
inits() {
  for _ in {1..5}; do
    GODEBUG=inittrace=1 "$out/ratchet" version 2>&1 >/dev/null |
      awk '/^init / { for (i = 1; i < NF; i++) if ($(i + 1) == "ms" && $(i + 2) == "clock,") sum += $i } END { printf "%.1f\n", sum }'
  done | sort -n | sed -n 3p
}

echo '| tags | MB | of the default | link, s | `version`, ms | before main, ms |'
echo '|---|---|---|---|---|---|'
default=
for tags in "${builds[@]}"; do
  build "$tags"
  rm "$out/ratchet"
  link=$(seconds build "$tags")
  size=$(stat -c %s "$out/ratchet")
  default=${default:-$size}
  awk -v t="${tags:-none: the default}" -v s="$size" -v d="$default" -v l="$link" -v v="$(start)" -v i="$(inits)" \
    'BEGIN { printf "| %s | %.1f | %.0f %% | %s | %s | %s |\n", t, s / 1e6, 100 * s / d, l, v, i }'
done
