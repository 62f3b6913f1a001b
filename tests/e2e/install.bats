# SPDX-License-Identifier: MIT
# make install and make uninstall.

load ../support/lab

# A copy of the sources, so that this test builds nothing in the tree.
setup_file() {
    mkdir -p /run/copy
    cp -r "$SOURCE"/{Makefile,core,preload,cli,conf} /run/copy/
}

setup() {
    ROOT=$BATS_TEST_TMPDIR/root
}

# The default compiler flags would be slow for no gain here.
make_copy() { # TARGET [VARIABLE=VALUE...]
    make -C /run/copy -s -j"$(nproc)" BUILD=/run/copy/build CFLAGS=-O0 DESTDIR="$ROOT" "$@"
}

@test "make install puts everything where it belongs" {
    make_copy install
    expect 'the installed files' "$(cd "$ROOT" && find . -type f | sort)" './etc/socksify.conf
./usr/local/bin/socksify
./usr/local/lib/socksify/libsocksify.so
./usr/local/lib/socksify/shell/mark.bash
./usr/local/lib/socksify/shell/mark.fish
./usr/local/lib/socksify/shell/mark.sh
./usr/local/lib/socksify/shell/zsh/.zshenv
./usr/local/share/bash-completion/completions/socksify
./usr/local/share/fish/vendor_completions.d/socksify.fish
./usr/local/share/man/man1/socksify.1
./usr/local/share/man/man5/socksify.conf.5
./usr/local/share/man/man7/libsocksify.7
./usr/local/share/zsh/site-functions/_socksify'
    cmp "$ROOT/etc/socksify.conf" "$SOURCE/conf/socksify.conf"
    expect 'the modes' "$(cd "$ROOT" && find . -type f -printf '%m\n' | sort | uniq -c | xargs)" \
        '12 644 1 755'
}

@test "a reinstall keeps an edited configuration" {
    make_copy install
    echo 'default direct' > "$ROOT/etc/socksify.conf"
    make_copy install
    expect 'the configuration' "$(cat "$ROOT/etc/socksify.conf")" 'default direct'
}

@test "make uninstall removes everything that was installed" {
    make_copy install
    make_copy uninstall
    expect 'the files that are left' "$(cd "$ROOT" && find . -type f -o -name socksify)" ''
}

@test "make uninstall leaves an edited configuration" {
    make_copy install
    echo 'default direct' > "$ROOT/etc/socksify.conf"
    make_copy uninstall
    expect 'the files that are left' "$(cd "$ROOT" && find . -type f)" './etc/socksify.conf'
}

@test "an installed program finds the library and the configuration in its own place" {
    ROOT=
    mkdir -p /run/prefix
    make_copy install PREFIX=/run/prefix SYSCONFDIR=/run/prefix/etc
    echo 'default nobody' > /run/prefix/etc/socksify.conf
    run -78 /run/prefix/bin/socksify true
    expect_match 'the message' "$output" '/run/prefix/etc/socksify.conf:1: nobody'
    echo 'default block' > /run/prefix/etc/socksify.conf
    expect 'LD_PRELOAD' "$(/run/prefix/bin/socksify sh -c 'echo $LD_PRELOAD')" \
        /run/prefix/lib/socksify/libsocksify.so
    make_copy uninstall PREFIX=/run/prefix SYSCONFDIR=/run/prefix/etc
    [ ! -e /run/prefix/bin/socksify ]
}
