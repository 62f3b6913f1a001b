# SPDX-License-Identifier: MIT
# What holds for every kind of SOCKS server: octets arrive whole in both directions, a stream can be
# half closed, the target may speak first, and proxies of different kinds make a chain.

load ../support/lab
load ../support/proxies

setup_file() {
    lab_up
    start_targets
    start_proxies danted danted-password microsocks microsocks-password ssh socksify \
        socksify-password
    head -c 20000000 /dev/urandom > /run/web/large
    start_script echo world '[::]:7' echo
    start_script banner world '[::]:25' 'text 220 hello\r\n'
}

teardown_file() {
    stop_all
}

teardown() {
    assert_no_leak
}

# each_proxy COMMAND [EXCEPT]: for every proxy that can carry a name, COMMAND PROXY-NAME; without
# those whose name begins with EXCEPT.
each_proxy() {
    local proxy failed=0 tried=0
    for proxy in "${!PROXY[@]}"; do
        [[ ${PROXY[$proxy]} != socks4:* && $proxy != "${2-none}"* ]] || continue
        tried=$((tried + 1))
        "$1" "$proxy" || { echo "... through $proxy"; failed=$((failed + 1)); }
    done
    [ "$tried" -gt 0 ] && [ "$failed" -eq 0 ]
}

downloads() {
    through "$1" curl -sS http://page.example/large | cmp - /run/web/large
}

@test "20 MB arrive unchanged through every proxy" {
    each_proxy downloads
}

echoes() {
    # The probe sends, ends its direction, and reads to the end.
    expect "what came back" \
        "$(through "$1" "$PROBES/probe-connect" -s 'there and back' page.example 7 | grep got:)" \
        'got: there and back'
}

# microsocks ends both directions when one ends.
@test "a stream that the program half closes still brings the answer, through every proxy" {
    each_proxy echoes microsocks
}

is_greeted() {
    expect "the greeting" \
        "$(through "$1" "$PROBES/probe-connect" -s '' page.example 25 | grep got: | tr -d '\r')" \
        'got: 220 hello'
}

@test "a target that speaks first is heard whole, through every proxy" {
    each_proxy is_greeted
}

@test "getpeername gives the address that the program connected to, not the proxy's" {
    got=$(through danted "$PROBES/probe-connect" 203.0.113.10 7)
    expect_match 'the answer' "$got" $'\npeer: 203\\.0\\.113\\.10 7\n'
    got=$(through danted "$PROBES/probe-connect" 2001:db8:77::10 7)
    expect_match 'the answer' "$got" $'\npeer: 2001:db8:77::10 7\n'
    got=$(through danted "$PROBES/probe-connect" page.example 7)
    expect_match 'the answer' "$got" $'\npeer: 198\\.1[89]\\.[0-9.]+ 7\nname: page.example\n'
}

@test "every pair of proxies makes a chain" {
    local first second got failed=0
    for first in danted-password microsocks ssh-4a socksify; do
        for second in danted microsocks-password ssh socksify-4a; do
            got=$(client timeout 20 "$SOCKSIFY" -p "${PROXY[$first]}" -p "${PROXY[$second]}" \
                curl -sS http://page.example/page 2>&1)
            expect "the page by $first,$second" "$got" "$PAGE" || failed=1
        done
    done
    [ $failed -eq 0 ]
}

@test "a chain of all proxies delivers" {
    got=$(client timeout 20 "$SOCKSIFY" -p "${PROXY[danted]}" -p "${PROXY[microsocks]}" \
        -p "${PROXY[ssh]}" -p "${PROXY[socksify]}" -p "${PROXY[danted-password]}" \
        -p "${PROXY[microsocks-password]}" -p "${PROXY[socksify-password]}" \
        curl -sS http://page6.example/page)
    expect 'the page' "$got" "$PAGE"
}

@test "a proxy may be named by a host name that this machine knows" {
    echo '10.77.0.1 proxy.lan' >> /etc/netns/client/hosts
    got=$(client timeout 20 "$SOCKSIFY" -p socks5://proxy.lan:1080 curl -sS http://page.example/page)
    expect 'the page' "$got" "$PAGE"
}

@test "every page is fetched when 50 programs run at once" {
    got=$(through socksify sh -c 'seq 50 | xargs -P 50 -I N curl -sS http://page.example/page' |
        sort | uniq -c | tr -s ' ')
    expect 'the pages' "$got" " 50 $PAGE"
}
