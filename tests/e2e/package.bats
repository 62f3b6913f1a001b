# SPDX-License-Identifier: MIT
# The Debian package: built, built again elsewhere, looked at by lintian; and installed, upgraded and
# purged in a small Debian system that is there for that alone.

load ../support/lab
load ../support/proxies

ROOT=/run/debian/root
VERSION=$(sed -n 's/^VERSION := //p' "$SOURCE/Makefile")
PACKAGE=socksify_${VERSION}_$(dpkg --print-architecture).deb

# package DIRECTORY [COMMAND...]: build it there, out of a copy of the sources; by COMMAND, if any.
package() {
    local directory=$1
    shift
    mkdir -p "$directory"
    cp -r "$SOURCE"/{Makefile,core,preload,cli,conf} "$directory"
    mkdir "$directory/build"
    "$@" "$directory/conf/debian/build" "$directory/build" > "$directory/log" 2>&1 ||
        { cat "$directory/log"; return 1; }
}

setup_file() {
    package /run/debian/first
    debootstrap --variant=minbase --include=libc6-i386 --unpack-tarball="$BUILD/debian.tgz" \
        "$(. /etc/os-release; echo "$VERSION_CODENAME")" $ROOT > /run/debian/log 2>&1 ||
        { tail -n 20 /run/debian/log; return 1; }
    mount -t tmpfs -o mode=1777 shm $ROOT/dev/shm
    mount -t proc proc $ROOT/proc
    lab_up
    start_targets
    start_proxies socksify
    files > /run/debian/before
}

teardown_file() {
    stop_all
}

teardown() {
    assert_no_leak
}

# Everything in the system but what dpkg keeps for itself.
files() {
    (cd $ROOT && find . -xdev ! -path './var/lib/dpkg/*' ! -path './var/log/*' | LC_ALL=C sort)
}

inside() {
    client timeout 60 chroot $ROOT env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"
}

dpkg_inside() { # ARG...: without a terminal to ask at
    inside DEBIAN_FRONTEND=noninteractive dpkg "$@" < /dev/null
}

install_first() {
    cp "/run/debian/first/build/$PACKAGE" $ROOT/first.deb
    dpkg_inside -i /first.deb
    rm $ROOT/first.deb
}

# The package as it might come next: of a higher version, and if COMMAND is given changed by that, in
# the directory that holds its files.
install_next() { # VERSION OPTIONS [COMMAND...]
    local next=/run/debian/next
    rm -rf $next
    dpkg-deb -R "/run/debian/first/build/$PACKAGE" $next
    sed -i "s/^Version: .*/Version: $1/" $next/DEBIAN/control
    [ $# -eq 2 ] || (cd $next && "${@:3}")
    dpkg-deb --root-owner-group -b $next $ROOT/next.deb
    # shellcheck disable=SC2086
    dpkg_inside $2 -i /next.deb
    rm $ROOT/next.deb
}

state_of_package() {
    inside dpkg-query -W -f '${db:Status-Status} ${Version}\n' socksify
}

@test "the same sources give the same octets, elsewhere, later, and to another user" {
    # A file system whose directories have other sizes, and a group's directory: all below it have
    # the set-group-ID bit.
    local elsewhere=/run/debian/shared
    mkdir $elsewhere
    mount -t ramfs -o mode=2777 ramfs $elsewhere
    as_nobody() {
        chown -R nobody $elsewhere/deeper
        MAKE='make -j1' setpriv --reuid nobody --regid nogroup --clear-groups "$@"
    }
    (
        umask 0
        export TZ=Asia/Kolkata LC_ALL=C.UTF-8 LANG=C.UTF-8
        package $elsewhere/deeper/down as_nobody
    )
    expect_match 'the mode of a directory' "$(stat -c %a $elsewhere/deeper/down/build)" '^[2-7]...$'
    cmp "/run/debian/first/build/$PACKAGE" "$elsewhere/deeper/down/build/$PACKAGE"
    umount $elsewhere
}

@test "lintian has nothing to say" {
    expect 'what lintian says' "$(lintian --allow-root --display-info --pedantic \
        --display-experimental "/run/debian/first/build/$PACKAGE" 2>&1)" ''
}

@test "what is relocated and bound in wrapper and libraries is read-only when they run" {
    local root=/run/debian/unpacked file
    dpkg-deb -x "/run/debian/first/build/$PACKAGE" $root
    for file in $root/usr/bin/socksify $root/usr/lib/socksify/{,lib32/}libsocksify.so; do
        expect_match "the segments of $file" "$(readelf -lW "$file")" GNU_RELRO
        expect_match "when $file is bound" "$(readelf -dW "$file")" 'FLAGS.* (BIND_)?NOW'
    done
}

@test "the package is whole: its files are as they were packed" {
    install_first
    expect 'its state' "$(state_of_package)" "installed $VERSION"
    expect 'what dpkg finds changed' "$(inside dpkg -V socksify)" ''
    expect 'what dpkg finds broken' "$(inside dpkg --audit)" ''
    expect 'the version' "$(inside socksify --version)" "socksify $VERSION"
    expect 'the manuals' "$(inside sh -c 'cd /usr/share/man && gzip -t */*socksify* && ls */*socksify*' |
        xargs)" 'man1/socksify.1.gz man5/socksify.conf.5.gz man7/libsocksify.7.gz'
}

@test "programs of 64 and of 32 bits fetch by name through the proxy" {
    install_first
    # shellcheck disable=SC2016
    local script='use IO::Socket::INET;
my $s = IO::Socket::INET->new(PeerAddr => "page.example", PeerPort => 80) or die $@;
print $s "GET /page HTTP/1.0\r\n\r\n";
my @lines = <$s>;
print $lines[-1];'
    expect 'what perl fetches' \
        "$(inside socksify -p "${PROXY[socksify]}" perl -e "$script")" "$PAGE"
    cc -m32 -std=c11 -D_GNU_SOURCE -o $ROOT/tmp/fetch "$SUPPORT/probe-fetch.c"
    expect 'what a 32-bit program fetches' "$(inside socksify --mode preload \
        -p "${PROXY[socksify]}" /tmp/fetch page.example 80)" "$PAGE"
    rm $ROOT/tmp/fetch
    # The configuration that comes with it names no proxy.
    run -78 inside socksify true
    expect_match 'the message' "$output" '/etc/socksify.conf'
}

@test "an upgrade keeps a configuration that was edited" {
    install_first
    echo 'default direct' > $ROOT/etc/socksify.conf
    install_next 9.1 ''
    expect 'its state' "$(state_of_package)" 'installed 9.1'
    expect 'the configuration' "$(cat $ROOT/etc/socksify.conf)" 'default direct'
    # One in which the default has changed, too: dpkg asks, and here is told to keep it.
    install_next 9.2 --force-confold sh -c 'echo "# new" >> etc/socksify.conf'
    expect 'its state' "$(state_of_package)" 'installed 9.2'
    expect 'the configuration' "$(cat $ROOT/etc/socksify.conf)" 'default direct'
    expect 'the new default' "$(tail -n 1 $ROOT/etc/socksify.conf.dpkg-dist)" '# new'
}

@test "an upgrade replaces a configuration that was not edited" {
    dpkg_inside --purge socksify
    install_first
    install_next 9.3 '' sh -c 'echo "# newer" >> etc/socksify.conf'
    expect 'the configuration' "$(tail -n 1 $ROOT/etc/socksify.conf)" '# newer'
}

@test "a package that is removed leaves the configuration; purged, nothing" {
    dpkg_inside --purge socksify
    install_first
    echo 'default direct' > $ROOT/etc/socksify.conf
    dpkg_inside --remove socksify
    expect 'what is left' "$(files | comm -13 /run/debian/before -)" ./etc/socksify.conf
    dpkg_inside --purge socksify
    expect 'what is left' "$(files | comm -13 /run/debian/before -)" ''
    expect 'what is gone' "$(files | comm -23 /run/debian/before -)" ''
}
