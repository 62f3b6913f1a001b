# SPDX-License-Identifier: MIT
# Many connections, and proxies that fail meanwhile: nothing is lost, nothing grows, and all is well
# again when the proxy is. `make soak` runs it with ten times and more of what `make check` has time
# for.

load ../support/lab

HELD=${SOAK_HELD:-1000}
MADE=${SOAK_MADE:-5000}

setup_file() {
    lab_up
    # For connections that were closed a moment ago, and lie about for a minute in the real world.
    local ns
    for ns in client world; do
        ip netns exec $ns sysctl -q net.ipv4.tcp_tw_reuse=1 'net.ipv4.ip_local_port_range=1024 65535'
    done
    ulimit -n "$(ulimit -Hn)"
    start_server target world 7 "$PROBES/probe-soak" serve 203.0.113.10 7
    start_server micro world 1082 microsocks -i 10.77.0.1 -p 1082
    start_proxy
}

teardown_file() {
    stop_all
}

teardown() {
    assert_no_leak
}

start_proxy() {
    start_server proxy world 1085 "$SOCKSIFY" --serve 10.77.0.1:1085 --hosts "$(hosts)"
}

# A hundred thousand names, all of them the target's.
hosts() {
    local file=$BATS_FILE_TMPDIR/hosts
    [ -e "$file" ] || seq -f '203.0.113.10 n%.0f.soak.example' 0 99999 > "$file"
    echo "$file"
}

soak() { # [WRAPPER OPTION...] -- MODE ARG...
    local options=()
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    SOCKSIFY_CONF=/dev/null client timeout 600 "$SOCKSIFY" "${options[@]}" -q \
        -p "${PROXY_URL:-socks5://10.77.0.1:1085}" -- "$PROBES/probe-soak" "$@"
}

# The library's own records are bounded; what they may grow by is not per connection.
assert_steady() { # OUTPUT
    expect_match 'what is left behind' "$1" 'descriptors: \+0'
    local kb
    kb=$(sed -n 's/memory: +\(-\{0,1\}[0-9]*\) kB/\1/p' <<< "$1")
    [ "$kb" -le 600 ] || { echo "memory grew by $kb kB"; return 1; }
}

resident() { # NAME of a server
    sed -n 's/VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$(server_pid "$1")/status"
}

descriptors() { # NAME of a server
    find "/proc/$(server_pid "$1")/fd" -mindepth 1 | wc -l
}

# Through two servers: one needs two descriptors for each connection, and ten thousand of these may
# be more than the machine gives it.
hold() { # [WRAPPER OPTION...]
    start_server target2 world 8 "$PROBES/probe-soak" serve 203.0.113.10 8
    start_server proxy2 world 1086 "$SOCKSIFY" --serve 10.77.0.1:1086
    printf '%s\n' 'proxy one socks5://10.77.0.1:1085' 'proxy two socks5://10.77.0.1:1086' \
        'default one' 'via two 203.0.113.10:8' > "$BATS_TEST_TMPDIR/conf"
    client timeout 300 "$SOCKSIFY" "$@" -q -f "$BATS_TEST_TMPDIR/conf" -- \
        "$PROBES/probe-soak" hold "$HELD" 203.0.113.10 7 8
    stop proxy2 target2
}

@test "many connections are held through one process at once" {
    expect 'the outcome' "$(hold)" "held: $HELD
echoed: $((2 * HELD))"
}

@test "supervised, too" {
    expect 'the outcome' "$(hold --mode supervise)" "held: $HELD
echoed: $((2 * HELD))"
}

@test "many connections one after another cost neither descriptors nor memory" {
    run -0 soak -- sequence "$MADE" 203.0.113.10 7
    expect_match 'the outcome' "$output" "good: $MADE"
    assert_steady "$output"
}

@test "nor do those of a supervised program" {
    run -0 soak --mode supervise -- sequence "$MADE" 203.0.113.10 7
    expect_match 'the outcome' "$output" "good: $MADE"
    assert_steady "$output"
}

@test "each has a name of its own, and none is mistaken for another" {
    run -0 soak -- names "$MADE" .soak.example 7
    expect_match 'the outcome' "$output" "good: $MADE"
    assert_steady "$output"
}

@test "the embedded server is the same afterwards" {
    until_true test "$(descriptors proxy)" -le 20
    local kb
    kb=$(resident proxy)
    run -0 soak -- sequence "$MADE" 203.0.113.10 7
    until_true test "$(descriptors proxy)" -le 20
    local now
    now=$(resident proxy)
    [ $((now - kb)) -le 1000 ] || { echo "it grew by $((now - kb)) kB"; return 1; }
}

# trouble OPTION...: connections all the while, until `assert_recovered`.
trouble() {
    rm -f "$BATS_TEST_TMPDIR/end"
    soak "$@" -t 1 -- endure "$BATS_TEST_TMPDIR/end" 203.0.113.10 7 > "$BATS_TEST_TMPDIR/outcome" &
    TROUBLED=$!
    until_true has_said begun
}

has_said() {
    grep -qx "$1" "$BATS_TEST_TMPDIR/outcome"
}

assert_recovered() { # ERRNO that may have come up, as a pattern
    touch "$BATS_TEST_TMPDIR/end"
    wait "$TROUBLED"
    local outcome
    outcome=$(< "$BATS_TEST_TMPDIR/outcome")
    expect_match 'the outcome' "$outcome" 'at last: good'
    expect 'errors of another kind' \
        "$(sed -n 's/failed: //p' <<< "$outcome" | grep -vxE "$1" || true)" ''
}

@test "a proxy that is killed and started again is missed only while it is away" {
    local mode
    for mode in preload supervise; do
        trouble --mode $mode
        kill -9 "$(server_pid proxy)"
        until_true has_said 'failed: ECONNREFUSED'
        start_proxy
        assert_recovered 'ECONNREFUSED|ECONNRESET'
    done
}

@test "a proxy that stands still for a while draws timeouts, and nothing else" {
    local mode
    for mode in preload supervise; do
        trouble --mode $mode
        kill -STOP "$(server_pid proxy)"
        until_true has_said 'failed: ETIMEDOUT'
        kill -CONT "$(server_pid proxy)"
        assert_recovered ETIMEDOUT
    done
}

@test "through another server it is the same" {
    PROXY_URL=socks5://10.77.0.1:1082 run -0 soak -- sequence "$((MADE / 5))" 203.0.113.10 7
    expect_match 'the outcome' "$output" "good: $((MADE / 5))"
}
