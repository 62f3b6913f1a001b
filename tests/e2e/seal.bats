# SPDX-License-Identifier: MIT
# --seal: the library and the supervisor together. Whatever slips past the library is caught and goes
# through the proxy by the same rules, or goes nowhere: the lab counts every packet that leaves beside
# the proxy, and the world every frame that comes. Each way out is shown to be one without --seal.

load ../support/lab
load ../support/proxies
load ../support/supervise

setup_file() {
    lab_up
    watch_frames
    start_targets
    start_proxies socksify
    start_script echo world 203.0.113.10:7 echo
}

teardown_file() {
    stop_all
}

teardown() {
    nothing_left
}

sealed() { # [OPTION...] COMMAND...
    client timeout 30 "$SOCKSIFY" --seal -p "${PROXY[socksify]}" "$@"
}

preloaded() {
    client timeout 10 "$SOCKSIFY" --mode preload -p "${PROXY[socksify]}" "$@"
}

# What is counted now is the sealed program's, and must not be taken for the control's.
nothing_left() {
    assert_no_leak && assert_no_frame
}

# leaks COMMAND...: without --seal it reaches out by itself; that is counted, and forgotten.
leaks() {
    nothing_left || return
    preloaded "$@" > /dev/null 2>&1 || true
    packets_left "$@" || return
    world nft reset counter netdev frames others > /dev/null
}

bare_leaks() { # COMMAND...: the same without socksify at all
    nothing_left || return
    client timeout 10 "$@" > /dev/null 2>&1 || true
    packets_left "$@" || return
    world nft reset counter netdev frames others > /dev/null
}

packets_left() {
    [ "$(leaked_packets)" -gt 0 ] || { echo "nothing leaves: $*"; return 1; }
}

GOOD=$'connect: 0\npeer: the target\necho: ping'
URL=http://page.example/page
# By address: nobody but the library knows names when the environment has gone.
ADDRESS_URL=http://203.0.113.10/page

# --- Ways around the library ---

@test "system calls without the C library are proxied" {
    local abi
    for abi in native int80 socketcall; do
        expect "$abi" "$(sealed "$PROBES/probe-raw" $abi connect 203.0.113.10 7)" "$GOOD"
        expect "$abi, MSG_FASTOPEN" "$(sealed "$PROBES/probe-raw" $abi fastopen 203.0.113.10 7)" \
            "fastopen${GOOD#connect}"
        leaks "$PROBES/probe-raw" $abi connect 203.0.113.10 7
    done
    expect 'x32' "$(sealed "$PROBES/probe-raw" x32 connect 203.0.113.10 7)" 'connect: ENOSYS'
}

@test "datagrams without the C library go nowhere" {
    local abi way
    for abi in native int80 socketcall; do
        for way in sendto sendmsg; do
            expect "$abi" "$(sealed -q "$PROBES/probe-raw" $abi $way 203.0.113.10 9)" "$way: EACCES"
            leaks "$PROBES/probe-raw" $abi $way 203.0.113.10 9
        done
        sealed -q "$PROBES/probe-raw" $abi send 203.0.113.10 9 || true
        leaks "$PROBES/probe-raw" $abi send 203.0.113.10 9
        for way in raw packet; do
            expect "$abi" "$(sealed -q "$PROBES/probe-raw" $abi $way 203.0.113.10 9)" "$way: EPERM"
        done
        leaks "$PROBES/probe-raw" $abi raw 203.0.113.10 9
        sealed -q "$PROBES/probe-raw" $abi icmp 203.0.113.10 9 || true
        for way in sctp vsock xdp tipc; do
            expect_match "$abi" "$(sealed -q "$PROBES/probe-raw" $abi $way 203.0.113.10 9)" \
                "$way: E(AF|PROTO)NOSUPPORT"
        done
    done
}

@test "there is no io_uring" {
    expect 'what it says' "$(sealed "$PROBES/probe-uring" 203.0.113.10 7)" 'setup: ENOSYS'
    leaks "$PROBES/probe-uring" 203.0.113.10 7
}

@test "a second C library is proxied" {
    expect 'what it says' "$(sealed "$PROBES/probe-dlmopen" 203.0.113.10 7)" 'connect: 0'
    expect_match 'what the proxy was asked for' "$(stderr_of socksify)" ' 203\.0\.113\.10:7 '
    leaks "$PROBES/probe-dlmopen" 203.0.113.10 7
}

@test "a child without our environment is proxied, whatever it is" {
    expect 'dynamic' "$(sealed "$PROBES/probe-bare" /usr/bin/curl -sS $ADDRESS_URL)" "$PAGE"
    expect 'static' "$(sealed "$PROBES/probe-bare" "$BUSYBOX" wget -q -O - $ADDRESS_URL)" "$PAGE"
    expect 'by name' "$(sealed "$PROBES/probe-bare" "$STATIC/probe-fetch" page.example 80)" \
        "$PAGE"
    expect 'dynamic, by name' "$(sealed "$PROBES/probe-bare" /usr/bin/curl -sS $URL)" "$PAGE"
    leaks "$PROBES/probe-bare" /usr/bin/curl -sS -m 2 $ADDRESS_URL
}

@test "the library loaded or not, children by env, exec and sudo-like wrappers are proxied" {
    expect 'env -i' "$(sealed env -i /usr/bin/curl -sS $URL)" "$PAGE"
    expect 'LD_PRELOAD unset' "$(sealed env -u LD_PRELOAD curl -sS $URL)" "$PAGE"
    expect 'static' "$(sealed "$BUSYBOX" wget -q -O - $URL)" "$PAGE"
    expect 'Go' "$(sealed "$GO" get $URL)" "$PAGE"
    expect 'of musl' "$(sealed sh -c "$PROBES/musl/probe-fetch page.example 80")" "$PAGE"
    expect 'setpriv' "$(sealed setpriv --reuid=65534 --clear-groups --reset-env curl -sS $URL)" \
        "$PAGE"
    expect 'its own loader' "$(sealed env -u LD_PRELOAD /lib64/ld-linux-x86-64.so.2 \
        /usr/bin/curl -sS $URL)" "$PAGE"
}

@test "a namespace of its own has no network, and one of processes no way out" {
    expect 'a network of its own' "$(sealed -q unshare -n curl -sS -m 5 $ADDRESS_URL 2>&1 |
        grep -c "$PAGE" || true)" 0
    expect 'processes of its own' "$(sealed unshare -p -f env -i /usr/bin/curl -sS $ADDRESS_URL)" \
        "$PAGE"
    expect 'a user of its own' "$(sealed unshare -U -r env -i /usr/bin/curl -sS $ADDRESS_URL)" \
        "$PAGE"
}

@test "the filter cannot be left: by another filter, by exec, by a daemon's double fork" {
    expect 'another filter' "$(sealed "$PROBES/probe-forbid" seccomp=EPERM -- "$STATIC/probe-fetch" \
        203.0.113.10 80)" "$PAGE"
    sealed sh -c "(setsid env -i '$STATIC/probe-fetch' 203.0.113.10 80 > '$BATS_TEST_TMPDIR/out' &)"
    until_true grep -qx "$PAGE" "$BATS_TEST_TMPDIR/out"
    until_true supervisor_is_gone
}

# --- What a hostile program may try ---

@test "an address that changes while it is looked at leads nowhere else" {
    expect 'what it says' "$(sealed -q "$PROBES/probe-race" address 203.0.113.10 81 1000)" 'done'
    expect 'what it says' "$(sealed -q "$PROBES/probe-race" message 203.0.113.10 81 1000)" 'done'
    # Another socket under the number: no packet leaves, whatever the program is told.
    sealed -q "$PROBES/probe-race" number 203.0.113.10 81 1000 > /dev/null
    sealed -q "$PROBES/probe-race" datagram 203.0.113.10 81 1000 > /dev/null
    sealed -q "$STATIC/probe-race" fast-open 203.0.113.10 82 10000 > /dev/null
    expect 'the same, static' \
        "$(sealed -q "$STATIC/probe-race" address 203.0.113.10 81 1000)" 'done'
    # The library alone would lose one round or the other; the bare program wins each.
    bare_leaks "$PROBES/probe-race" address 203.0.113.10 81 300000
    bare_leaks "$PROBES/probe-race" message 203.0.113.10 81 300000
}

# --- What must go on working ---

@test "what the library leads to the proxy is not proxied again, and is not asked for twice" {
    local before after
    before=$(stderr_of socksify | wc -l)
    expect 'the page' "$(sealed curl -sS $URL)" "$PAGE"
    expect 'by address' "$(sealed curl -sS $ADDRESS_URL)" "$PAGE"
    after=$(stderr_of socksify | tail -n +$((before + 1)))
    expect 'requests to the proxy' "$(grep -cE '(page\.example|203\.0\.113\.10):80 ' <<< "$after")" 2
    expect 'requests for the proxy' "$(grep -c '10.77.0.1:1085 ' <<< "$after" || true)" 0
}

@test "nor is it when the proxy is given by a name of the hosts file" {
    local before
    cp /etc/netns/client/hosts "$BATS_TEST_TMPDIR/hosts"
    echo '10.77.0.1 proxy.test' >> /etc/netns/client/hosts
    before=$(stderr_of socksify | wc -l)
    expect 'the page' "$(client timeout 20 "$SOCKSIFY" --seal -p socks5://proxy.test:1085 \
        curl -sS $URL)" "$PAGE"
    cat "$BATS_TEST_TMPDIR/hosts" > /etc/netns/client/hosts
    expect 'requests for the proxy' \
        "$(stderr_of socksify | tail -n +$((before + 1)) | grep -c '10.77.0.1:1085 ' || true)" 0
}

@test "one line with -v says so" {
    expect 'the lines' "$(sealed -v true 2>&1 | grep -c 'sealed')" 1
}

@test "programs do what they do: curl, wget, git, ssh, Python, node, perl" {
    local command
    expect 'curl' "$(sealed curl -sS $URL)" "$PAGE"
    expect 'wget' "$(sealed wget -q -O - $URL)" "$PAGE"
    sealed git clone -q http://page.example/repo.git "$BATS_TEST_TMPDIR/clone"
    expect 'git' "$(cat "$BATS_TEST_TMPDIR/clone/page")" "$PAGE"
    expect 'ssh' "$(sealed ssh -F /run/home/ssh_config page.example cat /run/web/page)" "$PAGE"
    expect 'Python' "$(sealed python3 -c 'import sys, urllib.request
sys.stdout.write(urllib.request.urlopen(sys.argv[1]).read().decode())' $URL)" "$PAGE"
    expect 'asyncio' "$(sealed python3 "$SUPPORT/loops/asyncio_echo.py" page.example 7 50 2>&1)" \
        '50 of 50'
    expect 'node' "$(sealed node -e "require('http').get('$URL',
        (response) => response.pipe(process.stdout))")" "$PAGE"
    for command in 'host page.example' 'dig +short page.example'; do
        # shellcheck disable=SC2086
        expect_match "$command" "$(sealed $command)" '198\.1[89]\.'
    done
}

@test "rules are the same: direct, block, by program" {
    start_script near world 10.77.0.1:1150 head 'text HTTP/1.0 200 OK\r\n\r\nnear\n' -- echo
    cat > "$BATS_TEST_TMPDIR/conf" <<END_CONF
proxy p ${PROXY[socksify]}
default p
direct 10.77.0.1
block evil.example 203.0.113.77
[app wget]
default block
END_CONF
    local run=(client timeout 20 "$SOCKSIFY" -f "$BATS_TEST_TMPDIR/conf" --seal)
    expect 'direct' "$("${run[@]}" curl -sS http://10.77.0.1:1150/)" near
    expect 'direct, raw' "$("${run[@]}" "$PROBES/probe-raw" native connect 10.77.0.1 1151)" "$GOOD"
    expect 'block, raw' "$("${run[@]}" "$PROBES/probe-raw" native connect 203.0.113.77 80 || true)" \
        'connect: EACCES'
    run -7 "${run[@]}" curl -sS http://evil.example/
    run -4 "${run[@]}" wget -q -t 1 -O - $URL
    expect 'another' "$("${run[@]}" curl -sS $URL)" "$PAGE"
    stop near
}

@test "when the supervisor is killed, nothing connects any more" {
    export GO_ON=$BATS_TEST_TMPDIR/go-on
    ip netns exec client timeout 20 "$SOCKSIFY" --seal -p "${PROXY[socksify]}" sh -c '
        curl -sS "$1"; while [ ! -e "$GO_ON" ]; do sleep 0.02; done; curl -sS "$1" || echo "failed: $?"
        "$2" native connect 203.0.113.10 80; env -i /usr/bin/curl -sS "$3" || echo "failed: $?"' - $URL \
        "$PROBES/probe-raw" $ADDRESS_URL > "$BATS_TEST_TMPDIR/out" 2> /dev/null 3>&- &
    local pid=$!
    until_true grep -qx "$PAGE" "$BATS_TEST_TMPDIR/out"
    # shellcheck disable=SC2046
    kill -KILL $(supervisors)
    touch "$GO_ON"
    wait $pid || true
    expect_match 'what was fetched' "$(cat "$BATS_TEST_TMPDIR/out")" \
        "^$PAGE"$'\nfailed: [0-9]+\nconnect: ENOSYS\nfailed: [0-9]+$'
}

@test "--seal takes no other mode, and needs a program" {
    run -2 client "$SOCKSIFY" --seal --mode preload true
    run -2 client "$SOCKSIFY" --seal --env
}
