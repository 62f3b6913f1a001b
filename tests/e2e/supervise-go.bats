# SPDX-License-Identifier: MIT
# Go programs without a C library: their own resolver, their own scheduler, a thousand goroutines
# that dial at once, deadlines and cancellation.

load ../support/lab
load ../support/proxies
load ../support/supervise

# A proxy that takes 50 ms for each of its two replies, and then echoes; and one that says nothing.
SLOW=socks5://10.77.0.1:1100
SILENT=socks5://10.77.0.1:1101
COUNT=1000

setup_file() {
    lab_up
    start_targets
    start_proxies socksify
    start_script echo world 203.0.113.10:7 echo
    start_script slow world 10.77.0.1:1100 'frame greeting' 'delay 50' 'send 05 00' \
        'frame request' 'delay 50' 'send 05 00 00 01 00*6' echo
    start_script silent world 10.77.0.1:1101 'frame greeting' drain
}

teardown_file() {
    stop_all
}

teardown() {
    assert_no_leak
}

# program [OPTION...] -- ARG...: the Go program; its messages go to a file.
program() {
    local options=()
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    client timeout 30 "$SOCKSIFY" "${options[@]}" "$GO" "$@" 2> "$BATS_TEST_TMPDIR/stderr"
}

messages() {
    cat "$BATS_TEST_TMPDIR/stderr"
}

proxied() { # ARG...
    program -p "${PROXY[socksify]}" -- "$@"
}

@test "net/http fetches by name, by address, and over one connection again" {
    local url=http://page.example/page
    expect 'the pages' "$(proxied get $url http://203.0.113.10/page 'http://[2001:db8:77::10]/page' \
        $url)" "$PAGE"$'\n'"$PAGE"$'\n'"$PAGE"$'\n'"$PAGE"
    expect 'messages' "$(messages)" ''
}

@test "net.Dial connects by name and by address, and RemoteAddr is the target" {
    expect 'by address' "$(proxied dial 203.0.113.10:7)" \
        $'dial: 0 203.0.113.10:7\nconverse: 0'
    expect_match 'by name' "$(proxied dial page.example:7)" \
        $'^dial: 0 198\\.1[89]\\.[0-9]+\\.[0-9]+:7\nconverse: 0$'
}

@test "failures are the errors that a direct dial gives" {
    expect 'refused' "$(proxied dial 203.0.113.10:81)" 'dial: connection refused'
    expect 'unreachable' "$(proxied dial 198.51.100.7:81)" 'dial: no route to host'
    expect 'the proxy is down' "$(program -p socks5://10.77.0.1:1199 -- dial 203.0.113.10:7)" \
        'dial: connection refused'
    expect 'for comparison' "$(client "$GO" dial 10.77.0.1:1199)" 'dial: connection refused'
}

@test "the resolver gets stand-ins, without asking anybody" {
    expect_match 'the lookup' "$(proxied lookup page.example)" \
        '^lookup: 0 \[198\.1[89]\.[0-9.]+ fd73:6f63:6b73::[0-9a-f]+\]$'
}

@test "datagrams leave nowhere" {
    expect_match 'what it says' "$(proxied datagram 203.0.113.10:9)" 'write to: permission denied'
}

@test "a thousand goroutines dial at once: each gets its own octets, none waits for another" {
    local start=${EPOCHREALTIME/./} took
    expect 'how many were right' "$(program -p $SLOW -- many $COUNT 203.0.113.10:7)" \
        "$COUNT of $COUNT"
    took=$(((${EPOCHREALTIME/./} - start) / 1000))
    # One after the other they would take 100 seconds.
    [ "$took" -lt 10000 ] || expect 'the time' "$took ms" 'less than 10 seconds'
}

@test "by name they do so, too" {
    expect 'how many were right' "$(program -p $SLOW -- many 300 page.example:7)" '300 of 300'
}

@test "the deadline of a dial is kept while the proxy is silent" {
    expect 'what it says' "$(program -p $SILENT -- deadline 300ms 203.0.113.10:7)" 'dial: timeout'
    expect 'messages' "$(messages)" ''
    expect 'by name' "$(program -p $SILENT -- deadline 300ms page.example:7)" 'dial: timeout'
}

connections_to_silent() {
    world ss -Htn state established 'sport = :1101' | wc -l
}

has_connections_to_silent() { # COUNT
    [ "$(connections_to_silent)" -eq "$1" ]
}

supervisor_has_descriptors() { # PID COUNT
    [ "$(descriptors_of "$1")" -le "$2" ]
}

@test "canceled dials close their connections to the proxy, and leave nothing in the supervisor" {
    local before supervisor pid
    mkfifo "$BATS_TEST_TMPDIR/in"
    program -p $SILENT -- cancel 200 203.0.113.10:7 < "$BATS_TEST_TMPDIR/in" \
        > "$BATS_TEST_TMPDIR/out" 3>&- &
    pid=$!
    exec 9> "$BATS_TEST_TMPDIR/in"
    until_true has_connections_to_silent 200
    supervisor=$(supervisors)
    echo >&9
    until_true grep -q canceled "$BATS_TEST_TMPDIR/out"
    until_true has_connections_to_silent 0
    # As many as a supervisor has that has done nothing yet, and what it may keep once it worked.
    ip netns exec client "$SOCKSIFY" -p $SILENT "$BUSYBOX" sleep 20 3>&- 9>&- &
    local idle=$!
    until_true there_are_two_supervisors
    before=$(descriptors_of "$(supervisors | grep -vx "$supervisor")")
    kill $idle
    until_true supervisor_has_descriptors "$supervisor" $((before + 8))
    exec 9>&-
    wait $pid
    expect 'what it says' "$(cat "$BATS_TEST_TMPDIR/out")" 'canceled: 200'
    until_true supervisor_is_gone
}

there_are_two_supervisors() {
    [ "$(supervisors | wc -l)" -eq 2 ]
}
