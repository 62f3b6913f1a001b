# SPDX-License-Identifier: MIT
# Proxies that lie, stall, break off and shout: the program gets the errno that says why, at the
# deadline at the latest, and of the target's stream every octet and no other. What each proxy does
# is written down in tests/support/hostile/*.cases; a program that blocks, one that polls and one on
# epoll go through all of it, preloaded and supervised.

load ../support/lab
load ../support/supervise

PROXY=10.77.0.1
FIRST_PORT=20000
CASES=$BATS_TEST_DIRNAME/../support/hostile

setup_file() {
    lab_up
    client nft insert rule inet lab output ip daddr $PROXY tcp dport 20000-21999 accept
    # Proxies that never take a connection: 1199 is silent, at 1198 nobody listens.
    client ip route add unreachable 10.77.0.3
    world nft -f - <<'END'
table inet hostile {
    chain input {
        type filter hook input priority 0; policy accept;
        tcp dport 1199 drop
    }
}
END
}

teardown_file() {
    stop_all
}

teardown() {
    assert_no_leak
}

# prepare TABLE: start its proxies; $count is how many there are.
prepare() {
    local script
    dir=$BATS_TEST_TMPDIR
    count=$("$SUPPORT/hostile-cases" "$CASES/$1.cases" $PROXY $FIRST_PORT "$dir")
    mapfile -d '' -t script < "$dir/script"
    start_server proxies world $((FIRST_PORT + count - 1)) \
        "$PROBES/scripted-server" $PROXY:$FIRST_PORT "${script[@]}"
}

# A program is preloaded, or supervised (in a binary of its own, out of the library's reach).
run_program() { # PROGRAM PROBE
    ip netns exec client timeout 60 "$SOCKSIFY" -f "$dir/conf" "$2" "${1#supervised-}" \
        < "$dir/places" > "$dir/$1.out" 2> "$dir/$1.err" 3>&- ||
        echo "ended with status $?" >> "$dir/$1.out"
}

# What was said on stderr is about connections, and on a line of its own.
stray_lines() { # PROGRAM
    grep -vE '^socksify: probe-hostile\[[0-9]+\]: [^ ]+:[0-9]+ via [^ ]+: ([^ ]+: )?[^:;]+(; [^;]+)?$' \
        "$dir/$1.err"
}

PROGRAMS=({,supervised-}{blocking,poll,epoll})

# play TABLE: all cases, and everything that did not come as it should.
play() {
    local program probe programs=() wrong=0
    prepare "$1"
    for program in "${PROGRAMS[@]}"; do
        probe=$PROBES/probe-hostile
        [[ $program != supervised-* ]] || probe=$STATIC/probe-hostile
        run_program "$program" "$probe" &
        programs+=($!)
    done
    wait "${programs[@]}"
    stop proxies
    for program in "${PROGRAMS[@]}"; do
        stray_lines "$program" >> "$dir/$program.out" || true
        [ "$(cat "$dir/$program.out")" != "$count cases, 0 failed" ] || continue
        wrong=1
        echo "--- $program:"
        cat "$dir/$program.out"
    done
    [ $wrong -eq 0 ] || stderr_of proxies
    return $wrong
}

@test "a connection that goes past the proxy would be seen" {
    printf '203.0.113.10\t80\tEACCES\t\tdirect\n' |
        client "$PROBES/probe-hostile" blocking || true
    [ "$(leaked_packets)" -gt 0 ]
}

@test "in place of a connection" {
    play connection
}

@test "in place of the answer to a greeting" {
    play greeting
}

@test "in place of the answer to user name and password" {
    play password
}

@test "in place of the reply to a request" {
    play request
}

@test "in place of the reply to a request of SOCKS4" {
    play socks4
}

@test "between the proxy's last octet and the target's first" {
    play tunnel
}

@test "silence, and an octet now and then, until the deadline" {
    play slow
}
