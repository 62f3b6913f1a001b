# SPDX-License-Identifier: MIT
# What goes wrong under a supervisor: it is killed, its programs are, descriptors and names of calls
# go stale, the kernel or a container gives it nothing. In no case does anything go out beside the
# proxy, and nothing stays behind.

load ../support/lab
load ../support/proxies
load ../support/async
load ../support/supervise

SILENT=socks5://10.77.0.1:1110

setup_file() {
    lab_up
    start_targets
    start_proxies socksify microsocks
    start_script echo world 203.0.113.10:7 echo
}

teardown_file() {
    stop_all
}

setup() {
    start_script silent world 10.77.0.1:1110 'frame greeting' drain
}

teardown() {
    stop silent
    until_true supervisor_is_gone
    assert_no_leak
}

# Run in the client, in the background; $pid is its process.
in_background() { # COMMAND...; its output goes to the file out
    ip netns exec client "$@" > "$BATS_TEST_TMPDIR/out" 2>&1 < /dev/null 3>&- &
    pid=$!
}

has_said() { # TEXT, a line
    grep -qx "$1" "$BATS_TEST_TMPDIR/out"
}

proxy_heard() { # TEXT, an extended regular expression
    grep -qE "$1" "$BATS_FILE_TMPDIR/silent.out"
}

# A shell that fetches, waits to be told, and fetches again.
FETCH_TWICE='"$@"; echo "first: $?"; while [ ! -e "$GO_ON" ]; do sleep 0.02; done; "$@"
echo "second: $?"'

# When its supervisor is killed in between, the second one fails.
fails_without_supervisor() { # [OPTION...] -- COMMAND...
    local options=()
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    export GO_ON=$BATS_TEST_TMPDIR/go-on
    rm -f "$GO_ON"
    in_background timeout 20 "$SOCKSIFY" -p "${PROXY[socksify]}" "${options[@]}" "$BUSYBOX" sh -c \
        "$FETCH_TWICE" - "$@"
    until_true grep -q first: "$BATS_TEST_TMPDIR/out"
    expect "the first of $*" "$(head -n 2 "$BATS_TEST_TMPDIR/out")" "$PAGE"$'\nfirst: 0'
    # shellcheck disable=SC2046
    kill -KILL $(supervisors)
    until_true supervisor_is_gone
    touch "$GO_ON"
    wait $pid || true
    expect_match "the second of $*" "$(tail -n +3 "$BATS_TEST_TMPDIR/out")" 'second: [1-9]'
    [[ $(tail -n +3 "$BATS_TEST_TMPDIR/out") != *"$PAGE"* ]]
}

@test "when the supervisor is killed, its programs connect nowhere any more" {
    fails_without_supervisor -- "$BUSYBOX" wget -q -O - http://203.0.113.10/page
    fails_without_supervisor -- "$STATIC/probe-fetch" page.example 80
    fails_without_supervisor -- "$PROBES/m32/probe-fetch" 203.0.113.10 80
    fails_without_supervisor -- sh -c "$GO get http://203.0.113.10/page | grep page"
    fails_without_supervisor --mode supervise -- curl -sS http://203.0.113.10/page
    fails_without_supervisor --seal -- curl -sS http://203.0.113.10/page
}

@test "nor do they send datagrams" {
    in_background timeout 20 "$SOCKSIFY" -p "${PROXY[socksify]}" "$BUSYBOX" sh -c '
        while [ ! -e "$1" ]; do sleep 0.02; done
        "$2" sendto 203.0.113.10 9; "$2" send 203.0.113.10 9; "$2" sendmsg 203.0.113.10 9' - \
        "$BATS_TEST_TMPDIR/go-on" "$STATIC/probe-datagram"
    until_true there_is_a_supervisor
    # shellcheck disable=SC2046
    kill -KILL $(supervisors)
    until_true supervisor_is_gone
    touch "$BATS_TEST_TMPDIR/go-on"
    wait $pid || true
    expect 'what it says' "$(cat "$BATS_TEST_TMPDIR/out")" \
        $'sendto: ENOSYS\nconnect: ENOSYS\nsendmsg: ENOSYS'
}

@test "a connect that waits when the supervisor is killed fails" {
    in_background timeout 20 "$SOCKSIFY" -p $SILENT "$STATIC/probe-connect" 203.0.113.10 80
    until_true proxy_heard '^1: '
    # shellcheck disable=SC2046
    kill -KILL $(supervisors)
    wait $pid || true
    expect_match 'what it says' "$(cat "$BATS_TEST_TMPDIR/out")" 'connect: E'
}

@test "a program that is killed in the middle of a handshake is gone for the proxy, too" {
    local probe
    for probe in "$STATIC/probe-connect 203.0.113.10 80" "$STATIC/probe-connect -n 203.0.113.10 80" \
        "$GO dial 203.0.113.10:80" "$PROBES/m32/probe-fetch 203.0.113.10 80"; do
        # shellcheck disable=SC2086
        in_background "$SOCKSIFY" -p $SILENT $probe
        until_true proxy_heard '^1: '
        kill -KILL $pid
        wait $pid || true
        until_true proxy_heard '^1: end'
        stop silent
        start_script silent world 10.77.0.1:1110 'frame greeting' drain
    done
}

# The proxy sees the end of the connection while the program lives on.
ends_at_proxy() { # PROBE of probe-async-life
    mkfifo "$BATS_TEST_TMPDIR/$1.in"
    ip netns exec client timeout 20 "$SOCKSIFY" -p $SILENT "$STATIC/probe-async-life" "$1" \
        203.0.113.10 80 > "$BATS_TEST_TMPDIR/out" 2>&1 < "$BATS_TEST_TMPDIR/$1.in" 3>&- &
    pid=$!
    exec 9> "$BATS_TEST_TMPDIR/$1.in"
    until_true proxy_heard '^1: '
    echo >&9
    until_true grep -q closed "$BATS_TEST_TMPDIR/out"
    until_true proxy_heard '^1: end'
    exec 9>&-
    wait $pid || { cat "$BATS_TEST_TMPDIR/out"; return 1; }
    stop silent
    start_script silent world 10.77.0.1:1110 'frame greeting' drain
}

@test "a socket that is closed in the middle of a handshake is given up, however it is closed" {
    local probe
    for probe in closed closed-by-dup2 closed-by-range closed-by-loop exec-closing; do
        ends_at_proxy $probe
    done
}

@test "a socket that lingers when it is given up keeps nobody waiting" {
    start_script stuck world 10.77.0.1:1112 hold
    cat > "$BATS_TEST_TMPDIR/conf" <<END
proxy p ${PROXY[socksify]}
proxy stuck socks5://10.77.0.1:1112
default p
via stuck 203.0.113.10:81
END
    expect 'what they say' "$(client timeout 30 "$SOCKSIFY" -f "$BATS_TEST_TMPDIR/conf" "$BUSYBOX" sh -c '
        "$1" closed-lingering 203.0.113.10 81; timeout 5 "$2" 203.0.113.10 80' - \
        "$STATIC/probe-async-life" "$STATIC/probe-fetch")" $'connect: EINPROGRESS\nclosed\n'"$PAGE"
    stop stuck
}

@test "a program with more connects under way than there can be does not trouble the others" {
    local out=$BATS_TEST_TMPDIR/out
    mkfifo "$BATS_TEST_TMPDIR/in"
    touch "$out"
    exec 9<> "$BATS_TEST_TMPDIR/in"
    run client timeout 20 sh -c 'ulimit -n 64; exec "$@"' - "$SOCKSIFY" -p $SILENT "$BUSYBOX" sh -c '
        "$1" crowded 203.0.113.10 80 < "$2" >> "$3" & "$1" crowded 203.0.113.10 80 < "$2" >> "$3" &
        until [ "$(grep -c "at last" "$3")" -eq 2 ]; do usleep 10000; done
        "$4" local-names; "$5" sent-to; kill %1 %2' - "$STATIC/probe-async-life" \
        "$BATS_TEST_TMPDIR/in" "$out" "$STATIC/probe-local" "$STATIC/probe-loopback"
    exec 9>&-
    expect 'what the others say' "$output" \
        "$("$STATIC/probe-local" local-names; "$STATIC/probe-loopback" sent-to)"
    expect 'what they say' "$(sort -u "$out")" 'at last: EAGAIN'
}

@test "of many programs that are killed while they connect nothing is left" {
    local supervisor before
    start_script slow world 10.77.0.1:1111 "${ACCEPT[@]}" 'send 05 00 00 01 00*6' echo
    in_background timeout 60 "$SOCKSIFY" -p socks5://10.77.0.1:1111 "$BUSYBOX" sh -c '
        echo begin
        while [ ! -e "$1" ]; do sleep 0.02; done
        for i in $(seq 40); do
            "$2" 203.0.113.10 80 & "$2" -n 203.0.113.10 80 &
            usleep $((i * 1000))
            kill -KILL %1 %2
            wait
        done > /dev/null 2>&1
        echo killed
        while [ ! -e "$3" ]; do sleep 0.02; done
        "$2" -s ping 203.0.113.10 80' - "$BATS_TEST_TMPDIR/go-on" "$STATIC/probe-connect" \
        "$BATS_TEST_TMPDIR/at-last"
    until_true has_said begin
    supervisor=$(supervisors)
    before=$(descriptors_of "$supervisor")
    touch "$BATS_TEST_TMPDIR/go-on"
    until_true until_true has_said killed
    until_true has_few_descriptors "$supervisor" $((before + 4))
    touch "$BATS_TEST_TMPDIR/at-last"
    wait $pid
    expect_match 'what the last one says' "$(cat "$BATS_TEST_TMPDIR/out")" $'connect: 0\n.*got: ping'
    stop slow
}

has_few_descriptors() { # PID COUNT
    [ "$(descriptors_of "$1")" -le "$2" ]
}

# Non-blocking connects, each registered with epoll; then it waits for a line.
CONNECT_MANY='
import errno, select, socket, sys
polled, begun = select.epoll(), [socket.socket() for _ in range(100)]
for opened in begun:
    opened.setblocking(False)
    assert opened.connect_ex(("203.0.113.10", 80)) == errno.EINPROGRESS
    polled.register(opened, select.EPOLLOUT)
print("begun", flush=True)
sys.stdin.readline()'

@test "each connect under way takes one descriptor of the supervisor" {
    local supervisor
    mkfifo "$BATS_TEST_TMPDIR/in"
    ip netns exec client timeout 60 "$SOCKSIFY" --mode supervise -p $SILENT python3 -c \
        "$CONNECT_MANY" < "$BATS_TEST_TMPDIR/in" > "$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    pid=$!
    exec 9> "$BATS_TEST_TMPDIR/in"
    until_true has_said begun
    supervisor=$(supervisors)
    [ "$(descriptors_of "$supervisor")" -ge 100 ]
    [ "$(descriptors_of "$supervisor")" -lt 130 ] || { ls -l "/proc/$supervisor/fd"; return 1; }
    echo >&9
    exec 9>&-
    wait $pid
}

@test "connects that come and go leave no descriptor, and no memory" {
    local supervisor descriptors memory ports proxy
    mkfifo "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/proxy-in"
    "$BUILD/bench/proxy" 0 < "$BATS_TEST_TMPDIR/proxy-in" > "$BATS_TEST_TMPDIR/ports" 3>&- &
    proxy=$!
    exec 8> "$BATS_TEST_TMPDIR/proxy-in"
    until_true test -s "$BATS_TEST_TMPDIR/ports"
    read -ra ports < "$BATS_TEST_TMPDIR/ports"
    # On one processor, which gives sockets their cookies one after the other.
    taskset -c 0 timeout 60 "$SOCKSIFY" -p "socks5://127.0.0.1:${ports[0]}" "$STATIC/probe-many" \
        203.0.113.10 9 \
        < "$BATS_TEST_TMPDIR/in" > "$BATS_TEST_TMPDIR/out" 3>&- 8>&- &
    pid=$!
    exec 9> "$BATS_TEST_TMPDIR/in"
    # So many touch every page of the table of whom sockets were connected to.
    echo 5000 >&9
    until_true has_lines 1
    supervisor=$(supervisors)
    descriptors=$(descriptors_of "$supervisor")
    memory=$(memory_of "$supervisor")
    echo 5000 >&9
    until_true has_lines 2
    until_true has_few_descriptors "$supervisor" "$descriptors"
    echo "memory: $memory kB, then $(memory_of "$supervisor") kB"
    [ "$(memory_of "$supervisor")" -le $((memory + 100)) ]
    exec 8>&- 9>&-
    wait $pid $proxy
    expect 'how many were good' "$(cat "$BATS_TEST_TMPDIR/out")" $'5000 of 5000\n5000 of 5000'
}

has_lines() { # COUNT
    [ "$(wc -l < "$BATS_TEST_TMPDIR/out")" -eq "$1" ]
}

@test "what is supervised cannot look into its supervisor, with Landlock or without" {
    local without
    for without in '' landlock=ENOSYS; do
        # shellcheck disable=SC2086
        expect "forbidden: $without" "$(client setpriv --reuid=65534 --regid=65534 --clear-groups timeout 20 \
            "$PROBES/probe-forbid" $without -- "$SOCKSIFY" \
            -p "${PROXY[socksify]}" "$BUSYBOX" sh -c '(: < /proc/self/mem) && echo itself
                for process in /proc/[0-9]*; do
                    [ "$(cat "$process/comm")" = socksify ] || continue
                    (: < "$process/mem") 2> /dev/null && echo "$process"
                done
                true')" itself
    done
}

# --- A kernel, or a container, that gives it nothing ---

# forbidden CALL=ERRNO REGEX: 126, and one line that says which call and why; nothing runs.
forbidden() {
    run -126 client "$PROBES/probe-forbid" "$1" -- "$SOCKSIFY" -p "${PROXY[socksify]}" "$BUSYBOX" \
        echo ran
    expect_match "what is said without $1" "$output" "socksify: .*busybox: .*$2"
    [[ $output != *ran* ]]
}

@test "where seccomp, its listener or a look into programs is forbidden, that is said, with 126" {
    forbidden seccomp=EPERM 'seccomp.*Operation not permitted.*container'
    forbidden seccomp=ENOSYS 'seccomp.*Function not implemented.*Linux 5\.9'
    forbidden listener=EINVAL 'seccomp.*Invalid argument.*Linux 5\.9'
    forbidden pidfd_open=ENOSYS 'pidfd'
    forbidden pidfd_getfd=EPERM 'pidfd_getfd.*not permitted.*CAP_SYS_PTRACE'
    forbidden process_vm_readv=EPERM 'process_vm_readv.*not permitted'
}

@test "under somebody else's listener there cannot be a second, and that is said" {
    forbidden listener=hold 'seccomp.*busy'
}

@test "a program that can be preloaded is, where nothing else is allowed" {
    expect 'the page' "$(client "$PROBES/probe-forbid" seccomp=EPERM -- "$SOCKSIFY" \
        -p "${PROXY[socksify]}" curl -sS http://page.example/page)" "$PAGE"
    run -126 client "$PROBES/probe-forbid" seccomp=EPERM -- "$SOCKSIFY" --seal \
        -p "${PROXY[socksify]}" curl -sS http://page.example/page
    expect_match 'sealed' "$output" 'seccomp.*not permitted'
    # What it starts and cannot be served is refused by who is strict.
    printf 'proxy p %s\ndefault p\nstrict yes\n' "${PROXY[socksify]}" > "$BATS_TEST_TMPDIR/conf"
    run client "$PROBES/probe-forbid" seccomp=EPERM -- "$SOCKSIFY" -f "$BATS_TEST_TMPDIR/conf" \
        sh -c "$STATIC/probe-fetch 203.0.113.10 80"
    [ "$status" -eq 126 ]
    expect_match 'a static child' "$output" 'statically linked'
}

@test "a socksify within a supervised program is served by the outer one" {
    local url=http://page.example/page
    expect 'static' "$(client "$SOCKSIFY" -p "${PROXY[socksify]}" "$BUSYBOX" sh -c \
        "$SOCKSIFY $BUSYBOX wget -q -O - $url")" "$PAGE"
    expect 'preloaded' "$(client "$SOCKSIFY" -p "${PROXY[socksify]}" "$BUSYBOX" sh -c \
        "$SOCKSIFY curl -sS $url")" "$PAGE"
    expect 'sealed' "$(client "$SOCKSIFY" -p "${PROXY[socksify]}" --seal "$BUSYBOX" sh -c \
        "$SOCKSIFY --seal curl -sS $url")" "$PAGE"
    run -126 client "$SOCKSIFY" -p "${PROXY[socksify]}" "$BUSYBOX" "$BUSYBOX" env \
        "$SOCKSIFY" -p "${PROXY[microsocks]}" "$BUSYBOX" wget -q -O - $url
    expect_match 'with another proxy' "$output" 'outer socksify'
}
