#!/bin/sh
# capsem-builder @VERSION@ for @ARCH@ with all it needs. The first start unpacks it into the cache; removing that is safe.
set -eu
self=$0
case $self in */*) ;; *) self=$(command -v -- "$self") ;; esac
base=${CAPSEM_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/capsem-builder}/app
app=$base/@ID@
if [ ! -x "$app/loader" ]; then
    mkdir -p "$base"
    new=$(mktemp -d "$base/new.XXXXXX")
    if ! tail -n +@LINE@ "$self" | gzip -d 2>/dev/null | tar -x -C "$new" 2>/dev/null || [ ! -x "$new/loader" ]; then
        rm -rf "$new"
        echo "error: '$self' cannot be unpacked into '$base'" >&2
        exit 1
    fi
    mv "$new" "$app" 2>/dev/null || rm -rf "$new" # another start was faster
    rm -rf "${app:?}/${new##*/}"
fi
CAPSEM_PROGRAM=$self
export CAPSEM_PROGRAM
exec "$app/loader" --library-path "$app" --argv0 "$self" "$app/capsem-builder" "$@"
