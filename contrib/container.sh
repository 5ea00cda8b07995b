#!/usr/bin/env bash
# Tries what the Dockerfile makes without Docker: the static binary alone in an
# empty root, as user 65532, says its version, finds its sandbox, serves and is
# healthy. Needs root, for chroot and namespaces.
#   contrib/container.sh [BINARY]
set -euo pipefail
cd "$(dirname "$0")/.."

binary=${1:-}
root=$(mktemp -d)
server=
clean() {
  # By its child: the change of user takes from it that it dies with unshare.
  if [[ -n $server ]]; then pgrep -P "$server" | xargs -r kill -KILL || true; wait "$server" 2>/dev/null || true; fi
  rm -rf --one-file-system "$root"
}
trap clean EXIT

mkdir -p "$root"/{data,tmp,proc,dev,etc/ssl/certs}
chmod 755 "$root"
chmod 1777 "$root/tmp"
chown 65532:65532 "$root/data"
if [[ -n $binary ]]; then
  cp "$binary" "$root/ratchet"
else
  CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$root/ratchet" ./cmd/ratchet
fi
for device in null zero urandom; do # what every container is given
  touch "$root/dev/$device"
done

# inside becomes a command as the container would: pid 1, no capabilities.
inside() {
  exec unshare --mount --pid --fork --mount-proc="$root/proc" bash -c '
    root=$1; shift
    for device in null zero urandom; do mount --bind "/dev/$device" "$root/dev/$device"; done
    exec env -i RATCHET_DATA_DIR=/data "$(command -v chroot)" --userspec=65532:65532 "$root" /ratchet "$@"' - "$root" "$@"
}

(inside version)
(inside doctor)
inside serve --port 18643 2>"$root/tmp/log" &
server=$!
for ((i = 0; ; i++)); do
  if (inside server status --server http://127.0.0.1:18643); then break; fi
  if ((i == 50)); then cat "$root/tmp/log" >&2; exit 1; fi
  sleep 0.2
done
[[ $(stat -c %u "$root/data/ratchet.db") == 65532 ]]
echo "the binary runs in an empty root"
