# SPDX-License-Identifier: MIT
# Programs of 32 bits among those of 64, with a library for each: one LD_PRELOAD, one map of names.
# What the library does in 64 bits it does in 32, too.

load ../support/lab
load ../support/proxies
load ../support/async

# The build tree with a second library. The probes, of 32 bits, are those of the other tests; those
# in $WIDE are not.
TREE=/run/mixed/tree
NARROW=/run/mixed/narrow
LATE=/run/mixed/late # of 32 bits, with times of 64
WIDE=$PROBES
PROBES=$NARROW/support
SOCKSIFY=$TREE/socksify
# shellcheck disable=SC2016  # $LIB is the loader's
ITEM="$TREE"'/$LIB/libsocksify.so'
ENV=/usr/bin/env

# As in the tree, which may not be written to.
make_quietly() {
    make -s -j2 -C "$SOURCE" "$@" > "$BATS_FILE_TMPDIR/make" 2>&1 ||
        { cat "$BATS_FILE_TMPDIR/make"; return 1; }
}

setup_file() {
    local probe probes=()
    mkdir -p "$TREE" "$NARROW" "$LATE"
    cp -a "$BUILD"/{paths,pic,obj,libsocksify.so,socksify} "$TREE"
    make_quietly BUILD="$TREE" lib32
    for probe in connect fetch netdb getaddrinfo dns datagram exec async-wait async-outcome async-life; do
        probes+=("$NARROW/support/probe-$probe")
    done
    cp -a "$BUILD/paths" "$NARROW"
    make_quietly BUILD="$NARROW" CC='cc -m32' "${probes[@]}"
    cp -a "$BUILD/paths" "$LATE"
    make_quietly BUILD="$LATE" CC='cc -m32' CFLAGS='-O1 -D_TIME_BITS=64 -D_FILE_OFFSET_BITS=64' \
        "$LATE"/support/probe-{async-wait,async-outcome,datagram}
    # What the servers of the world are made of.
    ln -s "$WIDE"/{scripted-server,slow-link} "$NARROW/support"

    lab_up
    start_targets
    start_proxies socksify
    slow_wire_up
    slow_proxies_up
    printf 'proxy home %s\ndefault home\nstrict yes\n' "${PROXY[socksify]}" > /run/mixed/strict
    export XDG_RUNTIME_DIR=/run/user
    mkdir -m 700 /run/user
}

teardown_file() {
    stop_all
}

teardown() {
    assert_no_leak
}

socksify() {
    client timeout 20 "$SOCKSIFY" --mode preload -p "${PROXY[socksify]}" "$@"
}

# fetches PROBE-FETCH HOST: what it prints is the page.
fetches() {
    expect "what $* gives" "$(socksify "$@" 80)" "$PAGE"
}

@test "the probes are of 32 bits, and without socksify they connect past the proxy" {
    expect_match 'the probe' "$(readelf -h "$PROBES/probe-connect")" 'ELF32'
    client timeout 5 "$PROBES/probe-connect" 203.0.113.10 80 || true
    [ "$(leaked_packets)" -gt 0 ]
}

@test "a 32-bit program connects through the proxy by name, blocking and not" {
    fetches "$PROBES/probe-fetch" page.example
    expect_match 'a non-blocking connect' "$(socksify "$PROBES/probe-connect" -n page.example 80)" \
        'connect: 0'
    expect_match 'a connect by IPv6' "$(socksify "$PROBES/probe-connect" -6 page.example 80)" \
        'connect: 0'
}

@test "32-bit and 64-bit programs start one another, and each has its library" {
    expect 'LD_PRELOAD at the end' "$(socksify "$PROBES/probe-exec" execve "$WIDE/probe-exec" \
        posix_spawn "$PROBES/probe-exec" execvp $ENV | grep LD_PRELOAD)" "LD_PRELOAD=$ITEM"
    expect 'the 64-bit library' "$(socksify grep -om1 '/[^ ]*libsocksify.so' /proc/self/maps)" \
        "$TREE/libsocksify.so"
    fetches "$PROBES/probe-exec" execve "$WIDE/probe-exec" execv "$PROBES/probe-fetch" page.example
    fetches "$WIDE/probe-exec" execve "$PROBES/probe-exec" execv "$WIDE/probe-fetch" page.example
}

@test "a name that one kind of program has looked up is known to the other" {
    local address
    address=$(socksify "$WIDE/probe-netdb" gethostbyname page.example | grep -o '198\.18\.[0-9.]*')
    fetches "$PROBES/probe-fetch" "$address"
    expect_match 'its name' "$(socksify "$PROBES/probe-netdb" gethostbyaddr "$address")" \
        '^page\.example '
    address=$(socksify "$PROBES/probe-netdb" gethostbyname both.example | grep -o '198\.18\.[0-9.]*')
    fetches "$WIDE/probe-fetch" "$address"
}

@test "libc's look-ups answer as in 64 bits" {
    local question
    while read -ra question; do
        expect "what is said of ${question[*]}" "$(socksify "$PROBES/${question[0]}" "${question[@]:1}")" \
            "$(socksify "$WIDE/${question[0]}" "${question[@]:1}")"
    done <<'END'
probe-netdb gethostbyname page.example
probe-netdb gethostbyname2 page.example inet6
probe-netdb gethostbyname_r page.example 1024
probe-netdb gethostbyname2_r page.example 1024 inet
probe-netdb getnameinfo 203.0.113.7 0
probe-netdb getnameinfo 127.0.0.1 0
probe-getaddrinfo page.example 80 unspec 0 0 canonname
probe-getaddrinfo page.example http inet6 stream 0 canonname
probe-getaddrinfo localhost 80 unspec stream 0 0
END
}

@test "a datagram is refused" {
    local way
    for way in sendto sendmsg sendmmsg; do
        expect "$way" "$(socksify -q "$PROBES/probe-datagram" $way 203.0.113.10 9999)" "$way: EACCES"
    done
}

@test "every function that starts a program puts back what a cleared environment lacks" {
    local how
    for how in execve execv execvp execvpe execl execlp execle fexecve execveat posix_spawn \
        posix_spawnp system popen; do
        expect "LD_PRELOAD by $how" \
            "$(socksify "$PROBES/probe-exec" $how $ENV | grep LD_PRELOAD)" "LD_PRELOAD=$ITEM"
    done
    for how in execve execle execvp; do
        expect "LD_PRELOAD by $how after vfork" \
            "$(socksify "$PROBES/probe-exec" -v $how $ENV | grep LD_PRELOAD)" "LD_PRELOAD=$ITEM"
    done
    for how in execve execle execvp posix_spawn; do
        expect "LD_PRELOAD by $how in a small thread" \
            "$(socksify "$PROBES/probe-exec" -t $how $ENV | grep LD_PRELOAD)" "LD_PRELOAD=$ITEM"
    done
}

@test "a static program that a 32-bit one starts is supervised" {
    expect 'what it fetches' "$(through socksify "$PROBES/probe-exec" execve \
        "$WIDE/static/probe-fetch" page.example 80)" "$PAGE"
}

@test "non-blocking connects: readiness comes with the end of the handshake" {
    like_control probe-async-wait "$ECHO" poll ppoll poll-checked select pselect epoll-level epoll-edge \
        epoll-oneshot epoll-several-sets epoll-answers in-threads poll-timeout
}

@test "non-blocking connects: what the program sees meanwhile and at the end" {
    like_control probe-async-outcome "$ECHO" second-connect peer transfers write-until-taken \
        blocking-connect options address-bound
}

@test "non-blocking connects: copies, forks and execs" {
    like_control probe-async-life "$ECHO" copied copied-often closed-all-and-on passed fork-and-go-on \
        child-polls child-connects vfork-child-closes exec-v exec-le exec-f
    says 'failures: 0' --mode preload -p socks5://10.77.0.1:1100 -- probe-async-life threads
}

@test "programs with a 64-bit time call other functions, which do the same" {
    local way name
    PROBES=$LATE/support
    nm -D -u --format=just-symbols "$PROBES"/probe-* > "$BATS_TEST_TMPDIR/imports"
    for name in select pselect ppoll getsockopt setsockopt sendmsg sendmmsg recvmsg; do
        grep -q "^__${name}64@" "$BATS_TEST_TMPDIR/imports" || expect "a call of $name" '' any
    done
    like_control probe-async-wait "$ECHO" ppoll select select-in-time select-timeout pselect \
        interrupted
    like_control probe-async-outcome "$ECHO" second-connect transfers options send-timeout
    for way in sendto sendmsg sendmmsg; do
        expect "$way" "$(socksify -q "$PROBES/probe-datagram" $way 203.0.113.10 9999)" "$way: EACCES"
    done
}

@test "make install installs both, and make uninstall removes them" {
    make_quietly BUILD="$TREE" DESTDIR="$BATS_TEST_TMPDIR" install
    expect 'the libraries' "$(cd "$BATS_TEST_TMPDIR/usr/local/lib/socksify" &&
        find . -name '*.so' | sort | xargs -I FILE sh -c \
            'echo FILE "$(readelf -h FILE | sed -n "s/ *Class: *ELF//p")"')" \
        './lib/i386-linux-gnu/libsocksify.so 32
./lib/libsocksify.so 64
./lib/x86_64-linux-gnu/libsocksify.so 64
./lib32/libsocksify.so 32
./lib64/libsocksify.so 64
./libsocksify.so 64'
    make_quietly BUILD="$TREE" DESTDIR="$BATS_TEST_TMPDIR" uninstall
    expect 'what is left' "$(find "$BATS_TEST_TMPDIR/usr" -type f -o -type l)" ''
}

@test "a 32-bit program is refused where there is no library for it" {
    cp "$TREE"/{socksify,libsocksify.so} "$BATS_TEST_TMPDIR"
    run -126 "$BATS_TEST_TMPDIR/socksify" --mode preload -p "${PROXY[socksify]}" "$PROBES/probe-connect"
    expect_match 'the message' "$output" 'a 32-bit program: .* there is no 32-bit one'
}

@test "a 32-bit program is refused when its loader puts something else in place of \$LIB" {
    local program=$BATS_TEST_TMPDIR/program loader
    loader=$(readelf -lW "$PROBES/probe-exec" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
    python3 -c 'import sys
octets = sys.stdin.buffer.read()
for name in b"lib32", b"lib/i386-linux-gnu":
    octets = octets.replace(b"\0" + name + b"\0", b"\0" + b"x" * len(name) + b"\0")
sys.stdout.buffer.write(octets)' < "$loader" > "$BATS_TEST_TMPDIR/ld-linux.so.2"
    chmod 755 "$BATS_TEST_TMPDIR/ld-linux.so.2"
    echo 'int main(void) { return 0; }' |
        cc -m32 -o "$program" -Wl,--dynamic-linker="$BATS_TEST_TMPDIR/ld-linux.so.2" -x c -
    # It runs, where it is not to be proxied.
    run -0 "$program"
    run -126 socksify "$program"
    expect_match 'the message' "$output" 'a 32-bit program: '
    # As a child of one that is.
    run -127 client timeout 20 "$SOCKSIFY" --mode preload -f /run/mixed/strict "$WIDE/probe-exec" execve \
        "$program"
    expect_match 'the message' "$output" 'a 32-bit program: .*not started'
}
