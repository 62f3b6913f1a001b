# SPDX-License-Identifier: MIT
# What the library shows to the programs it lives in.

load ../support/lab

LIBRARY=$BUILD/libsocksify.so

@test "the library exports the interposed functions of preload/exports.map and nothing else" {
    wanted=$(sed -n 's/^ *\([a-z0-9_]*\);$/\1/p' "$SOURCE/preload/exports.map" | sort)
    [ "$(wc -l <<< "$wanted")" -ge 10 ]
    expect 'the list of exports' "$(nm -D --defined-only --format=just-symbols "$LIBRARY" | sort)" \
        "$wanted"
}

@test "every exported function is one of libc's, which it stands in for" {
    libc=$(ldd "$LIBRARY" | sed -n 's/.*libc\.so\.6 => \([^ ]*\) .*/\1/p')
    nm -D --defined-only --format=just-symbols "$LIBRARY" | sort > "$BATS_TEST_TMPDIR/ours"
    nm -D --defined-only --format=just-symbols "$libc" | sed 's/@.*//' | sort -u \
        > "$BATS_TEST_TMPDIR/libc"
    expect 'what libc lacks' "$(comm -23 "$BATS_TEST_TMPDIR/ours" "$BATS_TEST_TMPDIR/libc")" ''
}

@test "the library needs only libc" {
    expect_match 'NEEDED' "$(readelf -d "$LIBRARY" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | xargs)" \
        '^libc\.so\.6( ld-linux[a-z0-9.-]*)?$'
}

@test "the library calls no function that allocates, ends the program or writes by stdio" {
    expect 'forbidden calls' "$(nm -D -u --format=just-symbols "$LIBRARY" | sed 's/@.*//' |
        grep -xE 'malloc|calloc|realloc|abort|exit|_exit|__assert_fail|v?f?printf|fputs|puts|fopen|fwrite|syslog|system|popen' |
        xargs)" ''
}

@test "the library's stack is not executable, and relocations are read-only" {
    expect_match 'GNU_STACK' "$(readelf -lW "$LIBRARY" | grep GNU_STACK)" ' RW  '
    readelf -lW "$LIBRARY" | grep -q GNU_RELRO
}
