# SPDX-License-Identifier: MIT
# What is no TCP: refused with EACCES and one line, by whatever call it is sent; allowed where the
# configuration says so; and who only asks the kernel something gets its answer.

load ../support/lab
load ../support/proxies

setup_file() {
    lab_up
    start_targets
    start_proxies socksify
    watch_frames
    # What the world receives on this port it prints.
    start sink world python3 -u -c 'import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", 9999))
while True: print(s.recvfrom(2000)[0].rstrip(b"\0").decode())'
    until_true is_bound
}

is_bound() {
    [ -n "$(world ss -Hlun 'sport = :9999')" ]
}

teardown_file() {
    stop_all
}

teardown() {
    assert_no_leak
    assert_no_frame
}

# probe WAY ADDRESS [PORT]: stdout, with stderr in the file.
probe() {
    through socksify "$PROBES/probe-datagram" "$@" 2> "$BATS_TEST_TMPDIR/stderr"
}

messages() {
    cat "$BATS_TEST_TMPDIR/stderr"
}

OUTSIDE='203.0.113.10 2001:db8:77::10 [203.0.113.10] 10.77.0.77 fe80::1'

assert_refused() { # WAY ADDRESS PORT TEXT
    expect "$1 to $2" "$(probe "$1" "$2" "$3")" "${1}: EACCES"
    expect_match "what is said of $1 to $2" "$(messages)" \
        "^socksify: probe-datagram\\[[0-9]+\\]: datagrams to ${4}: blocked: [^"$'\n'"]*\$"
}

@test "a datagram with an address is refused, whichever call sends it" {
    local way address
    for way in sendto sendmsg sendmmsg; do
        for address in $OUTSIDE; do
            assert_refused $way "$address" 9999 '.*:9999'
        done
    done
}

@test "a datagram on a connected socket is refused, whichever call sends it" {
    local way address
    for way in send write writev sendmsg0 sendmmsg0 dup child; do
        for address in $OUTSIDE; do
            assert_refused $way "$address" 9999 '.*:9999'
        done
    done
}

@test "a datagram to a host name is told of by the name, and by what would let it out" {
    local mode
    for mode in preload supervise; do
        run -0 through socksify --mode $mode --report python3 -c 'import socket
print(socket.socket(type=socket.SOCK_DGRAM).connect_ex(("page.example", 9999)))
with socket.socket(type=socket.SOCK_DGRAM) as s:
    try: s.sendto(b"x", ("page.example", 9999))
    except PermissionError: pass'
        expect_match "what is said with $mode" "$output" \
            ': datagrams to page.example:9999: blocked: .*`direct` for this name, and `udp direct`,'
        expect_match 'the report' "$output" '  page.example:9999  datagram, blocked +[12] '
    done
}

@test "a connected socket that another program inherits sends nothing, either" {
    local address
    for address in $OUTSIDE; do
        probe -x child "$address" 9999
    done
    through socksify bash -c 'exec 3> /dev/udp/203.0.113.10/9999; /bin/echo leaked >&3' || true
}

@test "one line a program, however many datagrams" {
    through socksify python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(50):
    try:
        s.sendto(b"x", ("203.0.113.%d" % i, 9999))
        print("sent")
    except PermissionError:
        pass' > "$BATS_TEST_TMPDIR/stdout" 2> "$BATS_TEST_TMPDIR/stderr"
    expect 'what was sent' "$(cat "$BATS_TEST_TMPDIR/stdout")" ''
    expect 'the number of lines' "$(messages | wc -l)" 1
}

@test "multicast and broadcast are refused, and so is joining a group" {
    assert_refused sendto 224.0.0.251 5353 '224\.0\.0\.251:5353'
    assert_refused sendto ff02::fb 5353 '\[ff02::fb\]:5353'
    assert_refused broadcast 255.255.255.255 67 '255\.255\.255\.255:67'
    assert_refused broadcast 10.77.0.255 9999 '10\.77\.0\.255:9999'
    assert_refused join 224.0.0.251 0 '224\.0\.0\.251:0'
    assert_refused join ff02::fb 0 '\[ff02::fb\]:0'
}

@test "an address without a family, and a source route, are no ways out" {
    assert_refused unspecified 203.0.113.10 9999 '203\.0\.113\.10:9999'
    expect 'a route as an option' "$(probe route 203.0.113.10 9)" 'route: EACCES'
    expect 'a route with a message' "$(probe route-message 203.0.113.10 9)" 'route-message: EACCES'
}

@test "UDP-Lite, ICMP and raw sockets are there, and their datagrams refused like UDP's" {
    local kind
    for kind in udplite icmp raw; do
        expect "opening" "$(probe open ${kind} -)" "$kind: 0"
        assert_refused $kind 203.0.113.10 9 '203\.0\.113\.10.*'
        assert_refused $kind 2001:db8:77::10 9 '\[2001:db8:77::10\].*'
    done
}

@test "SCTP and DCCP are not there, packet sockets not permitted" {
    local kind
    for kind in sctp sctp-seqpacket dccp dccp-by-type; do
        expect "opening" "$(probe open $kind -)" "$kind: EPROTONOSUPPORT"
        expect_match 'what is said' "$(messages)" '^socksify: [^:]*: (SCTP|DCCP) sockets: refused'
    done
    expect "opening" "$(probe open packet -)" "packet: EPERM"
    expect_match 'what is said' "$(messages)" '^socksify: [^:]*: packet sockets: refused'
    for kind in unix netlink; do
        expect "opening" "$(probe open $kind -)" "$kind: 0"
    done
}

@test "MPTCP is TCP, and goes through the proxy" {
    local got
    got=$(through socksify python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
s.connect((socket.gethostbyname("page.example"), 80))
s.sendall(b"GET /page HTTP/1.0\r\n\r\n")
sys.stdout.write(s.makefile().read().split("\n\n")[1])')
    expect 'the page' "$got" "$PAGE"
}

@test "a program that connects a datagram socket to learn its own address learns it" {
    expect 'IPv4' "$(probe own 203.0.113.10 9)" $'address: 10.77.0.2\npeer: 203.0.113.10\nown: 0'
    expect 'IPv6' "$(probe own 2001:db8:77::10 9)" $'address: fd77::2\npeer: 2001:db8:77::10\nown: 0'
    expect 'mapped' "$(probe own '[203.0.113.10]' 9)" \
        $'address: ::ffff:10.77.0.2\npeer: ::ffff:203.0.113.10\nown: 0'
    expect 'of a name server' "$(probe own 8.8.8.8 53)" $'address: 10.77.0.2\npeer: 8.8.8.8\nown: 0'
    expect 'this host' "$(probe own 127.0.0.1 9)" $'address: 127.0.0.1\npeer: 127.0.0.1\nown: 0'
}

@test "an address without a route is ENETUNREACH, as without the library" {
    client ip route del default
    run probe own 203.0.113.10 9
    client ip route add default via 10.77.0.1
    expect 'the output' "$output" 'connect: ENETUNREACH'
}

@test "datagrams within this host pass" {
    local way address
    for way in sendto sendmsg sendmmsg send write writev sendmsg0 sendmmsg0 dup child broadcast; do
        for address in 127.0.0.1 ::1 '[127.0.0.1]' 127.9.9.9; do
            expect "$way to $address" "$(probe $way "$address" 9998)" "$way: 0"
        done
    done
    expect 'messages' "$(messages)" ''
}

# configure LINES: the configuration, below the proxy and the default.
configure() {
    export SOCKSIFY_CONF=$BATS_TEST_TMPDIR/conf
    printf 'proxy p %s\ndefault p\n%s\n' "${PROXY[socksify]}" "$1" > "$SOCKSIFY_CONF"
}

configured() { # WAY ADDRESS PORT
    client timeout 20 "$SOCKSIFY" "$PROBES/probe-datagram" "$@" 2> /dev/null
}

# Received by the world, and not through a hole: only this test's packets may leave.
arrives() { # CONFIGURATION-LINES PROBE-WAY ADDRESS PORT
    local before
    configure "$1"
    before=$(stdout_of sink | wc -l)
    client nft insert rule inet lab output udp dport 9999 accept
    expect "$2 to $3 with $1" "$(configured "$2" "$3" "$4")" "$2: 0"
    client nft delete rule inet lab output handle \
        "$(client nft -a list chain inet lab output | sed -n '/9999/s/.*handle //p')"
    until_true arrived "$before"
    world nft reset counter netdev frames others > /dev/null
}

arrived() {
    [ "$(stdout_of sink | wc -l)" -gt "$1" ]
}

@test "udp direct lets them out, to the destinations and from the programs it names" {
    local way
    for way in sendto sendmsg sendmmsg send write writev sendmsg0 sendmmsg0 dup child; do
        arrives 'udp direct' $way 203.0.113.10 9999
        arrives 'udp direct 2001:db8:77::/64' $way 2001:db8:77::10 9999
    done
    arrives 'udp direct 203.0.113.10:9999' sendto '[203.0.113.10]' 9999
    arrives $'[app probe-datagram]\nudp direct' sendto 203.0.113.10 9999
}

@test "udp direct for others lets nothing out" {
    local lines
    for lines in 'udp direct 203.0.113.11' 'udp direct 203.0.113.10:9998' \
        $'[app another]\nudp direct' $'udp block 203.0.113.0/24\nudp direct'; do
        configure "$lines"
        expect "$lines" "$(configured sendto 203.0.113.10 9999)" 'sendto: EACCES'
    done
}

@test "udp block can shut this host, too" {
    configure 'udp block 127.0.0.1'
    expect 'send' "$(configured send 127.0.0.1 9999)" 'send: EACCES'
    expect 'sendto' "$(configured sendto 127.0.0.1 9999)" 'sendto: EACCES'
    expect 'another address' "$(configured send ::1 9999)" 'send: 0'
}

@test "a configuration that cannot be used lets no datagram out" {
    echo 'nonsense' > "$BATS_TEST_TMPDIR/conf"
    expect 'without the wrapper' "$(client env LD_PRELOAD="$BUILD/libsocksify.so" \
        SOCKSIFY_CONF="$BATS_TEST_TMPDIR/conf" "$PROBES/probe-datagram" sendto 203.0.113.10 9999 \
        2> /dev/null)" 'sendto: EACCES'
}

@test "without socksify all of that leaves: the lab sees it" {
    local way
    for way in sendto send broadcast join icmp raw udplite unspecified route; do
        client "$PROBES/probe-datagram" $way 224.0.0.9 9999 > /dev/null 2>&1 || true
        until_true packet_left # the kernel's report of a group takes a moment
    done
    client python3 -c 'import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
s.send(b"\xff" * 12 + b"\x08\x42" + b"x" * 46)'
    until_true frame_came
    leaked_packets
}

packet_left() {
    [ "$(leaked_packets)" -gt 0 ]
}

frame_came() {
    [ "$(unexpected_frames)" -gt 0 ]
}
