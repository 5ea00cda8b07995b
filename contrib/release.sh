#!/usr/bin/env bash
# Makes the archives of a release: one for each platform, and SHA256SUMS. The same
# sources and the same Go give the same bytes, wherever they lie.
#   contrib/release.sh DIR          makes them in DIR
#   contrib/release.sh --check      makes one twice, from two folders and with two
#                                   build caches, and compares
set -euo pipefail
cd "$(dirname "$0")/.."

tested=(linux/amd64)
untested=(linux/arm64 darwin/amd64 darwin/arm64 windows/amd64)
version=${RATCHET_VERSION:-$(git describe --tags --always --dirty 2>/dev/null || echo development)}
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}

# archive DIR PLATFORM LABEL
archive() {
  local os=${2%/*} arch=${2#*/} exe=ratchet
  [[ $os == windows ]] && exe=ratchet.exe
  local name=ratchet-$version-$os-$arch$3
  mkdir -p "$1/$name"
  CGO_ENABLED=0 GOOS=$os GOARCH=$arch go build -trimpath -buildvcs=false -ldflags '-s -w -buildid=' -o "$1/$name/$exe" ./cmd/ratchet
  cp LICENSE README.md "$1/$name/"
  if [[ $os == linux ]]; then cp contrib/systemd/ratchet.service "$1/$name/"; fi
  tar --create --directory "$1" --sort=name --owner=0 --group=0 --numeric-owner --mode='u+rw,go+r-w' \
    --mtime="@$epoch" --format=ustar "$name" | gzip -n9 >"$1/$name.tar.gz"
  rm -r "${1:?}/$name"
}

if [[ ${1:-} == --check ]]; then
  work=$(mktemp -d)
  trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
  archive "$work/here" linux/amd64 ''
  mkdir "$work/copy"
  tar --create --exclude=./.git --exclude=./bin --exclude=./dist --exclude=node_modules . | tar --extract --directory "$work/copy"
  (cd "$work/copy" && GOCACHE=$work/cache && export GOCACHE && archive "$work/there" linux/amd64 '')
  cmp "$work"/here/*.tar.gz "$work"/there/*.tar.gz
  echo "the same bytes: $(cd "$work/here" && sha256sum ./*.tar.gz)"
  exit
fi

dir=${1:?usage: contrib/release.sh DIR | --check}
mkdir -p "$dir"
rm -f "$dir"/ratchet-*.tar.gz "$dir/SHA256SUMS"
for platform in "${tested[@]}"; do archive "$dir" "$platform" ''; done
for platform in "${untested[@]}"; do archive "$dir" "$platform" -untested; done
(cd "$dir" && sha256sum ratchet-*.tar.gz >SHA256SUMS && cat SHA256SUMS)
