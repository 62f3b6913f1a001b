# SPDX-License-Identifier: MIT
# Unmodified programs fetch a page of the world by host name, IPv4 and IPv6 address, each through
# every kind of proxy, and nothing leaves the client beside the proxy.

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
    assert_no_leak
}

# The hosts that a proxy can be asked for: SOCKS4 knows IPv4 only, SOCKS4a names as well.
hosts_for() {
    case ${PROXY[$1]} in
    socks4:*) echo 203.0.113.10 ;;
    socks4a:*) echo page.example page6.example 203.0.113.10 ;;
    *) echo page.example page6.example 203.0.113.10 2001:db8:77::10 ;;
    esac
}

# Every combination with one program; all that fail are named.
fetches_everywhere() { # PROGRAM
    local proxy host got failed=0 tried=0
    for proxy in "${!PROXY[@]}"; do
        for host in $(hosts_for "$proxy"); do
            tried=$((tried + 1))
            if ! got=$("fetch_$1" "$proxy" "$host" 2>&1) || [ "$got" != "$PAGE" ]; then
                echo "$1 through $proxy to $host: $got"
                failed=$((failed + 1))
            fi
        done
    done
    echo "$failed of $tried failed"
    [ "$tried" -gt 0 ] && [ "$failed" -eq 0 ]
}

@test "curl fetches through every proxy, by name, IPv4 and IPv6" {
    fetches_everywhere curl
}

@test "wget fetches through every proxy, by name, IPv4 and IPv6" {
    fetches_everywhere wget
}

@test "git clones over http through every proxy, by name, IPv4 and IPv6" {
    fetches_everywhere git
}

@test "ssh runs a command through every proxy, by name, IPv4 and IPv6" {
    fetches_everywhere ssh
}

@test "Python's urllib fetches through every proxy, by name, IPv4 and IPv6" {
    fetches_everywhere python3
}

@test "bash's /dev/tcp fetches through every proxy, by name, IPv4 and IPv6" {
    fetches_everywhere bash
}

@test "nc talks through the proxy to a name" {
    got=$(printf 'GET /page HTTP/1.0\r\n\r\n' | through socksify nc -w 5 page.example 80 |
        sed '1,/^\r$/d')
    expect 'the page' "$got" "$PAGE"
}

@test "getent gives a name an address that the same name has again" {
    first=$(through socksify getent ahostsv4 page.example)
    second=$(through socksify getent ahostsv4 page.example)
    expect_match 'the answer' "$first" '^198\.1[89]\.[0-9]+\.[0-9]+ +STREAM page\.example'
    expect 'the second answer' "$second" "$first"
}

@test "without socksify the same programs reach nothing" {
    run -6 client curl -s http://page.example/page
    run -7 client curl -s http://203.0.113.10/page
    [ "$(leaked_packets)" -gt 0 ] # which shows that the lab would see a leak
}

@test "a program in a pipe of another keeps its own streams" {
    got=$(through socksify sh -c 'curl -s http://page.example/page | tr a-z A-Z')
    expect 'the page' "$got" "${PAGE^^}"
}

@test "children of a shell script are proxied like the script" {
    got=$(through danted sh -c 'for i in 1 2 3; do curl -s http://page.example/page; done | uniq -c |
        tr -s " "')
    expect 'three pages' "$got" " 3 $PAGE"
}
