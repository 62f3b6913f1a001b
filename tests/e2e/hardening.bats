# SPDX-License-Identifier: MIT
# What the compiler and the link editor were asked for, so that a mistake of ours is not of use to
# others. BUILD is expected to be made with the flags of the Makefile.

load ../support/lab

WRAPPER=$BUILD/socksify
LIBRARY=$BUILD/libsocksify.so

imports() { # FILE
    nm -D -u --format=just-symbols "$1" | sed 's/@.*//'
}

@test "the wrapper lies at an address of its own each time, and its relocations are read-only" {
    expect_match 'its type' "$(readelf -hW "$WRAPPER")" 'Type: +DYN'
    expect_match 'its segments' "$(readelf -lW "$WRAPPER")" 'GNU_RELRO'
    expect_match 'when it is bound' "$(readelf -dW "$WRAPPER")" 'FLAGS.* NOW'
}

@test "stacks are guarded, and not executable" {
    local file
    for file in "$WRAPPER" "$LIBRARY"; do
        expect_match "what $file imports" "$(imports "$file")" '__stack_chk_fail'
        expect_match "the stack of $file" "$(readelf -lW "$file" | grep GNU_STACK)" ' RW +0x'
    done
}

@test "calls of libc that fill a buffer know its size" {
    expect_match 'what the wrapper imports' "$(imports "$WRAPPER")" '__(memcpy|snprintf)_chk'
    expect_match 'what the library imports' "$(imports "$LIBRARY")" '__(memcpy|snprintf)_chk'
}

@test "the user's flags have the last word" {
    local build=$BATS_TEST_TMPDIR/build object
    object=$build/obj/core/log.o
    make -s -C "$SOURCE" BUILD="$build" CFLAGS=-O2 "$object"
    expect_match 'by default' "$(nm -u "$object")" '_chk.*__stack_chk_fail'
    rm "$object"
    make -s -C "$SOURCE" BUILD="$build" \
        CFLAGS='-O2 -fno-stack-protector -Werror -D_FORTIFY_SOURCE=0' "$object"
    expect 'without' "$(nm -u "$object" | grep -c chk)" 0
    # Fortification would be a warning there.
    make -s -C "$SOURCE" BUILD="$build" CFLAGS='-O0 -Werror' "$build/obj/core/text.o"
}
