# SPDX-License-Identifier: MIT
# Many threads that connect in every way at once: under ThreadSanitizer, with the library's objects
# in the program, and in valgrind, with the library itself.

load ../support/lab

setup_file() {
    lab_up
    start_script proxy world 10.77.0.1:1100 'frame greeting' 'delay 3' 'send 05 00' \
        'frame request' 'delay 3' 'send 05 00 00 01 00*6' echo
    start_script refusing world 10.77.0.1:1101 'frame greeting' 'send 05 00' 'frame request' \
        'delay 3' 'send 05 05 00 01 00*6'
    cat > /run/threads.conf <<'END'
proxy echo socks5://10.77.0.1:1100
proxy refusing socks5://10.77.0.1:1101
via refusing 203.0.113.10:7001
default echo
END
    export TSAN_OPTIONS=halt_on_error=1
}

teardown_file() {
    stop_all
}

# threads ROUNDS COMMAND...: run it on what the program wants to know, in eight threads.
threads() {
    local rounds=$1
    shift
    SOCKSIFY_CONF=/run/threads.conf client timeout 300 "$@" page.example 203.0.113.10 7000 7001 8 \
        "$rounds"
}

@test "as it is, every connection is as it should be" {
    expect 'it says' "$(threads 5 "$SOCKSIFY" "$PROBES/probe-threads")" '480 connections'
}

@test "ThreadSanitizer sees no race in the library" {
    expect 'it says' "$(threads 10 "$BUILD/tsan/threads" 2>&1)" '880 connections'
}

@test "ThreadSanitizer sees a race when there is one" {
    run ! "$BUILD/tsan/race"
    expect_match 'it says' "$output" 'data race'
}

# memcheck COMMAND...: quiet when there is no wrong access, and nothing that nobody can free any more.
memcheck() {
    valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \
        --errors-for-leak-kinds=definite --suppressions="$SOURCE/tests/sanitize/valgrind.supp" "$@"
}
export -f memcheck

@test "memcheck sees no wrong access and nothing lost in the library" {
    expect 'it says' "$(threads 5 bash -c 'memcheck "$@" 2>&1' - "$BUILD/valgrind/threads")" \
        '480 connections'
}

@test "memcheck sees no wrong access in the wrapper" {
    expect 'it says' "$(client bash -c 'memcheck "$@" 2>&1' - "$SOCKSIFY" -f /run/threads.conf \
        echo word)" word
    expect 'it says' "$(memcheck "$SOCKSIFY" --help 2>&1)" "$("$SOCKSIFY" --help)"
}
