# SPDX-License-Identifier: MIT
# Programs with a resolver of their own: their questions to any name server are answered in the
# process, from the address they were sent to, and the stand-ins they get lead through the proxy.

load ../support/lab
load ../support/proxies

setup_file() {
    lab_up
    start_targets
    start_proxies socksify
    start_server names world 53 "$SUPPORT/name-server" 203.0.113.10 53
    echo '10.77.0.99 known.lan' >> /etc/netns/client/hosts
}

teardown_file() {
    stop_all
}

setup() {
    configure 'dns-server 203.0.113.10'
}

teardown() {
    assert_no_leak
}

configure() { # LINES, below the proxy and the default
    export SOCKSIFY_CONF=$BATS_TEST_TMPDIR/conf
    printf 'proxy p %s\ndefault p\n%s\n' "${PROXY[socksify]}" "$1" > "$SOCKSIFY_CONF"
}

program() { # PROGRAM [ARG...]
    client timeout 20 "$SOCKSIFY" "$@" 2> "$BATS_TEST_TMPDIR/stderr"
}

probe() { # [ARG...]
    program "$PROBES/probe-dns" "$@"
}

# Stand-ins become words: V4 or V6, and a number that is the name's own.
leveled() {
    sed -E 's/198\.1[89]\.[0-9]+\.[0-9]+/V4/g; s/fd73:6f63:6b73::[0-9a-f:]*/V6/g'
}

AAAA=28
MX=15
TXT=16
HTTPS=65
NAMESERVERS='8.8.8.8 203.0.113.10 127.0.0.53 127.0.0.1 10.77.0.77 2001:db8::53 ::1'

@test "whatever the name server, the answer is a stand-in and comes from the address that was asked" {
    local nameserver how
    for nameserver in $NAMESERVERS; do
        for how in '' -c; do
            # shellcheck disable=SC2086
            expect "$nameserver $how" "$(probe $how "$nameserver" page.example | leveled)" \
                'page.example: NOERROR V4'
        done
        expect "$nameserver, over TCP" "$(probe -T "$nameserver" page.example | leveled)" \
            'page.example: NOERROR V4'
    done
}

@test "an IPv6 socket that asks an IPv4 name server is answered in that form" {
    expect 'unconnected' "$(probe -6 8.8.8.8 page.example | leveled)" 'page.example: NOERROR V4'
    expect 'connected' "$(probe -6 -c 8.8.8.8 page.example | leveled)" 'page.example: NOERROR V4'
    expect 'TCP' "$(probe -6 -T 8.8.8.8 page.example | leveled)" 'page.example: NOERROR V4'
}

@test "every call that sends, receives and waits can be used, with several questions in flight" {
    local send receive wait wanted
    wanted=$(printf '%s.example: NOERROR V4\n' a b c d)
    for send in sendto sendmsg sendmmsg; do
        for receive in recvfrom recvmsg recvmmsg recv read readv; do
            for wait in poll epoll select timeout; do
                expect "$send, $wait, $receive" "$(probe -s $send -r $receive -w $wait 8.8.8.8 \
                    a.example b.example c.example d.example | leveled)" "$wanted"
            done
        done
    done
    for send in send write writev sendto sendmsg sendmmsg; do
        expect "connected, $send" "$(probe -c -s $send -w epoll 192.0.2.53 a.example b.example \
            c.example d.example | leveled)" "$wanted"
    done
}

@test "the stand-ins are getaddrinfo's, one for each name, and lead to the target" {
    local got
    expect 'A' "$(probe 8.8.8.8 page.example)" \
        "page.example: NOERROR $(program getent ahostsv4 page.example | sed -n '1s/ .*//p')"
    expect 'AAAA' "$(probe -t $AAAA 8.8.8.8 page.example)" \
        "page.example: NOERROR $(program getent ahostsv6 page.example | sed -n '1s/ .*//p')"
    expect 'different names' "$(probe 8.8.8.8 {a,b,c,d,e,f,g,h}.example | sort -u -k 3 | wc -l)" 8
    expect 'the page, IPv4' "$(probe -g 80 8.8.8.8 page.example | tail -n 1)" "page: $PAGE"
    expect 'the page, IPv6' "$(probe -g 80 -t $AAAA 2001:db8::53 page.example | tail -n 1)" \
        "page: $PAGE"
}

@test "this host and the hosts file are answered from there" {
    expect 'the answers' "$(probe 8.8.8.8 localhost known.lan)" \
        $'localhost: NOERROR 127.0.0.1\nknown.lan: NOERROR 10.77.0.99'
}

@test "other types are the dns-server's, over TCP through the proxy; without one SERVFAIL" {
    expect 'MX' "$(probe -t $MX 8.8.8.8 page.example)" 'page.example: NOERROR type15'
    expect 'nowhere' "$(probe -t $MX 8.8.8.8 nowhere.example)" 'nowhere.example: NXDOMAIN'
    expect_match 'what the name server heard' "$(stdout_of names)" $'tcp page.example 15\n'
    expect 'by UDP' "$(stdout_of names | grep -c udp || true)" 0
    configure ''
    expect 'MX' "$(probe -t $MX 8.8.8.8 page.example)" 'page.example: SERVFAIL'
    expect_match 'what is said' "$(cat "$BATS_TEST_TMPDIR/stderr")" '^[^'$'\n'']*dns-server[^'$'\n'']*$'
    expect 'HTTPS, asked for along with addresses' "$(probe -t $HTTPS 8.8.8.8 page.example)" \
        'page.example: NOERROR'
    expect 'what is said' "$(cat "$BATS_TEST_TMPDIR/stderr")" ''
}

@test "an answer that is too long is truncated, and whole over TCP or with room for it" {
    expect 'UDP' "$(probe -t $TXT 8.8.8.8 big.example)" 'big.example: NOERROR tc'
    expect 'EDNS, too small' "$(probe -e 1232 -t $TXT 8.8.8.8 big.example)" 'big.example: NOERROR tc'
    expect_match 'EDNS' "$(probe -e 4096 -t $TXT 8.8.8.8 big.example)" \
        '^big.example: NOERROR( type16){12}$'
    expect_match 'TCP' "$(probe -T -t $TXT 8.8.8.8 big.example)" \
        '^big.example: NOERROR( type16){12}$'
    expect_match 'dig, which tries again' "$(program dig +short TXT big.example | wc -l)" '^12$'
    expect_match 'nearly as long as can be' "$(program dig +short TXT huge.example | wc -l)" '^240$'
}

@test "a question that takes its time holds up no other" {
    # The name server is silent about the first name; the second is answered meanwhile.
    local got
    got=$(probe -t $MX 8.8.8.8 silent.example page.example)
    expect 'the answers' "$got" $'silent.example: silence\npage.example: NOERROR type15'
}

@test "garbage is refused or ignored, and the next question answered" {
    local garbage
    for garbage in 00 ffff ffff81000001000000000000 ffff81000001000000000000ffff; do
        expect "$garbage" "$(probe -x $garbage 8.8.8.8 page.example | leveled)" \
            $'garbage: silence\npage.example: NOERROR V4'
    done
    for garbage in ffff01000001000000000000 ffff0100000100000000000003 \
        ffff01000001000000000000ff ffff01000001000000000000c00c00010001 ffff01000000000000000000; do
        expect "$garbage" "$(probe -x $garbage 8.8.8.8 page.example | leveled)" \
            $'garbage: FORMERR\npage.example: NOERROR V4'
    done
    expect 'an unknown operation' \
        "$(probe -x ffff2800000100000000000001610000010001 8.8.8.8 page.example | leveled)" \
        $'garbage: NOTIMP\npage.example: NOERROR V4'
}

@test "a name that a rule sends direct is asked of the name server that the program chose" {
    configure $'direct real.example\ndns-server 203.0.113.99'
    client nft insert rule inet lab output ip daddr 203.0.113.10 udp dport 53 accept
    client nft insert rule inet lab output ip daddr 203.0.113.10 tcp dport 53 accept
    run probe 203.0.113.10 real.example other.proxied
    client nft delete rule inet lab output handle "$(rule_handle 'tcp dport 53')"
    client nft delete rule inet lab output handle "$(rule_handle 'udp dport 53')"
    expect 'the answers' "$(leveled <<< "$output")" \
        $'real.example: NOERROR 192.0.2.1\nother.proxied: NOERROR V4'
    expect_match 'what the name server heard' "$(stdout_of names)" 'udp real.example 1'
    [[ $(stdout_of names) != *other.proxied* ]]
}

rule_handle() {
    client nft -a list chain inet lab output | sed -n "/$1 accept/s/.*handle //p"
}

@test "a child asks on with the socket it inherited, and with one of its own" {
    expect 'the answers' "$(program python3 -c 'import dns.message, os, socket
query = dns.message.make_query("page.example", "A").to_wire()
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.connect(("8.8.8.8", 53))
def ask(s):
    s.send(query)
    print(dns.message.from_wire(s.recv(512)).answer[0][0].address, flush=True)
ask(s)
if os.fork() == 0:
    ask(s)
    own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    own.settimeout(5)
    own.connect(("8.8.8.8", 53))
    ask(own)
    os._exit(0)
os.wait()
ask(s)' | leveled)" $'V4\nV4\nV4\nV4'
}

@test "a hundred thousand questions cost no memory" {
    local got
    got=$(program python3 -c 'import dns.message, socket
query = dns.message.make_query("page.example", "A").to_wire()
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.connect(("8.8.8.8", 53))
def resident():
    return int(open("/proc/self/statm").read().split()[1])
def ask(count):
    for i in range(count):
        s.send(query)
        assert len(s.recv(512)) == len(query) + 16
ask(1000)
before = resident()
ask(100000)
print(resident() - before)')
    expect "growth of at most 16 pages, which is $got" "$((got <= 16))" 1
}

@test "without socksify the questions do go to the name server: the lab sees it" {
    expect 'the answer' "$(client "$PROBES/probe-dns" 8.8.8.8 page.example 2>&1)" 'sendto: EPERM'
    [ "$(leaked_packets)" -gt 0 ]
}
