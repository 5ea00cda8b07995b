#!/usr/bin/env bash
# Takes in what the page is made of, from the packages that package-lock.json names
# with their checksums. With --check it only says whether they are others.
set -euo pipefail
cd "$(dirname "$0")"

npm ci --no-audit --no-fund --ignore-scripts --silent
parts=(graphiql/graphiql.min.js graphiql/graphiql.min.css react/umd/react.production.min.js react-dom/umd/react-dom.production.min.js)

licences() {
  echo "The page at /graphql is GraphiQL with React. They, and what is bundled with them, are used under these licences."
  find node_modules -name package.json -not -path '*/node_modules/*/node_modules/*/*/package.json' | LC_ALL=C sort | while read -r manifest; do
    dir=$(dirname "$manifest")
    licence=$(find "$dir" -maxdepth 1 -iname 'licen[cs]e*' | LC_ALL=C sort | head -1)
    [ -n "$licence" ] && [ "$(node -p "require('./$manifest').version || ''")" != "" ] || continue
    printf '\n\n==== %s %s\n\n' "${dir#node_modules/}" "$(node -p "require('./$manifest').version")"
    cat "$licence"
  done
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for part in "${parts[@]}"; do
  # Its fonts, in base64, would be half of all; those of the reader do as well.
  perl -0pe 's/\n\/\/# sourceMappingURL=.*//; s/\@font-face\s*\{[^}]*\}//g' "node_modules/$part" | gzip -9n >"$work/$(basename "$part").gz"
done
licences | gzip -9n >"$work/LICENSES.txt.gz"

for file in "$work"/*.gz; do
  name=$(basename "$file")
  if [ "${1:-}" != --check ]; then
    cp "$file" "$name"
  elif ! cmp -s <(gzip -dc "$file") <(gzip -dc "$name"); then
    echo "$name is not what package-lock.json names: run internal/graphql/page/build.sh" >&2
    exit 1
  fi
done
