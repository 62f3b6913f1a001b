# SPDX-License-Identifier: MIT
# socksify --check: it says whether what programs send stays inside, and is right about it.

load ../support/lab
load ../support/proxies

setup_file() {
    lab_up
    start_server names world 53 "$SUPPORT/name-server" 203.0.113.10 53
}

teardown_file() {
    stop_all
}

# configured LINES: what --check prints, with this configuration.
configured() {
    printf 'proxy p socks5://10.77.0.1:1080\n%s\n' "$1" > "$BATS_TEST_TMPDIR/conf"
    client timeout 20 "$SOCKSIFY" -f "$BATS_TEST_TMPDIR/conf" --check
}

# With numbers made alike.
leveled() {
    sed -E 's/198\.1[89]\.[0-9]+\.[0-9]+/STAND-IN/g'
}

INSIDE='host name: stays inside: socksify-check.invalid is STAND-IN here, a stand-in; only the proxy is told
datagram: stays inside: one to 192.0.2.1 is refused: Permission denied
DNS query: stays inside: one to 192.0.2.53 is answered in the program, with STAND-IN'

@test "all stays inside: three lines and 0, and not a packet" {
    run -0 configured 'default p'
    expect 'the output' "$(leveled <<< "$output")" "$INSIDE"
    run -0 configured $'default block\ndns-server 203.0.113.10\ndirect localnet'
    expect 'the output' "$(leveled <<< "$output")" "$INSIDE"
    run -0 client timeout 20 "$SOCKSIFY" --check -p socks5://10.77.0.1
    expect 'the output' "$(leveled <<< "$output")" "$INSIDE"
    assert_no_leak
}

@test "names that go direct leave, and so do the queries for them: 1" {
    run -1 configured 'default direct'
    expect_match 'the output' "$output" 'host name: LEAVES: .*datagram: stays.*DNS query: LEAVES: '
    [ "$(leaked_packets)" -gt 0 ] # which shows that it is right
    run -1 configured $'default p\ndirect *.invalid'
    expect_match 'the output' "$output" 'host name: LEAVES: .*datagram: stays.*DNS query: LEAVES: '
    leaked_packets
}

@test "datagrams that are allowed leave: 1" {
    run -1 configured $'default p\nudp direct'
    expect_match 'the output' "$output" 'host name: stays.*datagram: LEAVES: .*DNS query: stays'
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

@test "a configuration that is wrong is 78, with file and line" {
    run -78 configured 'default nowhere'
    expect_match 'the output' "$output" '/conf:2: nowhere: '
    run -78 client env -u ALL_PROXY "$SOCKSIFY" --check
    expect 'stdout' "$(configured nonsense 2> /dev/null || true)" ''
}

@test "a library that cannot be preloaded is 1, and nothing is sent" {
    cp "$SOCKSIFY" /run/socksify
    run -1 client /run/socksify --check -p socks5://10.77.0.1
    expect_match 'the output' "$output" 'cannot be preloaded'
    assert_no_leak
}

@test "--check goes with no program and no other mode, but with -v and -q" {
    run -2 client "$SOCKSIFY" --check ls
    run -2 client "$SOCKSIFY" --check --env
    run -2 client "$SOCKSIFY" --check --embedded
    expect 'stderr, by default' "$(configured 'default p' 2>&1 > /dev/null)" ''
    expect_match 'stderr with -v' "$(client "$SOCKSIFY" -v --check -p socks5://10.77.0.1 2>&1 \
        > /dev/null)" 'datagrams to 192\.0\.2\.1:9: blocked'
}

@test "inside a socksified shell it checks the configuration that it is given" {
    printf 'proxy p socks5://10.77.0.1\ndefault p\n' > "$BATS_TEST_TMPDIR/proxied"
    echo 'default direct' > "$BATS_TEST_TMPDIR/direct"
    run -1 client timeout 20 "$SOCKSIFY" -f "$BATS_TEST_TMPDIR/proxied" \
        sh -c '"$0" -f "$1" --check' "$SOCKSIFY" "$BATS_TEST_TMPDIR/direct"
    expect_match 'the output' "$output" 'host name: LEAVES'
    leaked_packets
}
