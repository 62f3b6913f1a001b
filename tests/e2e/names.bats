# SPDX-License-Identifier: MIT
# Names: never looked up on this machine, answered as glibc would answer for a name with one address,
# and known to every process of the user.

load ../support/lab
load ../support/proxies

setup_file() {
    lab_up
    control_up
    start_targets
    start_proxies socksify
    # What stands in the client's own hosts file is answered from there.
    echo '10.77.0.99 known.lan alias.lan' >> /etc/netns/client/hosts
}

teardown_file() {
    stop_all
}

teardown() {
    assert_no_leak
}

STANDIN4='198\.1[89]\.[0-9]+\.[0-9]+'
STANDIN6='fd73:6f63:6b73:[0-9a-f:]*'

probe() { # PROBE [ARG...]
    local program=$PROBES/$1
    shift
    through socksify "$program" "$@"
}

# A machine whose hosts file gives the names one address each: how glibc itself answers.
control() { # PROBE [ARG...]
    local program=$PROBES/$1
    shift
    ip netns exec control timeout 20 "$program" "$@"
}

control_up() {
    mkdir -p /etc/netns/control
    ip netns add control
    ip -n control link set lo up
    # Addresses that are no loopback's, so that AI_ADDRCONFIG has both families.
    ip -n control addr add 10.77.1.2/24 dev lo
    ip -n control addr add fd78::2/64 dev lo
    printf '127.0.0.1 localhost\n::1 localhost\n198.18.0.1 four.example\nfd73:6f63:6b73::1 six.example\n' \
        > /etc/netns/control/hosts
}

# Stand-ins and the names that differ between the two machines become words.
# ... and 127.0.0.1 once: glibc gives it twice when the hosts file has ::1, too.
leveled() {
    sed -E "s/127\.0\.0\.1 127\.0\.0\.1$/127.0.0.1/; s/$STANDIN4/V4/g; s/$STANDIN6/V6/g; s/(four|six)\.example/NAME/g"
}

@test "a name is never resolved locally: not one packet goes to a name server" {
    local program
    for program in 'curl -s http://page.example/page' 'wget -q -O - http://page.example/page' \
        'getent ahosts nowhere.example' 'getent hosts page.example' \
        'python3 -c import(socket);socket.getaddrinfo("a.example",80)' \
        'ping -c 1 -W 1 page.example' 'nc -z -w 2 page.example 80'; do
        program=${program//(/ }
        program=${program/import socket);/import socket;}
        read -ra words <<< "$program"
        through socksify "${words[@]}" > /dev/null 2>&1 || true
    done
    expect 'packets beside the proxy' "$(leaked_packets)" 0
    # The same without the library does ask: a test that cannot fail proves nothing.
    client timeout 2 getent hosts page.example || true
    [ "$(leaked_packets)" -gt 0 ]
}

@test "a name that is resolved in one process can be connected to in another" {
    local address
    address=$(through socksify getent ahostsv4 page.example | sed -n '1s/ .*//p')
    expect_match 'the address' "$address" "^$STANDIN4\$"
    expect 'the page at that address' "$(fetch_bash socksify "$address")" "$PAGE"
}

@test "an IPv6 stand-in, too, is known in another process" {
    local address
    address=$(through socksify getent ahostsv6 page6.example | sed -n '1s/ .*//p')
    expect_match 'the address' "$address" "^$STANDIN6"
    expect 'the page at that address' "$(fetch_bash socksify "$address")" "$PAGE"
}

@test "IPv4 and IPv6 answers for one name are the same place" {
    expect "by IPv4" "$(through socksify wget -4 -q -O - http://page.example/page)" "$PAGE"
    expect "by IPv6" "$(through socksify wget -6 -q -O - http://page.example/page)" "$PAGE"
    expect "an IPv6 target by IPv4" "$(through socksify wget -4 -q -O - http://page6.example/page)" "$PAGE"
}

@test "an unspecified family is answered with IPv4 alone, so that nobody races two" {
    expect 'the answer' "$(probe probe-getaddrinfo page.example 80 unspec stream 0 0 |
        sed -E "s/$STANDIN4/V4/")" \
        $'0\ninet stream protocol=6 flags=0 len=16 sa_family=2 V4 80 canonname=NULL'
}

@test "capital letters and a final dot do not make another name" {
    local one
    one=$(probe probe-getaddrinfo page.example 80 inet stream 0 0)
    expect 'PAGE.Example' "$(probe probe-getaddrinfo PAGE.Example 80 inet stream 0 0)" "$one"
    expect 'page.example.' "$(probe probe-getaddrinfo page.example. 80 inet stream 0 0)" "$one"
}

# compare_with_glibc: the questions on stdin (lines for probe-getaddrinfo), asked here and there.
compare_with_glibc() {
    cat > "$BATS_TEST_TMPDIR/questions"
    probe probe-getaddrinfo < "$BATS_TEST_TMPDIR/questions" | leveled > "$BATS_TEST_TMPDIR/ours"
    control probe-getaddrinfo < "$BATS_TEST_TMPDIR/questions" | leveled > "$BATS_TEST_TMPDIR/glibc"
    [ "$(grep -c '^0$' "$BATS_TEST_TMPDIR/glibc")" -gt 0 ]
    diff -U 2 --label glibc --label ours "$BATS_TEST_TMPDIR/glibc" "$BATS_TEST_TMPDIR/ours" |
        head -n 60
    cmp "$BATS_TEST_TMPDIR/glibc" "$BATS_TEST_TMPDIR/ours"
}

# questions NODES SERVICES FAMILIES SOCKTYPES PROTOCOLS FLAGS: all combinations of the words.
questions() {
    local node service family socktype protocol flags
    for node in $1; do
        for service in $2; do
            for family in $3; do
                for socktype in $4; do
                    for protocol in $5; do
                        for flags in $6; do
                            echo "$node $service $family $socktype $protocol $flags"
                        done
                    done
                done
            done
        done
    done
}

SERVICES='- 80 0 http ssh domain tftp nosuch 65535 65536 -1 080 empty'

@test "getaddrinfo answers as glibc does, for every family, type, protocol and service" {
    questions four.example "$SERVICES" 'unspec inet 99' '0 stream dgram raw 9' '0 6 17 1 132 200' \
        '0 numericserv' | compare_with_glibc
    questions six.example "$SERVICES" inet6 '0 stream dgram raw 9' '0 6 17 1 132 200' \
        '0 numericserv' | compare_with_glibc
}

FLAGS='- 0 canonname passive numerichost v4mapped all addrconfig idn 0x40000000
    canonname,numerichost v4mapped,all v4mapped,addrconfig v4mapped,all,canonname,addrconfig'

@test "getaddrinfo answers as glibc does, for every flag" {
    questions four.example '- http 80' 'unspec inet' '0 stream' 0 "$FLAGS" | compare_with_glibc
    # Without hints ("-") there is no asking for IPv6.
    questions six.example '- http 80' inet6 '0 stream' 0 "${FLAGS#- }" | compare_with_glibc
}

@test "literals, localhost and no node at all are answered as by glibc" {
    questions '- empty 203.0.113.7 0x7f.1 2001:db8::7 fe80::1%lo ::ffff:203.0.113.7 127.0.0.1' \
        '- http 80 nosuch' 'unspec inet inet6' '0 stream' 0 "$FLAGS" | compare_with_glibc
    # Where IPv4 is asked for, glibc gives 127.0.0.1 twice when the hosts file has ::1, too.
    questions localhost '- http 80 nosuch' unspec '0 stream' 0 "$FLAGS" | compare_with_glibc
    questions localhost '- http 80 nosuch' inet6 '0 stream' 0 '0 canonname v4mapped' |
        compare_with_glibc
}

@test "a name over 255 octets is EAI_NONAME" {
    local label
    label=$(printf 'a%.0s' {1..60})
    expect '255 octets' "$(probe probe-getaddrinfo "$label.$label.$label.$label.${label:0:11}" 80 \
        inet stream 0 0 | head -n 1)" 0
    expect '256 octets' "$(probe probe-getaddrinfo "$label.$label.$label.$label.${label:0:12}" 80 \
        inet stream 0 0)" EAI_NONAME
}

@test "a name in the hosts file has the address that stands there" {
    expect_match 'known.lan' "$(probe probe-getaddrinfo known.lan 80 unspec stream 0 0)" \
        ' 10\.77\.0\.99 80 '
    expect_match 'alias.lan' "$(through socksify getent hosts alias.lan)" '^10\.77\.0\.99 '
}

@test "the older look-ups answer as glibc's do" {
    local call
    for call in 'gethostbyname four.example' 'gethostbyname2 four.example inet' \
        'gethostbyname2 six.example inet6' 'gethostbyname 203.0.113.7' 'gethostbyname localhost' \
        'gethostbyname_r four.example 1024' 'gethostbyname2_r six.example 1024 inet6' \
        'gethostbyaddr 127.0.0.1' 'getnameinfo 127.0.0.1 0' 'getnameinfo 203.0.113.7 3'; do
        read -ra words <<< "$call"
        expect "$call" "$(probe probe-netdb "${words[@]}" | leveled)" \
            "$(control probe-netdb "${words[@]}" | leveled)"
    done
}

@test "a buffer that is too small is ERANGE, and a larger one right" {
    local call got
    for call in 'gethostbyname_r page.example 0' 'gethostbyname2_r page.example 3 inet6' \
        'gethostbyname2_r page.example 1 inet'; do
        read -ra words <<< "$call"
        got=$(probe probe-netdb "${words[@]}" | leveled | uniq)
        expect_match "$call" "$got" $'^ERANGE found=NULL h_errno=-1\n0 page\\.example family=(2|10) length=(4|16) (V4|V6)$'
    done
}

@test "a stand-in address is called by its name again" {
    local v4 v6
    v4=$(through socksify getent ahostsv4 page.example | sed -n '1s/ .*//p')
    v6=$(through socksify getent ahostsv6 page.example | sed -n '1s/ .*//p')
    expect_match 'gethostbyaddr' "$(probe probe-netdb gethostbyaddr "$v4")" '^page\.example family=2 '
    expect_match 'gethostbyaddr' "$(probe probe-netdb gethostbyaddr "$v6")" '^page\.example family=10 '
    expect_match 'gethostbyaddr_r' "$(probe probe-netdb gethostbyaddr_r "$v4" 1)" \
        $'^ERANGE.*\n0 page\\.example family=2 '
    expect 'getnameinfo' "$(probe probe-netdb getnameinfo "$v4" 0)" 'page.example http'
    expect 'getnameinfo' "$(probe probe-netdb getnameinfo "$v6" 0)" 'page.example http'
    expect 'getnameinfo, numeric' "$(probe probe-netdb getnameinfo "$v4" 3)" "$v4 80"
    expect 'getent' "$(through socksify getent hosts "$v4" | tr -s ' ')" "$v4 page.example"
}

@test "a stand-in that nobody was given leads nowhere: EHOSTUNREACH and a message" {
    local got
    got=$(probe probe-connect 198.19.255.254 80 2> "$BATS_TEST_TMPDIR/stderr") || true
    expect_match 'the answer' "$got" 'connect: EHOSTUNREACH'
    expect_match 'stderr' "$(cat "$BATS_TEST_TMPDIR/stderr")" \
        '^socksify: probe-connect\[[0-9]+\]: 198\.19\.255\.254:80: no host name is known for this'
}

@test "another user's names are not ours, and ours are not readable for others" {
    local file
    through socksify getent hosts page.example
    file=$(find /dev/shm /run -maxdepth 1 -name 'socksify*names')
    expect 'owner and mode' "$(stat -c '%u %a' "$file")" '0 600'
}

@test "a map that is a symbolic link or another's file is not used" {
    local real=/dev/shm/socksify-0.names
    mv $real /run/aside
    ln -s /run/elsewhere $real
    run through socksify curl -s http://page.example/page
    rm $real
    mv /run/aside $real
    expect_match 'the output' "$output" "$PAGE"
    [ ! -e /run/elsewhere ]
}
