# SPDX-License-Identifier: MIT
# When a connection fails, the program sees the errno that says why, on blocking and on non-blocking
# sockets alike; and what is the proxy's fault draws one line on stderr. Each case is played by a
# scripted server, or by a real one.

load ../support/lab
load ../support/proxies

setup_file() {
    lab_up
    start_targets
    start_proxies danted danted-password microsocks microsocks-password ssh socksify \
        socksify-password
}

teardown_file() {
    stop_all
}

teardown() {
    [ ! -e "$BATS_FILE_TMPDIR/script.pid" ] || stop script
    assert_no_leak
}

SCRIPT=10.77.0.1:1100

# script STEP...: the proxy of this test; see tests/support/scripted-server.c.
script() {
    [ ! -e "$BATS_FILE_TMPDIR/script.pid" ] || stop script
    start_script script world $SCRIPT "$@"
}

# Frames that a well-behaved client sends and a SOCKS5 proxy answers, up to the last reply.
ACCEPT=('frame greeting' 'send 05 00' 'frame request')

# outcome ERRNO LINE HOST PORT OPTION...: connect to HOST PORT by `socksify OPTION...`, blocking and
# then not; the program must see the errno, and stderr hold the line (a regular expression that
# follows "HOST:PORT via ", up to what the user can do) and nothing else; an empty one stands for
# nothing at all. What the last probe printed is left in $got, what can be done in $advice.
outcome() {
    local wanted=$1 line=$2 host=$3 port=$4 mode said
    shift 4
    for mode in -4 -4n; do
        got=$(client timeout 20 "$SOCKSIFY" "$@" "$PROBES/probe-connect" $mode "$host" "$port" \
            2> "$BATS_TEST_TMPDIR/stderr") || true
        expect "connect ($mode) through $*" "$(sed -n 's/^connect: //p' <<< "$got")" "$wanted"
        said=$(cat "$BATS_TEST_TMPDIR/stderr")
        if [ -z "$line" ]; then
            expect 'stderr' "$said" ''
        else
            expect_match 'stderr' "$said" \
                "^socksify: probe-connect\[[0-9]+\]: $host:$port via $line(; [^;]+)?\$"
            advice=$(sed -n 's/.*; //p' <<< "$said")
            expect 'the number of its lines' "$(wc -l < "$BATS_TEST_TMPDIR/stderr")" 1
        fi
        [ "$wanted" = 0 ] || expect 'the peer' "$(sed -n 's/^peer: //p' <<< "$got")" ENOTCONN
    done
}

# took MIN MAX: so many milliseconds went into the last connect of `outcome`.
took() {
    local ms
    ms=$(sed -n 's/^ms: //p' <<< "$got")
    if [ "$ms" -lt "$1" ] || [ "$ms" -gt "$2" ]; then
        expect 'the time' "$ms" "$1 to $2 ms"
    fi
}

@test "a refused target is ECONNREFUSED, without a word on stderr, through every proxy" {
    local proxy
    for proxy in danted microsocks socksify ssh ssh-4a socksify-4a danted-password \
        microsocks-password socksify-password; do
        outcome ECONNREFUSED '' closed.example 81 -p "${PROXY[$proxy]}"
        outcome ECONNREFUSED '' 203.0.113.10 81 -p "${PROXY[$proxy]}"
    done
}

@test "a target in an unreachable network is EHOSTUNREACH through danted and our server" {
    outcome EHOSTUNREACH '' 198.51.100.7 80 -p "${PROXY[danted]}"
    outcome EHOSTUNREACH '' 198.51.100.7 80 -p "${PROXY[socksify]}"
    outcome EHOSTUNREACH '' far.example 80 -p "${PROXY[socksify]}"
    outcome ENETUNREACH '' 192.0.2.99 80 -p "${PROXY[socksify]}"
}

@test "a name that the proxy cannot resolve fails at once" {
    outcome EHOSTUNREACH '' nowhere.example 80 -p "${PROXY[socksify]}"
    outcome ECONNREFUSED '' nowhere.example 80 -p "${PROXY[ssh]}"
}

@test "a proxy that is down gives what connect to it gave, and says so" {
    outcome ECONNREFUSED '10\.77\.0\.1:1199: Connection refused \(connecting to the proxy\)' \
        page.example 80 -p socks5://10.77.0.1:1199
}

@test "a wrong password is EACCES, and says so, with every server that asks for one" {
    local port
    for port in 1081 1083 1086; do
        outcome EACCES "10\.77\.0\.1:$port: authentication refused \(authentication, code [0-9]+\)" \
            page.example 80 -p "socks5://alice:wrong@10.77.0.1:$port"
    done
}

@test "a missing password is EACCES, and says so, with every server that asks for one" {
    local port
    for port in 1081 1083 1086; do
        outcome EACCES "10\.77\.0\.1:$port: [a-z ]*(password|methods)[a-z ]* \(greeting, code [0-9]+\)" \
            page.example 80 -p "socks5://10.77.0.1:$port"
    done
}

@test "no password ever stands on stderr" {
    client timeout 20 "$SOCKSIFY" -v -p socks5://alice:hunter2@10.77.0.1:1081 \
        "$PROBES/probe-connect" page.example 80 > "$BATS_TEST_TMPDIR/all" 2>&1 || true
    expect_match 'the output' "$(cat "$BATS_TEST_TMPDIR/all")" 'authentication refused'
    run -1 grep hunter2 "$BATS_TEST_TMPDIR/all"
}

@test "a silent proxy is ETIMEDOUT after the deadline, at whichever stage it falls silent" {
    local -a stages=(
        'greeting|hold'
        'greeting|frame greeting|send 05|hold'
        'request|frame greeting|send 05 00|hold'
        'request|frame greeting|send 05 00|frame request|send 05 00 00|hold'
        'request|frame greeting|send 05 00|frame request|send 05 00 00 03 09 41|hold'
        'authentication|frame greeting|send 05 02|frame auth|hold'
    )
    local stage steps
    for stage in "${stages[@]}"; do
        IFS='|' read -ra steps <<< "$stage"
        script "${steps[@]:1}"
        outcome ETIMEDOUT "10\.77\.0\.1:1100: no answer in time \(${steps[0]}\)" page.example 80 \
            -t 500ms -p "socks5://alice:s3cret@$SCRIPT"
        took 490 900
    done
}

@test "a proxy that drips one octet after another cannot stretch the deadline" {
    script "${ACCEPT[@]}" 'drip 300 05 00 00 03 ff 41*255' hold
    outcome ETIMEDOUT '10\.77\.0\.1:1100: no answer in time \(request\)' page.example 80 -t 1 \
        -p socks5://$SCRIPT
    took 990 1400
}

@test "the deadline holds for a chain as a whole" {
    script 'delay 600' "${ACCEPT[@]}" 'send 05 00 00 01 00*6' 'frame greeting' hold
    outcome ETIMEDOUT \
        '10\.77\.0\.1:1100,10\.77\.0\.9:1080: 10\.77\.0\.9:1080: no answer in time \(greeting\)' \
        page.example 80 -t 1 -p socks5://$SCRIPT -p socks5://10.77.0.9:1080
    took 990 1400
}

@test "a proxy that closes before the request is ECONNRESET, after it ECONNREFUSED" {
    local at='10\.77\.0\.1:1100'
    local early='the proxy closed the connection during the handshake'
    script
    outcome ECONNRESET "$at: $early \(greeting\)" page.example 80 -p socks5://$SCRIPT
    script 'frame greeting'
    outcome ECONNRESET "$at: $early \(greeting\)" page.example 80 -p socks5://$SCRIPT
    script 'frame greeting' 'send 05 02' 'frame auth'
    outcome ECONNRESET "$at: $early \(authentication\)" page.example 80 \
        -p socks5://alice:s3cret@$SCRIPT
    script "${ACCEPT[@]}"
    outcome ECONNREFUSED '' page.example 80 -p socks5://$SCRIPT
    script 'frame request4'
    outcome ECONNREFUSED '' page.example 80 -p socks4a://$SCRIPT
}

@test "a proxy that resets the connection is told from one that closes after the request" {
    script 'frame greeting' reset
    outcome ECONNRESET '10\.77\.0\.1:1100: .* \(greeting\)' page.example 80 -p socks5://$SCRIPT
}

@test "an HTTP server in place of the proxy is EPROTO, and called by its name" {
    script any 'text HTTP/1.1 400 Bad Request\r\n\r\n'
    outcome EPROTO '10\.77\.0\.1:1100: this port speaks HTTP, not SOCKS \(greeting\)' \
        page.example 80 -p socks5://$SCRIPT
    outcome EPROTO '10\.77\.0\.1:1100: this port speaks HTTP, not SOCKS \(request\)' \
        page.example 80 -p socks4a://$SCRIPT
}

@test "a TLS server in place of the proxy is EPROTO, and called by its name" {
    script any 'send 15 03 01 00 02 02 46'
    outcome EPROTO '10\.77\.0\.1:1100: this port speaks TLS, not SOCKS \(greeting\)' \
        page.example 80 -p socks5://$SCRIPT
}

@test "anything else that is no SOCKS is EPROTO" {
    script any 'text 220 ftp.example\r\n'
    outcome EPROTO '10\.77\.0\.1:1100: the answer is no SOCKS \(greeting\)' page.example 80 \
        -p socks5://$SCRIPT
    script any 'send 00 5b 00*6'
    outcome EPROTO '10\.77\.0\.1:1100: .* \(greeting\)' page.example 80 -p socks5://$SCRIPT
}

@test "the line says what the user can do about it" {
    outcome ECONNREFUSED '.*' page.example 80 -p socks5://10.77.0.1:1199
    expect 'of a proxy that is down' "$advice" 'is the proxy running, and on this port?'
    outcome EACCES '.*' page.example 80 -p socks5://alice:wrong@10.77.0.1:1086
    expect 'of a wrong password' "$advice" 'check user and password in its URL'
    outcome EACCES '.*' page.example 80 -p socks5://10.77.0.1:1081
    expect_match 'of a missing one' "$advice" '^write USER:PASSWORD@ before the host in its URL'
    outcome ECONNREFUSED '.*' page.example 80 -p "${PROXY[danted]}" -p socks5://10.77.0.1:1199
    expect 'of the next in a chain' "$advice" 'is the next proxy of the chain running?'
    script any 'text HTTP/1.1 400 Bad Request\r\n\r\n'
    outcome EPROTO '.*' page.example 80 -p socks5://$SCRIPT
    expect 'of another port' "$advice" "write the proxy's SOCKS port in its URL"
    script 'frame greeting' hold
    outcome ETIMEDOUT '.*' page.example 80 -t 300ms -p socks5://$SCRIPT
    expect 'of silence' "$advice" 'is this a SOCKS5 port?'
    outcome ETIMEDOUT '.*' page.example 80 -t 300ms -p "socks5://$SCRIPT?pipeline=yes"
    expect_match 'of silence in a pipeline' "$advice" 'pipeline=yes'
    script "${ACCEPT[@]}" 'send 05 02 00 01 00*6'
    outcome EACCES '.*' page.example 80 -p socks5://$SCRIPT
    expect "where nothing can be done here" "$advice" ''
}

@test "every reply code of SOCKS5 gives its errno" {
    local pair code
    for pair in 01:ECONNREFUSED 03:ENETUNREACH 04:EHOSTUNREACH 05:ECONNREFUSED 06:ETIMEDOUT \
        09:ECONNREFUSED ff:ECONNREFUSED; do
        code=${pair%:*}
        script "${ACCEPT[@]}" "send 05 $code 00 01 00*6"
        outcome "${pair#*:}" '' page.example 80 -p socks5://$SCRIPT
    done
    script "${ACCEPT[@]}" 'send 05 02 00 01 00*6'
    outcome EACCES "10\.77\.0\.1:1100: not allowed by the proxy's ruleset \(request, code 2\)" \
        page.example 80 -p socks5://$SCRIPT
    script "${ACCEPT[@]}" 'send 05 07 00 01 00*6'
    outcome EOPNOTSUPP '10\.77\.0\.1:1100: the proxy does not support CONNECT \(request, code 7\)' \
        page.example 80 -p socks5://$SCRIPT
    script "${ACCEPT[@]}" 'send 05 08 00 01 00*6'
    outcome EAFNOSUPPORT \
        '10\.77\.0\.1:1100: the proxy does not support this type of address \(request, code 8\)' \
        page.example 80 -p socks5://$SCRIPT
}

@test "a refusal counts though its reply ends after two octets" {
    script "${ACCEPT[@]}" 'send 05 04'
    outcome EHOSTUNREACH '' page.example 80 -p socks5://$SCRIPT
}

@test "every reply code of SOCKS4 gives its errno" {
    script 'frame request4' 'send 00 5b 00*6'
    outcome ECONNREFUSED '' page.example 80 -p socks4a://$SCRIPT
    script 'frame request4' 'send 00 5c 00*6'
    outcome EACCES '10\.77\.0\.1:1100: .*identd.* \(request, code 92\)' page.example 80 \
        -p socks4a://$SCRIPT
    script 'frame request4' 'send 00 5d 00*6'
    outcome EACCES '10\.77\.0\.1:1100: .*identd.* \(request, code 93\)' page.example 80 \
        -p socks4a://$SCRIPT
}

@test "SOCKS4 without a carries no name, and says what to use instead" {
    outcome EHOSTUNREACH '10\.77\.0\.1:1080: SOCKS4 cannot carry a host name.*socks4a or socks5.*' \
        page.example 80 -p socks4://10.77.0.1:1080
}

@test "SOCKS4 carries no IPv6 address, and says so" {
    got=$(client timeout 20 "$SOCKSIFY" -p socks4a://10.77.0.1:1084 "$PROBES/probe-connect" \
        2001:db8:77::10 80 2> "$BATS_TEST_TMPDIR/stderr") || true
    expect_match 'the answer' "$got" 'connect: EAFNOSUPPORT'
    expect_match 'stderr' "$(cat "$BATS_TEST_TMPDIR/stderr")" 'SOCKS4 cannot carry an IPv6 address'
}

@test "of a chain the proxy that failed is named" {
    outcome EACCES '10\.77\.0\.1:1080,10\.77\.0\.1:1081: 10\.77\.0\.1:1081: authentication refused \(authentication, code [0-9]+\)' \
        page.example 80 -p "${PROXY[danted]}" -p socks5://alice:wrong@10.77.0.1:1081
    outcome ECONNREFUSED '10\.77\.0\.1:1080,10\.77\.0\.1:1199: 10\.77\.0\.1:1080: the target refused the connection \(request, code 5\)' \
        page.example 80 -p "${PROXY[danted]}" -p socks5://10.77.0.1:1199
    outcome ECONNREFUSED '' closed.example 81 -p "${PROXY[danted]}" -p "${PROXY[microsocks]}"
}

@test "a success may say 0.0.0.0:0, a name, an empty name or IPv6, octet by octet" {
    local reply
    for reply in '05 00 00 01 00*6' '05 00 00 03 00 00 00' '05 00 00 03 05 70 72 6f 78 79 1f 90' \
        '05 00 00 04 00*15 01 1f 90' '05 00 00 03 ff 78*255 1f 90'; do
        script 'frame greeting' 'drip 1 05 00' 'frame request' "drip 1 $reply" echo
        outcome 0 '' page.example 80 -p socks5://$SCRIPT
    done
}

@test "what the target says in the same segment as the reply is the program's, to the octet" {
    script "${ACCEPT[@]}" 'send 05 00 00 01 00*6 32 32 30 0d 0a' 'drip 1 68 65 6c 6c 6f'
    got=$(client timeout 20 "$SOCKSIFY" -p socks5://$SCRIPT "$PROBES/probe-connect" -s '' \
        page.example 25)
    expect_match 'the answer' "$got" $'\ngot: 220\r\nhello\n'
    script 'frame request4' 'send 00 5a 00*6 05 05 05'
    got=$(client timeout 20 "$SOCKSIFY" -p socks4a://$SCRIPT "$PROBES/probe-connect" -s '' \
        page.example 25)
    expect_match 'the answer' "$got" $'\ngot: \x05\x05\x05\n'
}

@test "the frames on the wire are those of the standards, one send each" {
    script any 'send 05 02' any 'send 01 00' any 'send 05 00 00 01 00*6'
    outcome 0 '' page.example 80 -p socks5://alice:s3cret@$SCRIPT
    expect 'what the proxy read' "$(stdout_of script | sed '/listening/d; /end/d; s/^[0-9]*: //' |
        head -n 3 | tr '\n' ' ')" \
        '05020002 0105616c69636506733363726574 050100030c706167652e6578616d706c650050 '
    script any 'send 00 5a 00*6'
    outcome 0 '' page.example 80 -p socks4a://bob@$SCRIPT
    expect 'what the proxy read' "$(stdout_of script | sed -n 's/^1: //p' | head -n 1)" \
        0401005000000001626f6200706167652e6578616d706c6500
}

@test "without credentials only 'no authentication' is offered; auth=password offers only that" {
    script any 'send 05 00' any 'send 05 00 00 01 00*6'
    outcome 0 '' page.example 80 -p socks5://$SCRIPT
    expect_match 'what the proxy read' "$(stdout_of script)" '1: 050100'
    script any 'send 05 02' any 'send 01 00' any 'send 05 00 00 01 00*6'
    outcome 0 '' page.example 80 -p "socks5://a:b@$SCRIPT?auth=password"
    expect_match 'what the proxy read' "$(stdout_of script)" '1: 050102'
}

@test "pipeline=yes sends the frames without waiting for answers" {
    script 'frame greeting' 'frame auth' 'frame request' 'send 05 02 01 00 05 00 00 01 00*6 6f 6b'
    got=$(client timeout 20 "$SOCKSIFY" -p "socks5://a:b@$SCRIPT?pipeline=yes&auth=password" \
        "$PROBES/probe-connect" -s '' page.example 25)
    expect_match 'the answer' "$got" $'\ngot: ok\n'
}

@test "a program that gives itself a title keeps its name in messages" {
    run -0 client "$SOCKSIFY" -p socks5://10.77.0.1:1199 perl -e 'use Socket;
        $0 = "/a/title/longer: than the name";
        socket(my $socket, PF_INET, SOCK_STREAM, 0);
        connect($socket, pack_sockaddr_in(80, inet_aton("203.0.113.10"))) or print "failed"'
    expect_match 'the message' "$output" '^socksify: perl\[[0-9]+\]: 203.0.113.10:80 via '
}

@test "programs end as they do when a direct connection is refused" {
    run -7 through danted curl -s http://closed.example:81/
    run -4 through danted wget -q -t 1 -O - http://closed.example:81/
    run -255 through danted ssh -F /run/home/ssh_config -p 81 closed.example true
    expect_match "ssh's message" "$output" 'closed.example port 81: Connection refused'
}
