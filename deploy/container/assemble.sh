#!/bin/sh
# Puts together the root of the image: assemble.sh BINARY FOLDER
set -eu
binary=$1
root=$2

mkdir -p "$root/usr/local/bin" "$root/etc/ssl/certs" "$root/etc/driftless" "$root/var/lib/driftless"
install -m 0755 "$binary" "$root/usr/local/bin/driftless"

# The libraries that it is linked to, and the loader, where it looks for them.
ldd "$binary" | awk '/=> \// { print $3 } /^[[:space:]]*\// { print $1 }' | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
done

cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
printf 'nobody:x:65534:65534:nobody:/var/lib/driftless:/nonexistent\n' >"$root/etc/passwd"
printf 'nogroup:x:65534:\n' >"$root/etc/group"
chmod 0700 "$root/var/lib/driftless"
