# SPDX-License-Identifier: MIT
# DNS through libc's own resolver functions: what is known is answered in the program, the rest goes
# to the dns-server through the proxy, and nothing goes to a name server beside it.

load ../support/lab
load ../support/proxies

setup_file() {
    lab_up
    control_up
    start_proxies socksify
    start_server names world 53 "$SUPPORT/name-server" 203.0.113.10 53
    echo '10.77.0.99 known.lan' >> /etc/netns/client/hosts
}

teardown_file() {
    stop_all
}

setup() {
    CONF=$BATS_TEST_TMPDIR/socksify.conf
    configure 'dns-server 203.0.113.10'
    asked > /dev/null
}

teardown() {
    assert_no_leak
}

A=1
PTR=12
MX=15
TXT=16
AAAA=28
SRV=33
SVCB=64
HTTPS=65
ANY=255
FUNCTIONS='query search querydomain send nquery nsearch nquerydomain nsend'

# A machine of its own with the same name server for its own: how glibc itself answers.
control_up() {
    mkdir -p /etc/netns/control
    ip netns add control
    ip -n control link set lo up
    echo 'nameserver 127.0.0.1' > /etc/netns/control/resolv.conf
    start_server control control 53 "$SUPPORT/name-server" 127.0.0.1 53
}

control() { # PROBE [ARG...]
    ip netns exec control timeout 60 "$PROBES/$1" "${@:2}"
}

# configure LINES: the configuration, below the proxy and the default.
configure() {
    printf 'proxy p %s\ndefault p\n%s\n' "${PROXY[socksify]}" "$1" > "$CONF"
}

# Standard error goes to the file $BATS_TEST_TMPDIR/stderr.
probe() { # PROBE [ARG...]
    client timeout 30 "$SOCKSIFY" -f "$CONF" "$PROBES/$1" "${@:2}" 2> "$BATS_TEST_TMPDIR/stderr"
}

socksified() { # COMMAND [ARG...]
    client timeout 30 "$SOCKSIFY" -f "$CONF" "$@"
}

# What the world's name server was asked since the last call.
asked() {
    local file=$BATS_FILE_TMPDIR/names.out seen=$BATS_FILE_TMPDIR/seen
    [ -e "$seen" ] || echo 0 > "$seen"
    tail -n +$(($(cat "$seen") + 1)) "$file"
    wc -l < "$file" > "$seen"
}

# The name under which an address stands in the tree of names.
reversed() { # ADDRESS
    python3 -c 'import ipaddress, sys
print(ipaddress.ip_address(sys.argv[1]).reverse_pointer)' "$1"
}

standin() { # NAME 4|6
    socksified getent "ahostsv$2" "$1" | sed -n '1s/ .*//p'
}

@test "every function answers A and AAAA with the stand-ins that getaddrinfo gives" {
    local function name v4 v6
    v4=$(standin page.example 4)
    v6=$(standin page.example 6)
    for function in $FUNCTIONS; do
        for name in "$function" "__$function"; do
            expect "$name A" "$(probe probe-res "$name" page.example $A)" \
                "46 octets, rcode=0 tc=0 ad=0 answers=1: $v4"
            expect "$name AAAA" "$(probe probe-res "$name" page.example $AAAA)" \
                "58 octets, rcode=0 tc=0 ad=0 answers=1: $v6"
        done
    done
    expect 'what the name server was asked' "$(asked)" ''
}

@test "the same functions without the library do ask: a test that cannot fail proves nothing" {
    expect 'without the library' "$(client timeout 5 "$PROBES/probe-res" query page.example $A)" \
        '-1 h_errno=2'
    [ "$(leaked_packets)" -gt 0 ]
}

@test "a name looked up by res_query can be connected to" {
    local address
    address=$(probe probe-res query page.example $A | sed 's/.*: //')
    start_script page world 203.0.113.10:80 'text hello\n'
    expect_match 'the way' "$(socksified -v nc -N "$address" 80 2>&1 < /dev/null)" \
        'page\.example:80 via p: connected'
    stop page
}

@test "names of the hosts file and of this host are answered from there, whatever is asked" {
    expect 'known.lan A' "$(probe probe-res query known.lan $A)" \
        '43 octets, rcode=0 tc=0 ad=0 answers=1: 10.77.0.99'
    expect 'known.lan AAAA' "$(probe probe-res query known.lan $AAAA)" '-1 h_errno=4'
    expect 'localhost A' "$(probe probe-res query localhost $A)" \
        '43 octets, rcode=0 tc=0 ad=0 answers=1: 127.0.0.1'
    expect 'localhost AAAA' "$(probe probe-res query localhost $AAAA)" \
        '55 octets, rcode=0 tc=0 ad=0 answers=1: ::1'
    expect 'localhost MX' "$(probe probe-res query x.localhost $MX)" '-1 h_errno=4'
    expect 'what the name server was asked' "$(asked)" ''
}

@test "a stand-in is called by its name, another proxied address has none" {
    local v4 v6
    v4=$(standin page.example 4)
    v6=$(standin page.example 6)
    expect_match 'of the IPv4 one' "$(probe probe-res query "$(reversed "$v4")" $PTR)" \
        'answers=1: page\.example$'
    expect_match 'of the IPv6 one' "$(probe probe-res query "$(reversed "$v6")" $PTR)" \
        'answers=1: page\.example$'
    expect_match 'of this host' "$(probe probe-res query 1.0.0.127.in-addr.arpa $PTR)" \
        'answers=1: localhost$'
    expect 'of an unknown stand-in' "$(probe probe-res query 254.255.19.198.in-addr.arpa $PTR)" \
        '-1 h_errno=1'
    expect 'of an address' "$(probe probe-res query 10.113.0.203.in-addr.arpa $PTR)" '-1 h_errno=1'
    expect 'what the name server was asked' "$(asked)" ''
}

@test "other types go to the dns-server over TCP, by every function" {
    local function
    for function in $FUNCTIONS; do
        expect "$function" "$(probe probe-res "$function" a.example $MX)" \
            '55 octets, rcode=0 tc=0 ad=0 answers=1: mail.example'
    done
    expect 'what the name server was asked' "$(asked | sort | uniq -c | tr -s ' ')" \
        " 8 tcp a.example $MX"
}

# ARGUMENTS of probe-res, one set a line: the same answer here as from glibc, which asks the same
# server without a proxy.
compare_with_glibc() {
    local call
    while read -r call; do
        read -ra words <<< "$call"
        expect "$call" "$(probe probe-res "${words[@]}")" "$(control probe-res "${words[@]}")"
    done
}

@test "forwarded answers, their lengths and h_errno are as glibc's" {
    compare_with_glibc << END
query a.example $MX
query a.example $TXT
query a.example $HTTPS
query _sip._tcp.a.example $SRV
query nowhere.example $TXT
query empty.example $TXT
query big.example $TXT
query big.example $TXT 12
query big.example $TXT 600
query big.example $TXT 3000
query a\\.b.example $TXT
query a..b $TXT
query a.example $MX 11
nquery nowhere.example $TXT
nquery a.example $TXT
search a.example $TXT
search a.example. $TXT
search nowhere.example. $TXT
nsearch empty.example. $TXT
querydomain a.example $TXT
querydomain nowhere.example $TXT
send a.example $TXT
send nowhere.example $TXT
send empty.example $TXT
nsend big.example $TXT
nsend a.example $TXT 11
END
}

@test "refusals by the name server have glibc's h_errno" {
    compare_with_glibc << END
query servfail.example $TXT
query refused.example $TXT
send servfail.example $TXT
nsend refused.example $TXT
END
}

@test "without a dns-server other types fail at once, with one message that says why" {
    configure ''
    expect 'MX' "$(probe probe-res query a.example $MX)" '-1 h_errno=2'
    expect_match 'stderr' "$(cat "$BATS_TEST_TMPDIR/stderr")" \
        '^socksify: probe-res\[[0-9]+\]: DNS query for a\.example, type MX, refused: the configuration has no "dns-server" line to send it to$'
    expect 'ANY' "$(probe probe-res send a.example $ANY)" '-1 h_errno=0'
    # Programs ask these for every name they connect to: nothing to be told.
    local type
    for type in $HTTPS $SVCB; do
        expect "type $type" "$(probe probe-res query a.example "$type")" '-1 h_errno=4'
        expect 'stderr' "$(cat "$BATS_TEST_TMPDIR/stderr")" ''
    done
    expect 'what the name server was asked' "$(asked)" ''
}

@test "one message a process, however many queries" {
    configure ''
    socksified python3 - 2> "$BATS_TEST_TMPDIR/stderr" << 'END'
import ctypes
libc = ctypes.CDLL(None)
answer = ctypes.create_string_buffer(512)
for i in range(5):
    assert libc.res_query(b"a%d.example" % i, 1, 15, answer, 512) == -1
END
    expect 'lines' "$(grep -c 'no "dns-server" line' "$BATS_TEST_TMPDIR/stderr")" 1
}

@test "a dns-server that fails is told, and the program gets TRY_AGAIN" {
    configure 'dns-server 203.0.113.10:9
timeout 2'
    expect 'refused' "$(probe probe-res query a.example $MX)" '-1 h_errno=2'
    expect_match 'stderr' "$(cat "$BATS_TEST_TMPDIR/stderr")" \
        'dns-server 203\.0\.113\.10:9 via p: the target refused the connection \(request, code 5\)'
    configure 'dns-server 203.0.113.10
timeout 2'
    expect 'silent' "$(probe probe-res query silent.example $MX)" '-1 h_errno=2'
    expect_match 'stderr' "$(cat "$BATS_TEST_TMPDIR/stderr")" \
        'dns-server 203\.0\.113\.10:53 via p: no answer in time'
    expect 'another answer' "$(probe probe-res query other.example $MX)" '-1 h_errno=2'
    expect_match 'stderr' "$(cat "$BATS_TEST_TMPDIR/stderr")" \
        'dns-server 203\.0\.113\.10:53 via p: malformed input'
    start_script closes world 203.0.113.10:5301 'read 2'
    configure 'dns-server 203.0.113.10:5301'
    expect 'closed early' "$(probe probe-res query a.example $MX)" '-1 h_errno=2'
    expect_match 'stderr' "$(cat "$BATS_TEST_TMPDIR/stderr")" \
        'via p: Connection reset by peer'
    stop closes
}

@test "the dns-server may have a name, which the proxy resolves, and a route of its own" {
    configure 'dns-server page.example'
    expect_match 'by name' "$(probe probe-res query a.example $MX)" 'mail\.example$'
    configure 'dns-server page.example
block page.example:53'
    expect 'blocked' "$(probe probe-res query a.example $MX)" '-1 h_errno=2'
    expect_match 'stderr' "$(cat "$BATS_TEST_TMPDIR/stderr")" 'blocked by a rule'
    expect 'what the name server was asked' "$(asked)" "tcp a.example $MX"
}

@test "a dns-server on a direct route is asked directly, over TCP, also by name" {
    start_server direct client 53 "$SUPPORT/name-server" 127.0.0.1 53
    configure 'dns-server 127.0.0.1'
    expect_match 'by address' "$(probe probe-res query a.example $MX)" 'mail\.example$'
    configure 'dns-server localhost'
    expect_match 'by name' "$(probe probe-res query a.example $MX)" 'mail\.example$'
    expect 'what it was asked' "$(stdout_of direct | uniq)" "tcp a.example $MX"
    stop direct
}

@test "a name that goes direct is asked of the real name server" {
    local function
    start_server direct client 53 "$SUPPORT/name-server" 127.0.0.1 53
    echo 'nameserver 127.0.0.1' > "$BATS_TEST_TMPDIR/resolv.conf"
    configure 'direct *.corp.example'
    for function in $FUNCTIONS; do
        expect_match "$function" "$(client unshare --mount sh -c '
            mount --bind "$1" /etc/resolv.conf && shift && exec timeout 20 "$@"' - \
            "$BATS_TEST_TMPDIR/resolv.conf" "$SOCKSIFY" -f "$CONF" "$PROBES/probe-res" "$function" \
            a.corp.example $A)" 'answers=1: 192\.0\.2\.1$'
    done
    expect 'what it was asked' "$(stdout_of direct | uniq)" "udp a.corp.example $A"
    expect 'what the other was asked' "$(asked)" ''
    stop direct
}

@test "a configuration that cannot be used answers nothing but this host" {
    expect 'a name' "$(SOCKSIFY_CONF=/nonexistent client env LD_PRELOAD="$BUILD/libsocksify.so" \
        "$PROBES/probe-res" query page.example $A 2> /dev/null)" '-1 h_errno=2'
    expect_match 'localhost' "$(SOCKSIFY_CONF=/nonexistent client env \
        LD_PRELOAD="$BUILD/libsocksify.so" "$PROBES/probe-res" query localhost $A 2> /dev/null)" \
        '127\.0\.0\.1$'
}

@test "getaddrinfo_a answers as getaddrinfo does, and tells the end in every way" {
    local v4 how told
    v4=$(standin page.example 4)
    for how in wait none signal thread; do
        case $how in
        signal) told=$'told 42 asynchronously\n' ;;
        thread) told=$'told 42\n' ;;
        *) told= ;;
        esac
        expect "$how" "$(probe probe-gai $how page.example)" "returned 0
${told}suspend: All requests done
page.example: $v4 cancel=All requests done"
        expect "$how, with others" "$(probe probe-gai $how page.example - known.lan 192.0.2.1)" \
            "returned 0
${told}suspend: All requests done
page.example: $v4 cancel=All requests done
known.lan: 10.77.0.99 cancel=All requests done
192.0.2.1: 192.0.2.1 cancel=All requests done"
    done
}

@test "getaddrinfo_a takes many requests, and bad ones" {
    local names
    mapfile -t names < <(printf 'name%d.example\n' {1..150})
    expect 'answers' "$(probe probe-gai none "${names[@]}" | grep -cE ': 198\.1[89]\.')" 150
    expect 'a bad name' "$(probe probe-gai wait 'a b' | tail -n 1)" \
        'a b: Name or service not known'
}

@test "getaddrinfo_a of libc's own asks a name server: a test that cannot fail proves nothing" {
    client timeout 5 "$PROBES/probe-gai" wait page.example || true
    [ "$(leaked_packets)" -gt 0 ]
}
