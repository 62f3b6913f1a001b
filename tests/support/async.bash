# SPDX-License-Identifier: MIT
# For the tests of non-blocking connects: a proxy and targets that take their time, and probes that
# are run twice, through that proxy and, as a control, without socksify on a slow wire. Both must say
# the same. Load it after lab.bash.

# The client's side of the slow wire is 10.78.0.2; what lies behind it is never proxied.
CONTROL=203.0.113.20
TARGET=203.0.113.10
ONE_WAY_MS=50

# A target that is behind the proxy at TARGET, and on the slow wire at CONTROL, by port.
ECHO=7000    # says everything again
EARLY=7001   # speaks first
REFUSED=7002 # refuses
UNREACHED=7003

slow_wire_up() {
    start slow-link - "$PROBES/slow-link" $ONE_WAY_MS slow0 client slow0 world
    until_true grep -q up "$BATS_FILE_TMPDIR/slow-link.out"
    client ip addr add 10.78.0.2/24 dev slow0
    world ip addr add 10.78.0.1/24 dev slow0
    client ip link set slow0 up
    world ip link set slow0 up
    world ip addr add $CONTROL/32 dev lo
    client ip route add $CONTROL/32 dev slow0
    client nft insert rule inet lab output oifname slow0 accept
    start_script control-echo world $CONTROL:$ECHO echo
    start_script control-early world $CONTROL:$EARLY 'text hello' echo
    world nft -f - <<NFT
table inet refusals {
    chain input {
        type filter hook input priority 0; policy accept;
        tcp dport $UNREACHED reject with icmpx host-unreachable
    }
}
NFT
}

# What a proxy that takes its time answers to each of these ports; it is a proxy of its own.
ACCEPT=('frame greeting' 'delay 60' 'send 05 00' 'frame request' 'delay 80')
HANDSHAKE_MS=135 # less than the two delays, for clocks that round

slow_proxies_up() {
    start_script proxy-$ECHO world 10.77.0.1:1100 "${ACCEPT[@]}" 'send 05 00 00 01 00*6' echo
    start_script proxy-$EARLY world 10.77.0.1:1101 "${ACCEPT[@]}" \
        'send 05 00 00 01 00*6 68 65 6c 6c 6f' echo
    start_script proxy-$REFUSED world 10.77.0.1:1102 "${ACCEPT[@]}" 'send 05 05 00 01 00*6'
    start_script proxy-$UNREACHED world 10.77.0.1:1103 "${ACCEPT[@]}" 'send 05 04 00 01 00*6'
    start_script proxy-silent world 10.77.0.1:1104 'frame greeting' hold
    start_script proxy6-$ECHO world '[fd77::1]:1100' "${ACCEPT[@]}" 'send 05 00 00 01 00*6' echo
}

# proxied [OPTION...] -- PROGRAM PROBE [PORT]: by default through the proxy of that port.
proxied() {
    local options=()
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    local port=${4-$ECHO}
    [ ${#options[@]} -gt 0 ] || options=(-p "socks5://10.77.0.1:$((1100 + port - ECHO))")
    BIND_ADDRESS=10.77.0.2 client timeout 30 "$SOCKSIFY" "${options[@]}" "$PROBES/$2" "$3" \
        "${ADDRESS-$TARGET}" "$port" "${MIN_MS-$HANDSHAKE_MS}"
}

# controlled PROGRAM PROBE [PORT]: without socksify.
controlled() {
    BIND_ADDRESS=10.78.0.2 client timeout 30 "$PROBES/$1" "$2" "$CONTROL" "${3-$ECHO}" \
        $((2 * ONE_WAY_MS - 2))
}

# Run a command; what it says, and how it ended if that was not well, go to a file.
to_file() { # FILE COMMAND...
    local file=$1
    shift
    "$@" > "$file" 2>&1 < /dev/null 3>&- || echo "ended with $?" >> "$file"
}

is_right() { # FILE
    ! grep -q 'too early\|too late\|in vain\|ended with\|signal' "$1"
}

# Run a probe both ways.
both_ways() { # PROGRAM PORT PROBE
    to_file "$BATS_TEST_TMPDIR/$3.control" controlled "$1" "$3" "$2"
    to_file "$BATS_TEST_TMPDIR/$3.proxied" proxied -- "$1" "$3" "$2"
}

is_like_control() { # PROBE
    is_right "$BATS_TEST_TMPDIR/$1.proxied" &&
        cmp -s "$BATS_TEST_TMPDIR/$1.control" "$BATS_TEST_TMPDIR/$1.proxied"
}

# The machine had other things to do; a program that waits where it must not is late each time.
is_late() { # PROBE
    grep -q 'too late' "$BATS_TEST_TMPDIR/$1.control" "$BATS_TEST_TMPDIR/$1.proxied"
}

# like_control PROGRAM PORT PROBE...: each says the same through the proxy and directly. All that do
# not are shown.
like_control() {
    local program=$1 port=$2 probe try failed=0
    shift 2
    for probe in "$@"; do
        both_ways "$program" "$port" "$probe" &
        [ "$(jobs -rp | wc -l)" -lt 6 ] || wait -n || true
    done
    wait
    for probe in "$@"; do
        for try in 1 2 3; do
            is_late "$probe" || break
            both_ways "$program" "$port" "$probe"
        done
        if ! is_like_control "$probe"; then
            echo "--- $probe, through the proxy, $try times:"
            cat "$BATS_TEST_TMPDIR/$probe.proxied"
            echo "--- and directly:"
            cat "$BATS_TEST_TMPDIR/$probe.control"
            failed=$((failed + 1))
        fi
    done
    echo "$failed of $# failed"
    [ $# -gt 0 ] && [ "$failed" -eq 0 ]
}

# says TEXT OPTION... -- PROGRAM PROBE [PORT]: for probes that have no control.
says() {
    local wanted=$1
    shift
    expect "what it says, with $*," "$(proxied "$@" 2>&1 < /dev/null || echo "ended with $?")" \
        "$wanted"
}
