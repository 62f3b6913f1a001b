# SPDX-License-Identifier: MIT
# System calls of a supervised program, one by one: each says what it says without a proxy. Each probe
# is run without socksify, too, on a slow wire, and must print the same.

load ../support/lab
load ../support/async
load ../support/supervise

setup_file() {
    lab_up
    slow_wire_up
    slow_proxies_up
    start_server names world 53 "$SUPPORT/name-server" 203.0.113.10 53
    start_server relay world 1105 "$SOCKSIFY" --serve 10.77.0.1:1105
}

teardown_file() {
    stop_all
}

teardown() {
    assert_no_leak
}

CALLS=static/probe-calls
TASKS=static/probe-tasks
WAIT=static/probe-async-wait
OUTCOME=static/probe-async-outcome
LIFE=static/probe-async-life

# --- Arguments, good and bad ---

@test "a bad descriptor, or one of something else, is EBADF and ENOTSOCK for every call" {
    like_control $CALLS "$ECHO" bad-descriptors no-sockets unconnected
}

@test "an address that cannot be read is EFAULT, of a wrong length EINVAL, of a wrong family told so" {
    like_control $CALLS "$ECHO" unreadable lengths families
}

@test "who is connected is EISCONN, who listens cannot connect, AF_UNSPEC undoes it" {
    like_control $CALLS "$ECHO" twice listening unspecified
}

@test "a blocking connect waits for the end of the handshake, and its failure is the proxy's verdict" {
    like_control $CALLS "$ECHO" blocking
    like_control $CALLS "$REFUSED" refused
}

@test "what is sent in pieces arrives whole, by sendmsg, sendmmsg and sendto" {
    like_control $CALLS "$ECHO" pieces
}

@test "data may come along with the connect: MSG_FASTOPEN and TCP_FASTOPEN_CONNECT" {
    like_control $CALLS "$ECHO" fastopen fastopen-message fastopen-connect
    # Asked again too early, or when poll(2) may have called it ready: then it waits for the end.
    # shellcheck disable=SC2086
    expect_match 'without waiting' "$(proxied -- $CALLS fastopen-nonblocking 2>&1)" \
        $'^sendto: EINPROGRESS\nagain: (EALREADY|0)$'
    like_control $CALLS "$REFUSED" fastopen-refused
}

# --- Signals and deadlines ---

@test "a signal handler interrupts a connect, which goes on; SA_RESTART resumes it" {
    like_control $CALLS "$ECHO" restarted often-restarted hailed-on
    useful $CALLS "$ECHO" interrupted interrupted-and-polled
}

@test "SO_SNDTIMEO is the deadline when it is the shorter one" {
    like_control $CALLS "$ECHO" enough-time
    MIN_MS=190 says $'connect: ETIMEDOUT\nend\npeer: ENOTCONN' -q -p socks5://10.77.0.1:1104 -- \
        $CALLS send-timeout
}

# --- Threads and processes ---

@test "the socket is the one that was meant, whatever other threads do to the descriptor meanwhile" {
    like_control $CALLS "$ECHO" closed-by-another kept-by-a-copy replaced-by-another \
        connected-by-two
    expect 'a shutdown ends it' "$(proxied -q -p socks5://10.77.0.1:1100 -- $CALLS \
        shut-down-by-another)" $'shutdown: 0\nconnect: ECONNRESET\npeer: ENOTCONN'
}

@test "handshakes of threads do not wait for each other, nor other calls for handshakes" {
    like_control $CALLS "$ECHO" at-once others-go-on
}

@test "processes connect whatever they share with their parents" {
    like_control $TASKS "$ECHO" alone with-memory with-descriptors with-both with-everything \
        by-vfork for-the-parent grandchild orphan many-children
}

@test "a descriptor is looked for in the table of the very thread" {
    like_control $TASKS "$ECHO" at-a-number-of-its-own thread-with-own-table leader-gone
}

@test "in namespaces of their own, as another user, and with no descriptor to spare" {
    like_control $TASKS "$ECHO" in-pid-namespace in-user-namespace as-another-user few-descriptors
}

@test "a program that nobody may look into connects nowhere, and says why once, where it can be said" {
    local log=/tmp/supervise-calls.log kind
    for kind in static m32; do
        rm -f $log
        expect "what it prints, $kind" "$(client setpriv --reuid=65534 --regid=65534 --clear-groups \
            timeout 20 "$SOCKSIFY" -p socks5://10.77.0.1:1100 --log-file $log \
            "$PROBES/$kind/${TASKS#*/}" closed-to-others "$TARGET" "$ECHO" 2>&1)" 'connect: EACCES'
        expect "the number of messages, $kind" "$(grep -c 'cannot be looked into' $log)" 1
        rm -f $log
    done
}

# --- Non-blocking connects ---
#
# What is registered with epoll after the connect is held back until the handshake has ended, and so
# are poll and select. What was registered before may be early, and so may be ppoll and pselect when
# their mask lets a signal in; then SO_ERROR and getpeername, by which programs learn how it ended, wait for that.

# useful PROGRAM PORT PROBE...: like_control, when it does not count what is ready when, and who
# asks early waits.
useful() {
    local program=$1 port=$2 probe
    shift 2
    for probe in "$@"; do
        expect "what $probe comes to" \
            "$(MIN_MS=0 proxied -- "$program" "$probe" "$port" 2>&1 | outcomes)" \
            "$(controlled "$program" "$probe" "$port" 2>&1 | outcomes)"
    done
}

outcomes() {
    grep -E '^(connect|SO_ERROR|echo|read|child|sent)'
}

@test "epoll reports the end of a handshake, level-triggered, edge-triggered and oneshot" {
    like_control $WAIT "$ECHO" epoll-level epoll-edge epoll-oneshot
}

@test "registrations can be modified, removed and made again meanwhile" {
    like_control $WAIT "$ECHO" epoll-answers epoll-removed-and-added
    useful $WAIT "$ECHO" epoll-modified epoll-modified-to-nothing epoll-removed
}

@test "the end is seen through sets within sets, by poll and select of a set" {
    like_control $WAIT "$ECHO" epoll-nested epoll-set-polled epoll-set-selected
}

@test "poll, ppoll, select and pselect wait for the end, and tell how much time is left" {
    like_control $WAIT "$ECHO" poll ppoll select select-in-time pselect
}

@test "poll and select keep their timeouts, and report other descriptors meanwhile" {
    like_control $WAIT "$ECHO" poll-timeout select-timeout poll-beside-a-pipe select-beside-a-pipe
}

@test "who was told early, by a signal or what was registered before, waits when it asks" {
    useful $WAIT "$ECHO" interrupted epoll-level-before epoll-edge-before epoll-oneshot-before \
        epoll-asleep-before in-threads
}

@test "meanwhile a second connect is EALREADY, also to another place" {
    says $'connect: EINPROGRESS\nelsewhere: EALREADY\nSO_ERROR: 0\npeer: the target\necho: ping' \
        -- $OUTCOME second-connect-elsewhere
    like_control $OUTCOME "$ECHO" local-name blocking-connect
}

@test "who asks for the peer or the error meanwhile waits for the end" {
    useful $OUTCOME "$ECHO" peer error-asked-early
}

@test "options that are set meanwhile stay, and a bound address is kept" {
    like_control $OUTCOME "$ECHO" options send-timeout address-bound
    like_control $OUTCOME "$REFUSED" address-bound
}

@test "shutdown and AF_UNSPEC give it up, and the socket can be used anew" {
    useful $OUTCOME "$ECHO" dissolved
    like_control $OUTCOME "$ECHO" dissolved
}

@test "what the target says first, and the end of a direction, come through" {
    useful $OUTCOME "$EARLY" early-octets
    like_control $OUTCOME "$ECHO" end-of-direction
}

@test "a failure shows the events of a refused connect, and its error is told once" {
    like_control $OUTCOME "$REFUSED" failed-level failed-oneshot failed-blocking-connect failed-poll \
        failed-select
    like_control $OUTCOME "$UNREACHED" failed-oneshot failed-select
    useful $OUTCOME "$REFUSED" failed-edge
    useful $OUTCOME "$UNREACHED" failed-edge
}

@test "a silent proxy is ETIMEDOUT at the deadline, under epoll" {
    MIN_MS=490 says $'connect: EINPROGRESS\nepoll: IN|OUT|ERR|HUP|RDHUP\nSO_ERROR: ETIMEDOUT
SO_ERROR: 0' -q -t 500ms -p socks5://10.77.0.1:1104 -- $OUTCOME silence
}

@test "an IPv6-only socket reaches an IPv4 proxy, and an IPv4 socket an IPv6 one: blocking, polled" {
    local mode
    for mode in '' -n; do
        # shellcheck disable=SC2086
        expect_match "an IPv4 socket $mode" "$(client timeout 20 "$SOCKSIFY" \
            -p 'socks5://[fd77::1]:1100' "$STATIC/probe-connect" $mode -s ping "$TARGET" 80 2>&1)" \
            $'^lookup: 0\nconnect: 0\npeer: 203.0.113.10 80\ngot: ping'
        expect_match "an IPv6 socket $mode" "$(client timeout 20 "$SOCKSIFY" \
            -p socks5://10.77.0.1:1100 "$STATIC/probe-connect" $mode -s ping 2001:db8:77::10 80 2>&1)" \
            $'^lookup: 0\nconnect: 0\npeer: 2001:db8:77::10 80\ngot: ping'
    done
}

@test "an IPv6 socket that was refused by way of an IPv4 proxy connects to this host" {
    local mode
    for mode in blocking non-blocking; do
        expect "$mode" "$(client timeout 20 "$SOCKSIFY" --mode supervise -p socks5://10.77.0.1:1105 \
            python3 -c '
import errno, select, socket, sys
server = socket.create_server(("::1", 0), family=socket.AF_INET6)
again = socket.socket(socket.AF_INET6)
again.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, b"\3" + bytes(15))
print(errno.errorcode[again.connect_ex(("2001:db8:77::10", 9999))])
again.setblocking(sys.argv[1] == "blocking")
print(errno.errorcode.get(again.connect_ex(server.getsockname()[:2]), 0) in (0, "EINPROGRESS"))
print(select.select([server], [], [], 3)[0] == [server])' $mode)" $'ECONNREFUSED\nTrue\nTrue'
    done
}

@test "where the socket is replaced for that, it stays registered with epoll" {
    local wanted=$'connect: EINPROGRESS\nepoll: nothing\nepoll: OUT\nnodelay: 1\nSO_ERROR: 0
peer: the target\necho: ping'
    ADDRESS=2001:db8:77::10 says "$wanted" -p socks5://10.77.0.1:1100 -- $OUTCOME family-replaced
    says "$wanted" -p 'socks5://[fd77::1]:1100' -- $OUTCOME family-replaced
}

@test "copies, children and programs that inherit the socket find it connected" {
    like_control $LIFE "$ECHO" fork-and-go-on fork-and-close child-connects \
        child-of-raw-fork-connects vfork-child-closes spawned number-used-again
    useful $LIFE "$ECHO" copied-before connected-by-copy passed both-wait grandchild-connects \
        child-of-clone-connects exec-ve exec-in-child
}

# --- Outcomes ---

# A reply code of SOCKS5, and the errno that it gives.
CODES='01:ECONNREFUSED 02:EACCES 03:ENETUNREACH 04:EHOSTUNREACH 05:ECONNREFUSED 06:ETIMEDOUT
    07:EOPNOTSUPP 08:EAFNOSUPPORT 09:ECONNREFUSED'

@test "every reply code of the proxy gives its errno, blocking and not" {
    local pair mode
    for pair in $CODES; do
        start_script script world 10.77.0.1:1106 'frame greeting' 'send 05 00' 'frame request' \
            "send 05 ${pair%:*} 00 01 00*6"
        for mode in '' -n; do
            # shellcheck disable=SC2086
            run client timeout 20 "$SOCKSIFY" -q -p socks5://10.77.0.1:1106 \
                "$STATIC/probe-connect" $mode "$TARGET" 80
            expect_match "code ${pair%:*} $mode" "$output" "connect: ${pair#*:}"$'\npeer: ENOTCONN'
        done
        stop script
    done
}

# fails ERRNO LINE STEP...: the proxy takes these steps; the line follows "via PROXY: " on stderr.
fails() {
    local wanted=$1 line=$2 mode
    local at='socksify: probe-connect[[0-9]*]: 203.0.113.10:80 via 10.77.0.1:1106: '
    shift 2
    start_script script world 10.77.0.1:1106 "$@"
    for mode in '' -n; do
        # shellcheck disable=SC2086
        run --separate-stderr client timeout 20 "$SOCKSIFY" -t 500ms -p socks5://10.77.0.1:1106 \
            "$STATIC/probe-connect" $mode "$TARGET" 80
        expect_match "the outcome $mode" "$output" "connect: $wanted"$'\n'
        # shellcheck disable=SC2154
        expect_match 'stderr' "$stderr" "$line(; [^;]+)?\$"
        expect 'the number of messages' "$(grep -c "$at" <<< "$stderr" || true)" $((${#line} > 0))
    done
    stop script
}

@test "what is the proxy's fault has its errno, and draws one line" {
    fails ETIMEDOUT 'no answer in time \(greeting\)' 'frame greeting' hold
    fails ECONNRESET 'the proxy closed the connection during the handshake \(greeting\)' \
        'frame greeting'
    fails ECONNREFUSED '' 'frame greeting' 'send 05 00' 'frame request'
    fails EPROTO 'this port speaks HTTP, not SOCKS \(greeting\)' any 'text HTTP/1.1 400 Bad\r\n\r\n'
}

@test "a proxy that is down gives what connect to it gave" {
    run --separate-stderr client timeout 20 "$SOCKSIFY" -p socks5://10.77.0.1:1199 \
        "$STATIC/probe-connect" "$TARGET" 80
    expect_match 'the outcome' "$output" 'connect: ECONNREFUSED'
    expect_match 'stderr' "$stderr" \
        'via 10\.77\.0\.1:1199: Connection refused \(connecting to the proxy\); is the proxy running'
}

# --- Other ways into the kernel ---

# raw FILE ABI WAY [ADDRESS [PORT]]: what the probe prints, through the proxy that relays.
raw() {
    client timeout 20 "$SOCKSIFY" -q -p socks5://10.77.0.1:1105 "$PROBES/$1" "$2" "$3" \
        "${4-$TARGET}" "${5-9999}" 2>&1 || true
}

GOOD=$'connect: 0\npeer: the target\necho: ping'

@test "calls by int 0x80 are served, in a 64-bit program and in a 32-bit one; there is no x32" {
    local abi way
    start_script echo world "$TARGET:9999" echo
    for abi in native int80 socketcall; do
        expect "64-bit, $abi" "$(raw static/probe-raw $abi connect)" "$GOOD"
        expect "32-bit, $abi" "$(raw m32/probe-raw $abi connect)" "$GOOD"
        expect "64-bit, $abi, MSG_FASTOPEN" "$(raw static/probe-raw $abi fastopen)" \
            "fastopen${GOOD#connect}"
        expect "32-bit, $abi, MSG_FASTOPEN" "$(raw m32/probe-raw $abi fastopen)" \
            "fastopen${GOOD#connect}"
    done
    expect 'x32' "$(raw static/probe-raw x32 connect)" 'connect: ENOSYS'
    for abi in native int80 socketcall; do
        for way in connect fastopen; do
            expect "without socksify, $abi" "$(client "$PROBES/m32/probe-raw" $abi $way 127.0.0.1 \
                9)" "$way: ECONNREFUSED"
        done
    done
    stop echo
}

@test "datagrams by int 0x80 are refused, or pass within this host" {
    local probe abi way
    for probe in static m32; do
        for abi in native int80 socketcall; do
            for way in sendto sendmsg; do
                expect "$probe, $abi" "$(raw $probe/probe-raw $abi $way)" "$way: EACCES"
                expect "$probe, $abi, here" "$(raw $probe/probe-raw $abi $way 127.0.0.1)" "$way: 0"
            done
            raw $probe/probe-raw $abi send # goes nowhere
            for way in raw packet; do
                expect "$probe, $abi" "$(raw $probe/probe-raw $abi $way)" "$way: EPERM"
            done
        done
    done
}

@test "io_uring is not there" {
    expect 'supervised' "$(client "$SOCKSIFY" --mode supervise -p socks5://10.77.0.1:1105 \
        "$PROBES/probe-uring" "$TARGET" 9999 || true)" 'setup: ENOSYS'
    expect 'for comparison' "$(client "$PROBES/probe-uring" 127.0.0.1 9 || true)" \
        $'setup: 0\nconnect: ECONNREFUSED'
}

# --- Datagrams ---

# Both print the same, with and without socksify.
like_bare() { # PROGRAM PROBE...
    local program=$1 probe
    shift
    for probe in "$@"; do
        expect "$probe" "$(client timeout 20 "$SOCKSIFY" -p socks5://10.77.0.1:1105 \
            "$PROBES/$program" "$probe" 2>&1 || echo "ended with $?")" \
            "$(client timeout 20 "$PROBES/$program" "$probe" 2>&1 || echo "ended with $?")"
    done
}

@test "datagrams within this host are whole, with their sources, control messages and errors" {
    like_bare static/probe-loopback sent-to in-pieces many in-crumbs large with-flags mistaken \
        waited-for refused
}

@test "local sockets and netlink are untouched, with descriptors and credentials passed" {
    like_bare static/probe-local local-names long-name descriptors credentials interfaces
}

@test "of the other sockets those that could reach out are not there" {
    local kind
    for kind in static m32; do # those of 32 bits ask by socketcall(2)
        expect "the kinds, $kind" "$(client "$SOCKSIFY" -p socks5://10.77.0.1:1105 \
            "$PROBES/$kind/probe-local" kinds | paste -sd ' ')" "stream: 0 stream6: 0 \
mptcp: EPROTONOSUPPORT datagram: 0 udp-lite: 0 ping: EACCES unix: 0 netlink: 0 algorithm: EAFNOSUPPORT raw: EPERM \
raw6: EPERM icmp: EPERM packet: EPERM cooked-packet: EPERM old-packet: EPERM \
sctp: EPROTONOSUPPORT sctp-seqpacket: EPROTONOSUPPORT dccp: EPROTONOSUPPORT smc: EAFNOSUPPORT \
vsock: EAFNOSUPPORT tipc: EAFNOSUPPORT bluetooth: EAFNOSUPPORT can: EAFNOSUPPORT xdp: EAFNOSUPPORT \
nonsense: EAFNOSUPPORT"
    done
}

# datagram WAY ADDRESS PORT [LINES]: by the static probe, under that configuration.
datagram() {
    printf 'proxy p socks5://10.77.0.1:1105\ndefault p\n%s\n' "${4-}" > "$BATS_TEST_TMPDIR/conf"
    client timeout 20 "$SOCKSIFY" -f "$BATS_TEST_TMPDIR/conf" "$STATIC/probe-datagram" "$1" "$2" \
        "$3" 2> "$BATS_TEST_TMPDIR/stderr" || true
}

@test "other datagrams are EACCES and draw one line, whichever call sends them" {
    local way address
    for way in sendto sendmsg sendmmsg; do
        for address in 203.0.113.10 2001:db8:77::10 '[203.0.113.10]'; do
            expect "$way to $address" "$(datagram $way "$address" 9999)" "$way: EACCES"
            expect_match "what is said of $way to $address" "$(cat "$BATS_TEST_TMPDIR/stderr")" \
                "^socksify: probe-datagram\\[[0-9]+\\]: datagrams to .*:9999: blocked: [^"$'\n'"]*\$"
        done
    done
    expect 'broadcast' "$(datagram broadcast 255.255.255.255 67)" 'broadcast: EACCES'
    expect 'joining a group' "$(datagram join 224.0.0.251 0)" 'join: EACCES'
    expect 'joining a group' "$(datagram join ff02::fb 0)" 'join: EACCES'
}

@test "what is sent on a connected socket goes nowhere, whichever call sends it" {
    local way address
    for way in send write writev sendmsg0 sendmmsg0 dup child; do
        for address in 203.0.113.10 2001:db8:77::10 '[203.0.113.10]'; do
            expect_match "$way to $address" "$(datagram $way "$address" 9999)" \
                "^$way: (0|EACCES|ECONNREFUSED)\$"
        done
    done
}

@test "udp direct lets them out, and udp block shuts this host" {
    local way
    start sink world python3 -u -c 'import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", 9999))
while True: print(s.recvfrom(2000)[0].rstrip(b"\0").decode())'
    until_true sink_is_bound
    client nft insert rule inet lab output udp dport 9999 accept
    for way in sendto sendmsg sendmmsg send write writev sendmsg0 sendmmsg0 dup child; do
        expect "$way" "$(datagram $way 203.0.113.10 9999 'udp direct')" "$way: 0"
        expect "$way" "$(datagram $way 2001:db8:77::10 9999 'udp direct 2001:db8:77::/64')" "$way: 0"
        datagram $way 203.0.113.10 9999 'udp direct 203.0.113.11'
    done
    client nft delete rule inet lab output handle \
        "$(client nft -a list chain inet lab output | sed -n '/9999/s/.*handle //p')"
    # sendmmsg sends two.
    expect 'what arrived' "$(stdout_of sink | sort | uniq -c | tr -s ' ')" ' 24 probe'
    expect 'this host' "$(datagram sendto 127.0.0.1 9999 'udp block 127.0.0.1')" 'sendto: EACCES'
    stop sink
}

sink_is_bound() {
    [ -n "$(world ss -Hlun 'sport = :9999')" ]
}

@test "who connects a datagram socket to learn its own address learns it" {
    expect 'IPv4' "$(datagram own 203.0.113.10 9)" \
        $'address: 10.77.0.2\npeer: 203.0.113.10\nown: 0'
    expect 'IPv6' "$(datagram own 2001:db8:77::10 9)" \
        $'address: fd77::2\npeer: 2001:db8:77::10\nown: 0'
    expect 'a name server' "$(datagram own 8.8.8.8 53)" $'address: 10.77.0.2\npeer: 8.8.8.8\nown: 0'
}

# --- DNS ---

dns() { # [ARG...]: a question by the static probe; stand-ins become words
    printf 'proxy p socks5://10.77.0.1:1105\ndefault p\ndns-server 203.0.113.10\n' \
        > "$BATS_TEST_TMPDIR/conf"
    client timeout 20 "$SOCKSIFY" -f "$BATS_TEST_TMPDIR/conf" "$STATIC/probe-dns" "$@" 2>&1 |
        sed -E 's/198\.1[89]\.[0-9]+\.[0-9]+/V4/g; s/fd73:6f63:6b73::[0-9a-f:]*/V6/g'
}

@test "any name server answers, from the address that was asked: by datagram, connected, over TCP" {
    local nameserver
    for nameserver in 8.8.8.8 203.0.113.10 127.0.0.53 127.0.0.1 10.77.0.77 2001:db8::53 ::1; do
        expect "$nameserver" "$(dns $nameserver page.example)" 'page.example: NOERROR V4'
        expect "$nameserver, connected" "$(dns -c $nameserver page.example)" \
            'page.example: NOERROR V4'
        expect "$nameserver, over TCP" "$(dns -T $nameserver page.example)" \
            'page.example: NOERROR V4'
    done
    expect 'AAAA' "$(dns -t 28 8.8.8.8 page.example)" 'page.example: NOERROR V6'
    expect 'an IPv6 socket' "$(dns -6 8.8.8.8 page.example)" 'page.example: NOERROR V4'
    expect 'an IPv6 socket, connected' "$(dns -6 -c 8.8.8.8 page.example)" \
        'page.example: NOERROR V4'
    expect 'an IPv6 socket, TCP' "$(dns -6 -T 8.8.8.8 page.example)" 'page.example: NOERROR V4'
}

@test "questions may be sent, waited for and received by any call, several at once" {
    local send receive wait wanted
    wanted=$(printf '%s.example: NOERROR V4\n' a b c d)
    for send in sendto sendmsg sendmmsg; do
        for receive in recvfrom recvmsg recvmmsg; do
            for wait in poll epoll timeout; do
                expect "$send, $wait, $receive" "$(dns -s $send -r $receive -w $wait 8.8.8.8 \
                    a.example b.example c.example d.example)" "$wanted"
            done
        done
    done
    for send in send write writev sendto sendmsg sendmmsg; do
        for receive in recvfrom recvmsg recv read; do
            expect "connected, $send, $receive" "$(dns -c -s $send -r $receive 192.0.2.53 \
                a.example b.example c.example d.example)" "$wanted"
        done
    done
}

@test "other types are forwarded over TCP, large answers truncated, rubbish refused" {
    expect 'MX' "$(dns -t 15 8.8.8.8 page.example)" 'page.example: NOERROR type15'
    expect 'nowhere' "$(dns -t 15 8.8.8.8 nowhere.example)" 'nowhere.example: NXDOMAIN'
    expect 'long' "$(dns -t 16 8.8.8.8 big.example)" 'big.example: NOERROR tc'
    expect_match 'long, TCP' "$(dns -T -t 16 8.8.8.8 big.example)" \
        '^big.example: NOERROR( type16){12}$'
    expect 'rubbish' "$(dns -x ffff01000001000000000000 8.8.8.8 page.example)" \
        $'garbage: FORMERR\npage.example: NOERROR V4'
    expect 'one that takes its time' "$(dns -t 15 8.8.8.8 silent.example page.example)" \
        $'silent.example: silence\npage.example: NOERROR type15'
    run -1 grep udp "$BATS_FILE_TMPDIR/names.out"
}
