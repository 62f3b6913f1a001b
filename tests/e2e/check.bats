# SPDX-License-Identifier: MIT
# socksify --check: it goes through a proxy step by step, says whether what programs send stays
# inside, and is right about both.

load ../support/lab
load ../support/proxies

setup_file() {
    lab_up
    start_targets
    start_proxies danted danted-password microsocks microsocks-password ssh socksify \
        socksify-password
    start_server names world 53 "$SUPPORT/name-server" 203.0.113.10 53
    echo '203.0.113.10 page.example
2001:db8:77::10 page.example
203.0.113.10 four.example' >> /etc/netns/client/hosts
    echo '203.0.113.10 four.example' >> /etc/netns/world/hosts
}

teardown_file() {
    stop_all
}

teardown() {
    [ ! -e "$BATS_FILE_TMPDIR/script.pid" ] || stop script
}

SCRIPT=10.77.0.1:1100

# script STEP...: the proxy of this test; see tests/support/scripted-server.c.
script() {
    [ ! -e "$BATS_FILE_TMPDIR/script.pid" ] || stop script
    start_script script world $SCRIPT "$@"
}

# checked WORD...: what --check prints, without times, and with two spaces between columns.
checked() {
    client timeout 60 "$SOCKSIFY" "$@" |
        sed -E 's/ +[0-9]+\.[0-9] ms  /  /; s/: [0-9.]+ ms without/: TIME/
                s/^  (CONNECT by name|CONNECT by IPv.|CONNECT to next) /  \1  /
                s/([^ ])   +/\1  /g'
    return "${PIPESTATUS[0]}"
}

# steps: of the output, the verdicts of the steps with a proxy, a line each.
steps() {
    sed -nE '/^what programs send/q; s/^  ([^ ]+( [^ ]+)*)  (ok|no|left out|warning|FAILED)  .*/\1 \3/p' \
        <<< "$output"
}

# words STEP: of the output, what is said of a step.
words() {
    sed -nE "s/^  $1  (ok|no|left out|warning|FAILED|inside|LEAVES)  //p" <<< "$output"
}

verdict() {
    sed -n 's/^verdict: //p' <<< "$output"
}

advice() {
    sed -n 's/^advice: //p' <<< "$output"
}

# --- The steps with a proxy ---

ALL_STEPS='resolve ok
connect ok
greeting ok
CONNECT by name ok
CONNECT by IPv4 ok
CONNECT by IPv6 ok
SOCKS4a ok
pipelining ok
unknown name ok'

@test "every step with OpenSSH: all is well, and pipeline=yes would save something" {
    run -0 checked -p "${PROXY[ssh]}" --check page.example:80
    expect 'the steps' "$(steps)" "$ALL_STEPS"
    expect 'the whole but for containment' "$(sed '/^what/,/^  DNS/d' <<< "$output")" \
        'target page.example:80
proxy socks5://10.77.0.1:1084
  resolve  ok  an address already
  connect  ok  10.77.0.1:1084
  greeting  ok  no password is asked for (method 0)
  CONNECT by name  ok  page.example:80
  CONNECT by IPv4  ok  203.0.113.10:80
  CONNECT by IPv6  ok  [2001:db8:77::10]:80
  SOCKS4a  ok  is spoken, too: one round trip in all
  pipelining  ok  would work, and pipeline=yes is not set: TIME
  unknown name  ok  does-not-exist.invalid:80 is refused: the proxy closed the connection without a reply (request)
verdict: fine: the proxy works, and nothing leaves beside it
advice: 10.77.0.1:1084: pipeline=yes on its line, or ?pipeline=yes in its URL, would save round trips in each connection'
    assert_no_leak
}

@test "a time stands beside each step that was taken" {
    run -0 client timeout 60 "$SOCKSIFY" -p "${PROXY[ssh]}" --check page.example:80
    expect 'the lines with a time' "$(grep -cE '^  .{15} [a-z ]{8} +[0-9]+\.[0-9] ms  ' <<< "$output")" \
        12
}

@test "our own server, without and with a password" {
    run -0 checked -p "${PROXY[socksify]}" --check page.example:80
    expect 'the steps' "$(steps)" "$ALL_STEPS"
    run -0 checked -p "${PROXY[socksify-password]}" --check page.example:80
    expect 'the steps with a password' "$(steps)" \
        "$(sed 's/SOCKS4a ok/SOCKS4a left out/; /greeting/a password ok' <<< "$ALL_STEPS")"
    expect 'its greeting' "$(words greeting)" 'it asks for a password (method 2)'
    run -0 checked -p "${PROXY[socksify-password]}?pipeline=yes" --check page.example:80
    expect_match 'pipelining' "$(words pipelining)" '^works, as pipeline=yes has it: TIME$'
    expect 'advice' "$(advice)" ''
}

@test "danted, without and with a password" {
    run -0 checked -p "${PROXY[danted]}" --check page.example:80
    expect 'the steps' "$(steps)" "${ALL_STEPS/SOCKS4a ok/SOCKS4a no}"
    run -0 checked -p "${PROXY[danted-password]}" --check page.example:80
    expect_match 'the steps with a password' "$(steps)" 'greeting ok.password ok.CONNECT by name ok'
}

@test "microsocks loses what is pipelined, and hangs no longer than two seconds" {
    run -0 checked -p "${PROXY[microsocks]}" --check page.example:80
    expect 'the steps' "$(steps)" \
        "$(sed 's/SOCKS4a ok/SOCKS4a no/; s/pipelining ok/pipelining no/' <<< "$ALL_STEPS")"
    expect 'advice' "$(advice)" ''
    run -1 checked -p "${PROXY[microsocks]}?pipeline=yes" --check page.example:80
    expect_match 'the steps' "$(steps)" 'CONNECT by name ok.*pipelining FAILED'
    expect 'the verdict' "$(verdict)" 'NOT fine: pipeline=yes does not work with 10.77.0.1:1082'
    expect 'advice' "$(advice)" '10.77.0.1:1082: take pipeline=yes out'
    run -0 checked -p "${PROXY[microsocks-password]}" --check page.example:80
    expect_match 'the steps with a password' "$(steps)" 'password ok.CONNECT by name ok.*pipelining no'
}

@test "whether pipelining works is not told by a silence or a close, which a lost frame looks like" {
    # In lock-step the target is what does not answer; then it is the frame that is lost.
    script any 'send 05 00' any hold -- any 'send 05 00' any
    run -1 checked -t 1 -p socks5://$SCRIPT --check page.example:80
    expect_match 'the steps' "$(steps)" 'CONNECT by name FAILED.*pipelining left out'
    expect_match 'what is said' "$(words pipelining)" 'the request had no answer'
    run -1 grep pipeline=yes <<< "$(advice)"
    run -1 checked -t 1 -p "socks5://$SCRIPT?pipeline=yes" --check page.example:80
    expect_match 'with pipeline=yes' "$(steps)" 'pipelining left out'
    run -1 checked -p socks5://10.77.0.1:1101 --check page.example:80
    expect_match 'closed' "$(steps)" 'CONNECT by name FAILED.*pipelining left out'
}

@test "advice on what is wrong comes before what could be better" {
    script 'frame greeting' 'send 05 00' 'frame request' 'send 05 02 00 01 00*6'
    run -1 checked --check socks5://$SCRIPT
    expect_match 'advice' "$(advice)" \
        '^does it lead to the internet\?.* socksify -p PROXY --check HOST:PORT.10.*pipeline=yes'
}

@test "what closes every connection is no SOCKS4 proxy" {
    script any
    run -1 checked -p socks4://$SCRIPT --check page6.example:80
    expect_match 'the steps' "$(steps)" 'closed port ok.*SOCKS4a no.identify no$'
    expect 'the verdict' "$(verdict)" 'NOT fine: 10.77.0.1:1100 has answered nothing as a proxy does'
    expect_match 'advice' "$(advice)" 'does it speak SOCKS4\?.*--check ADDRESS:PORT'
}

@test "of SOCKS4 only the steps that there are" {
    run -0 checked -p "${PROXY[danted-4]}" --check page.example:80
    expect 'the steps of SOCKS4' "$(steps)" 'resolve ok
connect ok
CONNECT by name left out
CONNECT by IPv4 ok
CONNECT by IPv6 left out
SOCKS4a no
closed port ok'
    run -0 checked -p "${PROXY[ssh]/5/4}" --check four.example:80
    expect_match 'SOCKS4a' "$(words SOCKS4a)" 'is spoken, too'
    expect_match 'advice' "$(advice)" 'write socks4a:// in its URL, and it looks up host names'
    run -0 checked -p "${PROXY[socksify-4a]}" --check page.example:80
    expect 'the steps of SOCKS4a' "$(steps)" 'resolve ok
connect ok
CONNECT by name ok
CONNECT by IPv4 ok
CONNECT by IPv6 left out
unknown name ok'
    run -0 checked -p "${PROXY[danted-4]}" --check both.example:80
    expect_match 'without an address' "$(steps)" 'name left out.closed port ok.CONNECT by IPv4 left out'
}

@test "a chain is checked proxy by proxy" {
    run -0 checked -p "${PROXY[danted]}" -p "${PROXY[socksify-password]}" --check page.example:80
    expect 'the proxies' "$(grep ^proxy <<< "$output")" 'proxy socks5://10.77.0.1:1080
proxy socks5://10.77.0.1:1086, by the ones before'
    expect 'the steps' "$(steps)" 'resolve ok
connect ok
greeting ok
CONNECT to next ok
pipelining ok
greeting ok
password ok
CONNECT by name ok
CONNECT by IPv4 ok
CONNECT by IPv6 ok
SOCKS4a left out
pipelining ok
unknown name ok'
    run -1 checked -p "${PROXY[danted]}" -p socks5://alice:wrong@10.77.0.1:1086 --check page.example:80
    expect_match 'a wrong password' "$(steps)" 'CONNECT to next ok.*greeting ok.password FAILED$'
    expect 'the verdict' "$(verdict)" 'NOT fine: 10.77.0.1:1086 cannot be used'
    expect 'advice' "$(advice | head -n 1)" '10.77.0.1:1086: check user and password in its URL'
    run -1 checked -p "${PROXY[danted]}" -p socks5://10.77.0.1:1199 --check page.example:80
    expect 'the verdict' "$(verdict)" 'NOT fine: 10.77.0.1:1080 does not reach the next proxy'
    expect 'advice' "$(advice)" '10.77.0.1:1080: is the next proxy of the chain running?'
    assert_no_leak
}

@test "the names of proxies and their hosts are shown, never a password" {
    printf 'proxy home socks5://alice:s3cret@10.77.0.1:1086\ndefault home\n' > "$BATS_TEST_TMPDIR/conf"
    chmod 600 "$BATS_TEST_TMPDIR/conf"
    run -0 checked -f "$BATS_TEST_TMPDIR/conf" --check page.example:80
    expect_match 'the proxy' "$output" 'proxy socks5://10\.77\.0\.1:1086 \(home\)'
    run -1 grep s3cret <<< "$output"
    echo '10.77.0.1 proxy.lan' >> /etc/netns/client/hosts
    run -0 checked -p socks5://proxy.lan:1085 --check page.example:80
    expect 'a host name' "$(words resolve)" \
        "proxy.lan is 10.77.0.1:1085, by this machine's own resolver"
    sed -i '/proxy.lan/d' /etc/netns/client/hosts
    run -1 checked -p socks5://proxy.lan:1085 --check page.example:80
    expect 'the steps' "$(steps)" 'resolve FAILED'
    expect_match 'advice' "$(advice)" 'check the name in its URL'
    leaked_packets > /dev/null
}

@test "a proxy that is down, and one that refuses the password" {
    run -1 checked -p socks5://10.77.0.1:1199 --check page.example:80
    expect 'the steps' "$(steps)" $'resolve ok\nconnect FAILED'
    expect 'the verdict' "$(verdict)" 'NOT fine: 10.77.0.1:1199 cannot be used'
    expect 'advice' "$(advice)" '10.77.0.1:1199: is the proxy running, and on this port?'
    run -1 checked -p socks5://alice:wrong@10.77.0.1:1083 --check page.example:80
    expect_match 'the steps' "$(steps)" 'greeting ok.password FAILED$'
    run -1 checked -p socks5://10.77.0.1:1081 --check page.example:80
    expect_match 'without one' "$(steps)" 'connect ok.greeting FAILED$'
    expect_match 'advice' "$(advice)" 'write USER:PASSWORD@'
}

@test "what is no SOCKS is called by its name, even if it waits to be spoken to in its own way" {
    script hold
    run -1 checked -t 300ms -p socks5://$SCRIPT --check page.example:80
    expect 'a silent port' "$(steps)" $'resolve ok\nconnect ok\ngreeting FAILED\nidentify no'
    expect 'advice' "$(advice)" '10.77.0.1:1100: is this a SOCKS5 port?'
    run -1 checked -t 300ms -p socks4a://$SCRIPT --check page.example:80
    expect 'a silent port, to SOCKS4' "$(steps)" \
        $'resolve ok\nconnect ok\nCONNECT by name FAILED\nidentify no'
    script any 'text HTTP/1.1 400 Bad Request\r\n\r\n'
    run -1 checked -p socks5://$SCRIPT --check page.example:80
    expect 'an HTTP port' "$(words greeting)" 'this port speaks HTTP, not SOCKS (greeting)'
    script head 'text HTTP/1.1 400 Bad Request\r\n\r\n'
    run -1 checked -t 300ms -p socks5://$SCRIPT --check page.example:80
    expect 'one that waits' "$(words identify)" 'it speaks HTTP, not SOCKS'
    expect 'advice' "$(advice)" "10.77.0.1:1100: write the proxy's SOCKS port in its URL"
    script any 'send 15 03 01 00 02 02 46'
    run -1 checked -p socks5://$SCRIPT --check page.example:80
    expect 'a TLS port' "$(words greeting)" 'this port speaks TLS, not SOCKS (greeting)'
    script 'read 12' 'send 15 03 01 00 02 02 46'
    run -1 checked -t 300ms -p socks5://$SCRIPT --check page.example:80
    expect 'one that waits for more' "$(words identify)" 'it speaks TLS, not SOCKS'
    script any 'text 220 ftp.example\r\n'
    run -1 checked -p socks5://$SCRIPT --check page.example:80
    expect 'anything else' "$(words identify)" 'neither SOCKS nor HTTP nor TLS'
    script 'frame request4' 'send 00 5a 00*6'
    run -1 checked -t 300ms -p socks5://$SCRIPT --check page.example:80
    expect 'SOCKS4' "$(words identify)" 'it speaks SOCKS4'
    expect 'advice' "$(advice)" '10.77.0.1:1100: write socks4a:// in its URL'
    run -1 checked -p "${PROXY[microsocks]/5/4a}" --check page.example:80
    expect 'SOCKS5' "$(advice)" '10.77.0.1:1082: write socks5:// in its URL'
}

@test "success before the target is reached is a warning" {
    script 'frame greeting' 'send 05 00' 'frame request' 'send 05 00 00 01 00*6' hold
    run -0 checked -p socks5://$SCRIPT --check page.example:80
    expect 'the steps' "$(steps | tail -n 2)" $'pipelining ok\nunknown name warning'
    expect_match 'its words' "$(words 'unknown name')" 'granted: success is said before'
    expect_match 'advice' "$(advice)" 'says success before it has reached the target'
    script 'frame request4' 'send 00 5a 00*6' hold
    run -0 checked -p socks4://$SCRIPT --check page.example:80
    expect_match 'of SOCKS4' "$(steps)" 'closed port warning'
}

@test "what the proxy is asked for: the frames of each step, in lock-step, and then merged" {
    script any 'send 05 00' any 'send 05 00 00 01 00*6' hold
    run -0 checked -p socks5://$SCRIPT --check page.example:80
    expect 'the frames' "$(stdout_of script | sed -n 's/^[0-9]*: \([0-9a-f]*\)$/\1/p')" \
        "$(printf '%s\n' 050100 050100030c706167652e6578616d706c650050 \
            050100 05010001cb00710a0050 \
            050100 0501000420010db80077000000000000000000100050 \
            0401005000000001"00706167652e6578616d706c6500" \
            050100050100030c706167652e6578616d706c650050 \
            050100 0501000316"$(printf does-not-exist.invalid | od -An -tx1 | tr -d " \n")"0050)"
}

@test "a proxy that is named is checked whatever the rules say, with the default target" {
    # Nothing is connected to by this proxy.
    script 'frame greeting' 'send 05 00' 'frame request' 'send 05 04 00 01 00*6'
    printf 'default direct\n' > "$BATS_TEST_TMPDIR/conf"
    run -1 checked -f "$BATS_TEST_TMPDIR/conf" --check socks5://$SCRIPT
    expect_match 'the target' "$output" 'target example\.com:80'
    expect_match 'the steps' "$(steps)" \
        'CONNECT by name FAILED.CONNECT by IPv4 no.CONNECT by IPv6 no.SOCKS4a no.pipelining ok'
    expect 'the addresses' "$(words 'CONNECT by IPv4'; words 'CONNECT by IPv6')" \
        '1.1.1.1:80: the proxy cannot reach the host (request, code 4)
[2606:4700:4700::1111]:80: the proxy cannot reach the host (request, code 4)'
    expect_match 'the verdict' "$(verdict)" 'NOT fine: 10\.77\.0\.1:1100 reached none of the targets'
    leaked_packets > /dev/null # the names that this configuration lets out
    run -2 checked -p "${PROXY[ssh]}" --check socks5://$SCRIPT
    run -78 checked --check socks9://$SCRIPT
}

@test "a target: an address, one that refuses, one that a rule sends direct or blocks" {
    run -0 checked -p "${PROXY[ssh]}" --check 203.0.113.10:80
    expect_match 'IPv4' "$(steps)" 'by name left out.CONNECT by IPv4 ok.CONNECT by IPv6 left out'
    run -0 checked -p "${PROXY[ssh]}" --check 'http://[2001:db8:77::10]/page'
    expect_match 'IPv6' "$(steps)" 'by name left out.CONNECT by IPv6 ok.CONNECT by IPv4 left out.SOCKS4a left'
    run -1 checked -p "${PROXY[socksify]}" --check closed.example:81
    expect_match 'one that refuses' "$(steps)" 'CONNECT by name FAILED'
    expect 'the verdict' "$(verdict)" 'NOT fine: 10.77.0.1:1085 reached none of the targets'
    expect 'advice' "$(advice | head -n 1)" 'try another target, as --check HOST:PORT'
    printf 'proxy p %s\ndefault p\ndirect 203.0.113.10\nblock page.example\n' "${PROXY[ssh]}" \
        > "$BATS_TEST_TMPDIR/conf"
    run -0 checked -f "$BATS_TEST_TMPDIR/conf" --check 203.0.113.10:80
    expect_match 'direct' "$output" 'target 203\.0\.113\.10:80: goes direct, without a proxy'
    expect 'advice' "$(advice)" 'if a proxy is there, --check socks5://203.0.113.10:80 tries it'
    run -0 checked -f "$BATS_TEST_TMPDIR/conf" --check page.example:80
    expect_match 'blocked' "$output" 'target page\.example:80: is blocked; .*the target takes no proxy'
    assert_no_leak
}

@test "a name whose addresses nobody here knows has them from the dns-server, by way of the proxy" {
    printf 'proxy p %s\ndefault p\n' "${PROXY[ssh]}" > "$BATS_TEST_TMPDIR/conf"
    run -0 checked -f "$BATS_TEST_TMPDIR/conf" --check both.example:80
    expect_match 'without one' "$(words 'CONNECT by IPv4')" 'its address is not known: .*`dns-server`'
    echo 'dns-server 203.0.113.10' >> "$BATS_TEST_TMPDIR/conf"
    run -0 checked -f "$BATS_TEST_TMPDIR/conf" --check both.example:80
    expect_match 'IPv4' "$(words 'CONNECT by IPv4')" '^192\.0\.2\.1:80: ' # what it answers
    expect 'IPv6' "$(words 'CONNECT by IPv6')" 'the dns-server knows no such address for it'
    expect 'what it was asked' "$(stdout_of names | grep both.example)" \
        $'tcp both.example 1\ntcp both.example 28'
    run -0 checked -f "$BATS_TEST_TMPDIR/conf" --check four.example:80
    expect 'the hosts file comes first' "$(words 'CONNECT by IPv4')" 203.0.113.10:80
    expect 'and has no other' "$(words 'CONNECT by IPv6')" 'the hosts file has no such address for it'
    assert_no_leak
}

@test "a proxy that cannot look names up fails, though it reaches addresses" {
    echo '203.0.113.10 local.lan' >> /etc/netns/client/hosts
    run -1 checked -p "${PROXY[socksify]}" --check local.lan:80
    expect_match 'the steps' "$(steps)" 'CONNECT by name FAILED.CONNECT by IPv4 ok'
    expect 'the verdict' "$(verdict)" \
        'NOT fine: 10.77.0.1:1085 reaches addresses, but not the host name'
    expect_match 'advice' "$(advice | head -n 1)" \
        'try another name, as -p PROXY --check HOST:PORT; .* look-up of names does not work'
}

@test "a target that is none is 2, and the message says why" {
    local target
    for target in ls page.example 203.0.113.10 page.example:0 page.example/x foo://page.example ::1; do
        run -2 client "$SOCKSIFY" -p socks5://10.77.0.1 --check "$target"
        expect_match "the message for $target" "$output" '^socksify: --check: .*expected'
        expect_match 'of what it may have been' "$output" '; a proxy .* socks5://HOST:1080, or -p NAME$'
    done
    for target in alice:s3cret@10.77.0.1:1081 http://alice:s3cret@10.77.0.1:0/; do
        run -2 client "$SOCKSIFY" -p socks5://10.77.0.1 --check "$target"
        run -2 client "$SOCKSIFY" -p socks5://10.77.0.1 --explain "$target"
        expect_match "the message for $target" "$output" ': (http://)?\*\*\*@10\.77\.0\.1:[0-9*]+/?: expected'
    done
}

@test "colour only on a terminal, and not with NO_COLOR" {
    local command="$SOCKSIFY -p ${PROXY[ssh]} --check page.example:80"
    run -0 client env TERM=xterm script -qec "$command" /dev/null
    expect 'the coloured verdicts' "$(grep -c $'\033\[32m\(ok\|inside\) *\033\[0m' <<< "$output")" 12
    run -0 client env TERM=xterm NO_COLOR=1 script -qec "$command" /dev/null
    run -1 grep $'\033' <<< "$output"
    run -0 client env TERM=dumb script -qec "$command" /dev/null
    run -1 grep $'\033' <<< "$output"
    run -0 client env TERM=xterm sh -c "$command"
    run -1 grep $'\033' <<< "$output"
}

# --- Whether anything leaves ---

# configured LINES [OPTION...]: what --check prints, with this configuration.
configured() {
    printf 'proxy p %s\n%s\n' "${PROXY[socksify]}" "$1" > "$BATS_TEST_TMPDIR/conf"
    shift
    checked -f "$BATS_TEST_TMPDIR/conf" "$@" --check page.example:80
}

# inside: the lines about it, with numbers made alike.
inside() {
    sed -n '/^what programs send/,/^verdict/{//!p}' <<< "$output" |
        sed -E 's/198\.1[89]\.[0-9]+\.[0-9]+/STAND-IN/g'
}

INSIDE='  host name  inside  socksify-check.invalid is STAND-IN here, a stand-in; only the proxy is told
  datagram  inside  one to 192.0.2.1 is refused: Permission denied
  DNS query  inside  one to 192.0.2.53 is answered in the program, with STAND-IN'

@test "all stays inside: three lines and 0, and not a packet" {
    run -0 configured 'default p'
    expect 'the lines' "$(inside)" "$INSIDE"
    run -0 configured $'default block\ndns-server 203.0.113.10\ndirect localnet'
    expect 'the lines' "$(inside)" "$INSIDE"
    expect 'the verdict' "$(verdict)" \
        'fine: nothing leaves; the target takes no proxy, so none was tried'
    run -0 checked -p "${PROXY[socksify]}" --check page.example:80
    expect 'the lines' "$(inside)" "$INSIDE"
    assert_no_leak
}

@test "names that go direct leave, and so do the queries for them: 1" {
    run -1 configured 'default direct'
    expect_match 'the output' "$output" 'host name +LEAVES .*datagram +inside.*DNS query +LEAVES '
    [ "$(leaked_packets)" -gt 0 ] # which shows that it is right
    expect 'the verdict' "$(verdict)" 'NOT fine: something leaves beside the proxy'
    run -1 configured $'default p\ndirect *.invalid'
    expect_match 'the output' "$output" 'host name +LEAVES .*datagram +inside.*DNS query +LEAVES '
    leaked_packets
}

@test "host names that resolve=local has looked up here leave: 1, and it is said what keeps them" {
    echo '203.0.113.10 here.lan' >> /etc/netns/client/hosts
    run -1 checked -p "${PROXY[danted-4]}?resolve=local" --check here.lan:80
    expect_match 'the steps' "$(steps)" 'CONNECT by name left out.CONNECT by IPv4 ok'
    expect_match 'the output' "$output" 'host name +LEAVES .*datagram +inside.*DNS query +inside '
    expect 'the verdict' "$(verdict)" 'NOT fine: something leaves beside the proxy'
    expect_match 'advice' "$(advice)" '10.77.0.1:1080: resolve=local .* socks4a:// or socks5://'
    assert_no_leak # the name was in the hosts file
    run -1 checked -p "${PROXY[danted-4]}?resolve=local" --check page.example.com:80
    expect_match 'IPv4' "$(words 'CONNECT by IPv4')" 'which resolve=local has asked, knows none'
    [ "$(leaked_packets)" -gt 0 ]
}

@test "datagrams that are allowed leave: 1" {
    run -1 configured $'default p\nudp direct'
    expect_match 'the output' "$output" 'host name +inside.*datagram +LEAVES .*DNS query +inside'
    expect_match 'advice' "$(advice)" 'look for lines that say direct'
    [ "$(leaked_packets)" -gt 0 ]
    run -1 configured $'default p\nudp direct 192.0.2.0/24'
    leaked_packets
    run -0 configured $'default p\nudp direct 198.51.100.0/24'
    assert_no_leak
}

@test "sections of other programs do not count" {
    run -0 configured $'default p\n[app ssh git]\ndefault direct\nudp direct'
    assert_no_leak
}

@test "without the library, the test program says that everything leaves: 1" {
    run -1 client timeout 20 bash -c 'exec -a socksify-check "$SOCKSIFY"'
    expect 'lines that say so' "$(grep -c LEAVES <<< "$output")" 3
    [ "$(leaked_packets)" -gt 0 ]
}

@test "a configuration that is wrong is 78, with file and line, and nothing on stdout" {
    run -78 --separate-stderr configured 'default nowhere'
    expect 'stdout' "$output" ''
    # shellcheck disable=SC2154
    expect_match 'stderr' "$stderr" '/conf:2: nowhere: '
    run -78 client env -u ALL_PROXY "$SOCKSIFY" --check
}

@test "a library that cannot be preloaded is 1, and nothing is sent" {
    cp "$SOCKSIFY" /run/socksify
    run -1 client /run/socksify -p socks5://10.77.0.1 --check page.example:80
    expect_match 'the output' "$output" 'cannot be preloaded'
    assert_no_leak
}

@test "--check goes with no program and no other mode, but with -v and -q" {
    run -2 client "$SOCKSIFY" --check page.example:80 ls
    run -2 client "$SOCKSIFY" --check --env
    run -2 client "$SOCKSIFY" --check --embedded
    run -0 --separate-stderr configured 'default p'
    expect 'stderr, by default' "$stderr" ''
    run -0 --separate-stderr configured 'default p' -v
    expect_match 'stderr with -v' "$stderr" 'datagrams to 192\.0\.2\.1:9: blocked'
}

@test "inside a socksified shell it checks what it is given, and not by way of the shell's proxy" {
    printf 'proxy p socks5://10.77.0.1:1199\ndefault p\n' > "$BATS_TEST_TMPDIR/proxied"
    echo 'default direct' > "$BATS_TEST_TMPDIR/direct"
    run -1 client timeout 20 "$SOCKSIFY" -f "$BATS_TEST_TMPDIR/proxied" \
        sh -c '"$0" -f "$1" --check page.example:80' "$SOCKSIFY" "$BATS_TEST_TMPDIR/direct"
    expect_match 'the output' "$output" 'host name +LEAVES'
    leaked_packets
    run -0 client timeout 60 "$SOCKSIFY" -f "$BATS_TEST_TMPDIR/proxied" \
        sh -c '"$0" -p "$1" --check page.example:80' "$SOCKSIFY" "${PROXY[socksify]}"
    expect_match 'the verdict' "$(verdict)" '^fine: the proxy works'
    run -1 client timeout 20 "$SOCKSIFY" -f "$BATS_TEST_TMPDIR/proxied" \
        sh -c '"$0" --check page.example:80' "$SOCKSIFY"
    expect 'the verdict' "$(verdict)" 'NOT fine: p cannot be used'
    assert_no_leak
}
