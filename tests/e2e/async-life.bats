# SPDX-License-Identifier: MIT
# Descriptors are closed, copied and passed on, processes fork and execute others, threads do it all
# at once: while connects are under way. Each probe that can is run without socksify, too, and must
# say the same.

load ../support/lab
load ../support/async

setup_file() {
    lab_up
    slow_wire_up
    slow_proxies_up
}

teardown_file() {
    stop_all
}

teardown() {
    assert_no_leak
}

# The proxy sees the end of the connection while the program lives on.
ends_at_proxy() { # PROBE
    local directory=$BATS_TEST_TMPDIR pid
    start_script hold world 10.77.0.1:1110 'frame greeting' drain
    mkfifo "$directory/$1.in"
    proxied -p socks5://10.77.0.1:1110 -- probe-async-life "$1" \
        > "$directory/$1.out" 2>&1 < "$directory/$1.in" 3>&- &
    pid=$!
    exec 9> "$directory/$1.in"
    until_true grep -q '^1: ' "$BATS_FILE_TMPDIR/hold.out"
    echo >&9
    until_true grep -q closed "$directory/$1.out"
    until_true grep -q '^1: end' "$BATS_FILE_TMPDIR/hold.out"
    exec 9>&-
    wait $pid || { cat "$directory/$1.out"; return 1; }
    stop hold
}

@test "a closed socket is given up at once, however it is closed" {
    local probe
    for probe in closed closed-copies closed-by-dup2 closed-by-dup3 closed-by-range closed-from \
        closed-by-loop closed-by-list closed-while-polled; do
        ends_at_proxy $probe
    done
}

@test "a socket that an exec closes is given up at once" {
    ends_at_proxy exec-closing
}

@test "a program that closes everything may connect again" {
    like_control probe-async-life "$ECHO" closed-all-and-on
}

@test "a number that is used again is another socket" {
    like_control probe-async-life "$ECHO" number-used-again number-stolen
}

@test "the library gives way where the program wants its very numbers" {
    like_control probe-async-life "$ECHO" own-number-wanted
}

@test "copies are the same socket, whenever they were made, and however many" {
    like_control probe-async-life "$ECHO" copied copied-before connected-by-copy copied-often
}

@test "a descriptor that is passed to another process is of use there" {
    like_control probe-async-life "$ECHO" passed
}

@test "a fork does the parent's connects no harm" {
    like_control probe-async-life "$ECHO" fork-and-go-on fork-and-close both-wait
}

@test "a forked child waits for its parent's connects and uses them" {
    like_control probe-async-life "$ECHO" child-polls child-selects child-adds child-has-the-set \
        child-keeps-the-set child-writes
}

@test "a forked child has connects of its own, whatever it was forked by" {
    like_control probe-async-life "$ECHO" child-connects grandchild-connects \
        child-of-raw-fork-connects child-of-clone-connects
}

@test "a child whose parent is gone gets an error, and does not hang" {
    MIN_MS=0 says $'connect: EINPROGRESS\npoll: 1\nSO_ERROR: ECONNABORTED' \
        -p socks5://10.77.0.1:1104 -- probe-async-life parent-ends
}

@test "a child of vfork or posix_spawn that closes everything leaves the parent alone" {
    like_control probe-async-life "$ECHO" vfork-child-closes vfork-child-executes spawned
}

@test "a program that inherits the socket finds it connected, whichever exec it was" {
    like_control probe-async-life "$ECHO" exec-v exec-ve exec-vp exec-vpe exec-l exec-lp exec-le \
        exec-f exec-at exec-in-child
}

@test "threads connect, wait, copy and close with one epoll set" {
    says 'failures: 0' -- probe-async-life threads
}

@test "threads fork, with fork handlers that connect, while others connect" {
    says 'failures: 0' -- probe-async-life threads-that-fork
}

@test "threads that fork at the same time keep their signal masks" {
    says $'connect: EINPROGRESS\nfailures: 0' -- probe-async-life masks-of-forks
}

@test "a signal handler may poll, copy and close at any moment" {
    says $'connect: EINPROGRESS\nSO_ERROR: 0\npeer: the target\necho: ping' \
        -- probe-async-life signals
}

@test "a program that never connects without blocking has no thread and no descriptor of ours" {
    says $'connect: 0\nSO_ERROR: 0\npeer: the target\necho: ping\nthreads: 1\ndescriptors: 0 more' \
        -- probe-async-life nothing
}

@test "one that does has a thread and two descriptors, however many connects it gave up" {
    says $'threads: 1 more\ndescriptors: 2 more' -- probe-async-life little
}

@test "where clone is forbidden the handshake is done inside connect" {
    says $'connect: 0\nepoll: OUT\nSO_ERROR: 0\npeer: the target\necho: ping\ndescriptors: 0 more' \
        -- probe-async-life no-threads
}

@test "few descriptors are enough, at the first connect and later" {
    like_control probe-async-life "$ECHO" few-descriptors few-descriptors-later
}
