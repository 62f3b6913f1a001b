# SPDX-License-Identifier: MIT
# The wrapper: it becomes the program, whose exit status, signals and streams are its own; and what
# the library could not reach is supervised, or with --mode preload refused before anything runs.

load ../support/lab

setup_file() {
    mkdir -p /run/programs
    cat > /run/programs/hello.c <<'END'
int main(void)
{
    return 42;
}
END
    musl-gcc -o /run/programs/musl /run/programs/hello.c
    gcc -m32 -o /run/programs/32-bit /run/programs/hello.c
    gcc -static -o /run/programs/static /run/programs/hello.c
    gcc -static-pie -o /run/programs/static-pie /run/programs/hello.c
    gcc -o /run/programs/dynamic /run/programs/hello.c
    gcc -no-pie -o /run/programs/no-pie /run/programs/hello.c
    cp /run/programs/dynamic /run/programs/setuid
    cp /run/programs/dynamic /run/programs/setgid
    cp /run/programs/dynamic /run/programs/capable
    chown nobody:nogroup /run/programs/setuid /run/programs/setgid
    chmod 4755 /run/programs/setuid
    chmod 2755 /run/programs/setgid
    setcap cap_net_raw+ep /run/programs/capable
    export SOCKSIFY_PROXY=socks5://127.0.0.1:9
}

socksify() {
    timeout 20 "$SOCKSIFY" "$@"
}

@test "the exit status is the program's own" {
    local wanted
    for wanted in 0 1 42 78 126 255; do
        run socksify sh -c "exit $wanted"
        expect 'the exit status' "$status" "$wanted"
    done
}

@test "the pid is that of the wrapper: it execs, and no process of its own stays" {
    "$SOCKSIFY" sh -c 'echo $$; exec sleep 20' > "$BATS_TEST_TMPDIR/pid" 3>&- &
    local pid=$!
    until_true test -s "$BATS_TEST_TMPDIR/pid"
    expect 'the pid' "$(cat "$BATS_TEST_TMPDIR/pid")" $pid
    kill $pid
    wait $pid || expect 'the exit status' $? 143
}

@test "a program that a signal ends is seen to end by that signal" {
    local signal
    for signal in TERM INT KILL SEGV; do
        run bash -c '"$@"; echo $?' - "$SOCKSIFY" bash -c "ulimit -c 0; kill -$signal \$\$"
        expect "the status after $signal" "${lines[-1]}" "$((128 + $(kill -l $signal)))"
    done
}

@test "ignored and blocked signals stay as they were" {
    expect 'what the kernel says' \
        "$(trap '' HUP USR1; "$SOCKSIFY" grep -E '^Sig(Blk|Ign)' /proc/self/status)" \
        "$(trap '' HUP USR1; grep -E '^Sig(Blk|Ign)' /proc/self/status)"
}

@test "stdin and stdout are the program's, octet for octet" {
    head -c 300000 /dev/urandom > "$BATS_TEST_TMPDIR/in"
    "$SOCKSIFY" cat < "$BATS_TEST_TMPDIR/in" > "$BATS_TEST_TMPDIR/out"
    cmp "$BATS_TEST_TMPDIR/out" "$BATS_TEST_TMPDIR/in"
    expect 'all output' "$("$SOCKSIFY" echo hello 2>&1)" hello
}

@test "no descriptor is left open in the program" {
    local list='ls -l /proc/self/fd | sed -n "s/.* \([0-9]* -> .*\)/\1/p" | sed "s/[0-9]\{2,\}/N/g"'
    expect 'the descriptors' "$("$SOCKSIFY" bash -c "$list")" "$(bash -c "$list")"
    expect 'with stdin and stderr closed' "$("$SOCKSIFY" ls /proc/self/fd <&- 2>&-)" \
        "$(ls /proc/self/fd <&- 2>&-)"
}

@test "arguments reach the program as they are, also those that look like options" {
    expect 'the arguments' "$("$SOCKSIFY" -- printf '<%s>' -p '' 'a b' '*' --help)" \
        '<-p><><a b><*><--help>'
    expect 'the arguments' "$("$SOCKSIFY" printf '<%s>' -p -v --env)" '<-p><-v><--env>'
}

@test "an LD_PRELOAD that is already set is kept" {
    expect 'LD_PRELOAD' "$(LD_PRELOAD=libm.so.6 "$SOCKSIFY" sh -c 'echo $LD_PRELOAD')" \
        "$BUILD/libsocksify.so:libm.so.6"
    expect 'LD_PRELOAD, twice' \
        "$(LD_PRELOAD=libm.so.6 "$SOCKSIFY" "$SOCKSIFY" sh -c 'echo $LD_PRELOAD')" \
        "$BUILD/libsocksify.so:libm.so.6"
}

@test "a program that is not there is 127" {
    run -127 socksify no-such-program
    expect_match 'the message' "$output" '^socksify: no-such-program: No such file or directory$'
    run -127 socksify /nowhere/program
    run -127 socksify ''
}

@test "a file that cannot be executed is 126" {
    run -126 socksify /etc/passwd
    expect_match 'the message' "$output" '^socksify: /etc/passwd: Permission denied$'
    run -126 socksify /etc
}

# refused FILE WORDS: supervised, and where it may only be preloaded refused with 126 and one line that
# holds the words.
refused() {
    run socksify -v "$1"
    [ "$status" -ne 126 ]
    expect_match 'what is said' "${lines[0]}" \
        "^socksify: ${1##*/}: supervised: (its interpreter .*: )?$2"
    run -126 socksify --mode preload "$1"
    expect_match 'the message' "$output" "^socksify: ($1|.*its interpreter .*): $2"
    expect_match 'the message' "$output" 'without the proxy|for itself|ignores LD_PRELOAD'
    expect 'the number of lines' "${#lines[@]}" 1
}

@test "a statically linked program is supervised, or refused" {
    refused /run/programs/static 'statically linked'
    refused /run/programs/static-pie 'statically linked'
    refused "$(command -v busybox)" 'statically linked'
}

@test "a program of another C library is supervised, or refused" {
    refused /run/programs/musl 'linked to another C library'
}

@test "a 32-bit program is supervised, or refused" {
    refused /run/programs/32-bit 'a 32-bit program'
}

@test "setuid and setgid programs are supervised, or refused" {
    refused /run/programs/setuid 'runs setuid or setgid'
    refused /run/programs/setgid 'runs setuid or setgid'
}

@test "a program with file capabilities is supervised, or refused, for a user other than root" {
    local user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    run -42 "${user[@]}" "$SOCKSIFY" /run/programs/capable
    expect_match 'the warning' "$output" 'capable: runs without the privileges'
    run -126 "${user[@]}" "$SOCKSIFY" --mode preload /run/programs/capable
    expect_match 'the message' "$output" 'capable: has file capabilities'
}

@test "a script is judged by its interpreter" {
    printf '#!%s sh\nexit 7\n' "$(command -v busybox)" > /run/programs/static-script
    printf '#!/bin/sh\nexit 7\n' > /run/programs/script
    printf '#!/usr/bin/env python3\nraise SystemExit(8)\n' > /run/programs/env-script
    printf '#!/run/programs/static-script\n' > /run/programs/script-of-script
    printf 'exit 9\n' > /run/programs/no-interpreter
    chmod 755 /run/programs/*script* /run/programs/no-interpreter
    refused /run/programs/static-script 'statically linked'
    refused /run/programs/script-of-script 'statically linked'
    run -7 socksify /run/programs/script
    run -8 socksify /run/programs/env-script
    run -9 socksify /run/programs/no-interpreter
}

@test "nothing of a refused program has run" {
    printf '#!%s sh\ntouch /run/programs/ran\n' "$(command -v busybox)" > /run/programs/toucher
    chmod 755 /run/programs/toucher
    run -126 socksify --mode preload /run/programs/toucher
    [ ! -e /run/programs/ran ]
}

@test "ordinary programs are not refused" {
    run -42 socksify /run/programs/dynamic
    run -42 socksify /run/programs/no-pie
    (cd /run/programs && run -42 socksify ./dynamic)
    PATH=/run/programs:$PATH run -42 socksify dynamic
}

@test "--env prints lines that proxy the shell they are evaluated in" {
    expect 'what the shell prints' "$(bash -c 'eval "$("$@" --env)"; echo "$LD_PRELOAD $SOCKSIFY_PROXY"' \
        - "$SOCKSIFY" -p 'socks5://127.0.0.1:1?pipeline=yes' 2>&1)" \
        "$BUILD/libsocksify.so socks5://127.0.0.1:1?pipeline=yes"
    # A quote in a path, and a shell that is no bash.
    mkdir -p "/run/it's"
    echo 'default block' > "/run/it's/conf"
    expect 'what dash prints' "$(dash -c 'eval "$("$@" --env)"; echo "$SOCKSIFY_CONF"' \
        - "$SOCKSIFY" -f "/run/it's/conf")" "/run/it's/conf"
}

@test "--env with a bad configuration prints nothing to stdout: exit 78" {
    expect 'stdout' "$("$SOCKSIFY" --env -p nonsense://x 2>/dev/null || echo "exit $?")" 'exit 78'
}

@test "--shell starts the user's shell with the library in it" {
    expect 'what the shell says' "$(echo 'echo $LD_PRELOAD; exit 5' |
        SHELL=/bin/sh "$SOCKSIFY" --shell || echo "exit $?")" "$BUILD/libsocksify.so
exit 5"
}

@test "--help names every option of the manual, and the manual every option of --help" {
    "$SOCKSIFY" --help > "$BATS_TEST_TMPDIR/help"
    grep -oE -- '--[a-z-]+' "$BATS_TEST_TMPDIR/help" | sort -u > "$BATS_TEST_TMPDIR/in-help"
    mandoc -T ascii "$SOURCE/cli/socksify.1" | sed 's/.\x08//g' | grep -oE -- '--[a-z-]+' | sort -u \
        > "$BATS_TEST_TMPDIR/in-manual"
    [ "$(wc -l < "$BATS_TEST_TMPDIR/in-help")" -ge 10 ]
    diff "$BATS_TEST_TMPDIR/in-help" "$BATS_TEST_TMPDIR/in-manual"
    expect 'lines over 80 columns' "$(grep -cE '.{81}' "$BATS_TEST_TMPDIR/help")" 0
    [ "$(wc -l < "$BATS_TEST_TMPDIR/help")" -le 24 ]
}

@test "--version gives the version on stdout" {
    expect_match 'the version' "$(socksify --version)" '^socksify [0-9]+\.[0-9]+\.[0-9]+$'
}

@test "a wrong option is named: exit 2" {
    run -2 socksify --nonsense true
    expect_match 'the message' "$output" '^socksify: --nonsense: no such option'
    run -2 socksify -p
    expect_match 'the message' "$output" 'needs a value'
    run -2 socksify
    expect_match 'the message' "$output" 'no program given'
    run -2 socksify -t soon true
    expect_match 'the message' "$output" '^socksify: --timeout: soon: expected seconds'
}

@test "a wrong proxy is called by its option, and whoever has none learns of all ways" {
    run -78 socksify -p 127.0.0.1:1080 true
    expect_match 'of -p' "$output" '^socksify: --proxy: 127.0.0.1:1080: expected a URL such as socks5://'
    run -78 socksify --check socks5://127.0.0.1:port
    expect_match 'of --check' "$output" '^socksify: --check: socks5://127.0.0.1:.*: expected a port'
    run -78 env -u SOCKSIFY_PROXY "$SOCKSIFY" true
    expect_match 'of none' "$output" ' /etc/socksify.conf, .* `socksify -p` .* SOCKSIFY_PROXY$'
}

@test "a library that cannot be preloaded ends the wrapper before the program runs" {
    mkdir -p /run/alone
    cp "$SOCKSIFY" /run/alone/socksify
    run ! timeout 20 /run/alone/socksify touch /run/programs/ran-alone
    expect_match 'the message' "$output" 'libsocksify\.so'
    [ ! -e /run/programs/ran-alone ]
}

@test "--embedded serves one program and is gone with it" {
    local before
    start_script page - 127.0.0.1:8080 head 'text HTTP/1.0 200 OK\r\n\r\nhello\n'
    echo '127.0.0.1 page.example' > "$BATS_TEST_TMPDIR/hosts"
    before=$(pgrep -c socksify) || true
    expect 'the page' "$(env -u SOCKSIFY_PROXY "$SOCKSIFY" --embedded \
        --hosts "$BATS_TEST_TMPDIR/hosts" curl -sS http://page.example:8080/ 2>&1)" hello
    no_server_left() {
        [ "$(pgrep -c socksify)" -eq "$before" ]
    }
    until_true no_server_left
    run -42 env -u SOCKSIFY_PROXY "$SOCKSIFY" --embedded /run/programs/dynamic
    stop page
}
