# shellcheck shell=sh
# What the caches hold is used where it is what the signed index names: apt itself looks at sizes.
(
    rm -f /var/cache/apt/*.bin
    cd /var/lib/apt/lists || exit
    lost=
    for index in *_Packages *_Packages.*; do
        if [ -f "$index" ]; then
            sum=$(/usr/lib/apt/apt-helper cat-file "$index" | sha256sum | cut -c 1-64)
            if ! grep -qs "^ $sum " -- *Release; then
                rm -f "$index"
                lost=1
            fi
        fi
    done
    if [ "$lost" ]; then apt-get -o Acquire::Check-Valid-Until=false -o Acquire::Check-Date=false update -q; fi
    set -- /var/cache/apt/archives/*.deb
    if [ -f "$1" ]; then
        cd /var/cache/apt/archives || exit
        for index in /var/lib/apt/lists/*_Packages*; do
            if [ -f "$index" ]; then /usr/lib/apt/apt-helper cat-file "$index"; fi
        done |
            awk '/^Package: / { package = $2 } /^Version: / { version = $2; gsub(":", "%3a", version) }
                /^Architecture: / { arch = $2 } /^SHA256: / { print $2 "  " package "_" version "_" arch ".deb" }' |
            LC_ALL=C sort -u >/tmp/apt-index
        sha256sum -- *.deb | LC_ALL=C sort | LC_ALL=C comm -23 - /tmp/apt-index | cut -c 67- | xargs -r rm -f --
        rm -f /tmp/apt-index
    fi
)
