# SPDX-License-Identifier: MIT
# socksify --report: the table that comes in the end counts every connection of the program and its
# children, once; and the program is none the wiser.

load ../support/lab
load ../support/proxies
load ../support/supervise

# Takes every connection, and ends it.
TAKER='import socket
with socket.create_server(("203.0.113.10", 7100), backlog=4096) as server:
    while True:
        server.accept()[0].close()'

# Connects from so many threads so many times, to 203.0.113.10:7100.
MANY='import socket, sys, threading
def work():
    for _ in range(int(sys.argv[2])):
        socket.create_connection(("203.0.113.10", 7100)).close()
threads = [threading.Thread(target=work) for _ in range(int(sys.argv[1]))]
for thread in threads: thread.start()
for thread in threads: thread.join()'

setup_file() {
    lab_up
    start_targets
    start_proxies socksify danted-password
    start_server taker world 7100 python3 -c "$TAKER"
}

teardown_file() {
    stop_all
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    ERR=$BATS_TEST_TMPDIR/err
}

teardown() {
    [ -z "$(ls /dev/shm/socksify-report-* 2> /dev/null)" ] || expect 'what is left' left nothing
    assert_no_leak
}

# reported [OPTION...] PROGRAM...: run it with a report, which goes to $ERR with the rest of stderr.
reported() {
    client timeout 60 "$SOCKSIFY" --report -p "${PROXY[socksify]}" "$@" 2> "$ERR" 3>&-
}

# row TARGET: its line of the table, without the times and with single spaces.
row() {
    sed -nE "s/^  ($1) +([^ ].*[^ ]|[^ ]) +([0-9]+) +([0-9]+) +([0-9]+|-) +([0-9]+|-) +([0-9]+|-)(  (.*))?$/\1 \2 \3 \4 \9/p" \
        "$ERR" | tr -s ' ' | sed 's/ $//'
}

@test "each destination has its line: route, count, failures, times, and why" {
    reported curl -sS http://page.example/page http://page.example/page http://203.0.113.10/page \
        > out
    expect 'the page' "$(uniq out)" "$PAGE"
    expect_match 'the head' "$(head -n 1 "$ERR")" \
        '^socksify: report of curl: [23] connections, 0 failed, 2 destinations, [0-9.]+ s$'
    expect_match 'a name' "$(row page.example:80)" '^page.example:80 10.77.0.1:1085 [12] 0$'
    expect 'an address' "$(row 203.0.113.10:80)" '203.0.113.10:80 10.77.0.1:1085 1 0'
    expect_match 'its times' "$(grep -F 203.0.113.10:80 "$ERR")" \
        '1 +0 +([0-9]+) +([0-9]+) +([0-9]+)$'
    reported sh -c '"$0" page.example 80; "$0" closed.example 81; "$0" closed.example 81' \
        "$PROBES/probe-connect" > out || true
    expect 'failures' "$(row closed.example:81)" \
        'closed.example:81 10.77.0.1:1085 2 2 the target refused the connection (request, code 5)'
    expect 'the first line' "$(sed -n 3p "$ERR" | grep -c closed.example)" 1
    expect 'successes' "$(row page.example:80)" 'page.example:80 10.77.0.1:1085 1 0'
}

@test "what goes direct, and what a rule blocks, is counted, too" {
    printf 'proxy p socks5://10.77.0.1:1085\ndefault p\ndirect 10.77.0.1\nblock page.example\n' > conf
    client timeout 20 "$SOCKSIFY" --report -f conf sh -c '"$0" 10.77.0.1 1085
        "$0" page.example 80; "$0" -4n page.example 80; "$0" 127.0.0.1 1; "$0" 203.0.113.10 80' \
        "$PROBES/probe-connect" > out 2> "$ERR"
    expect 'direct' "$(row 10.77.0.1:1085)" '10.77.0.1:1085 direct 1 0'
    expect 'this host' "$(row 127.0.0.1:1)" '127.0.0.1:1 direct 1 0'
    expect 'blocked' "$(row page.example:80)" 'page.example:80 blocked by a rule 2 0'
    expect 'the rest' "$(row 203.0.113.10:80)" '203.0.113.10:80 p 1 0'
    expect 'the number of lines' "$(wc -l < "$ERR")" 6
    leaked_packets > /dev/null
}

@test "datagrams that were refused are counted, each" {
    reported -q sh -c 'for i in 1 2 3; do "$0" sendto 203.0.113.10 9999; done' \
        "$PROBES/probe-datagram" > out || true
    expect_match 'the line' "$(row 203.0.113.10:9999)" \
        '^203.0.113.10:9999 datagram, blocked [1-9][0-9]* 0$'
}

@test "a program without connections says so; -q leaves the table alone" {
    reported -q true
    expect_match 'the report' "$(cat "$ERR")" \
        '^socksify: report of true: 0 connections, 0 failed, 0 destinations, 0\.[0-9] s$'
}

@test "children and grandchildren count, also with a cleaned environment, and when they exec" {
    reported sh -c '
        "$0" page.example 80
        sh -c "sh -c \"$0 page.example 80\"; exec $0 page.example 80"
        env -i "$0" page.example 80
        ("$0" page.example 80) & wait' "$PROBES/probe-connect" > out
    expect 'the line' "$(row page.example:80)" 'page.example:80 10.77.0.1:1085 5 0'
}

@test "10,000 connects of 8 threads are 10,000" {
    reported python3 -c "$MANY" 8 1250
    expect 'the line' "$(row 203.0.113.10:7100)" '203.0.113.10:7100 10.77.0.1:1085 10000 0'
    expect_match 'the head' "$(head -n 1 "$ERR")" ' 10000 connections, 0 failed, 1 destination,'
}

@test "processes that count at once lose nothing" {
    reported sh -c 'for i in 1 2 3 4 5 6; do python3 -c "$0" 2 50 & done; wait' "$MANY"
    expect 'the line' "$(row 203.0.113.10:7100)" '203.0.113.10:7100 10.77.0.1:1085 600 0'
}

@test "non-blocking connects count when they have ended" {
    reported "$PROBES/probe-connect" -4n page.example 80 > out
    expect 'the line' "$(row page.example:80)" 'page.example:80 10.77.0.1:1085 1 0'
}

@test "a program killed by a signal still gets its table, and its status is the program's" {
    local name
    run -7 --separate-stderr client "$SOCKSIFY" --report -p "${PROXY[socksify]}" sh -c 'exit 7'
    # shellcheck disable=SC2154
    expect_match 'the report' "$stderr" 'report of sh: 0 connections'
    for name in TERM KILL SEGV; do
        run --separate-stderr client "$SOCKSIFY" --report -p "${PROXY[socksify]}" \
            sh -c '"$0" page.example 80; ulimit -c 0; kill -'$name' $$' "$PROBES/probe-connect"
        expect "the status after $name" "$status" $((128 + $(kill -l $name)))
        echo "$stderr" > "$ERR"
        expect 'the line' "$(row page.example:80)" 'page.example:80 10.77.0.1:1085 1 0'
    done
}

# started SCRIPT: a reported shell that runs that script, in the background; its process is $PID. The
# script makes the file `ready`.
started() {
    rm -f ready go
    ip netns exec client "$SOCKSIFY" --report -p "${PROXY[socksify]}" sh -c "$1" \
        > out 2> "$ERR" < /dev/null 3>&- &
    PID=$!
    until_true test -e ready
}

@test "a signal to the wrapper reaches the program, once" {
    local name status
    for name in TERM HUP USR1 CONT WINCH; do
        started "trap 'echo caught' $name
            touch ready; while [ ! -e go ]; do sleep 0.02; done; exit 9"
        kill -$name $PID
        until_true grep -q caught out
        touch go
        status=0
        wait $PID || status=$?
        expect "the status after $name" $status 9
        expect "the output after $name" "$(cat out)" caught
        expect "the tables after $name" "$(grep -c 'report of sh' "$ERR")" 1
    done
}

@test "a wrapper that is killed takes the program with it" {
    local program
    started 'echo $$ > ready; exec sleep 1000'
    until_true test -s ready
    program=$(cat ready)
    kill -KILL $PID
    wait $PID || true
    until_true is_gone "$program"
    rm -f /dev/shm/socksify-report-*
}

@test "the keyboard stops, continues and interrupts as ever" {
    expect 'what happens' \
        "$(client "$SUPPORT/job-control" "$SOCKSIFY" --report --log-file "$PWD/log" \
            -p "${PROXY[socksify]}")" \
        "$("$SUPPORT/job-control")"
}

@test "what the program reads and writes is its own" {
    expect 'the output' "$(echo word | reported sh -c 'read -r line; echo "<$line>"')" '<word>'
    # A pipe that the program closes has ended, though the wrapper goes on.
    expect 'what came' "$({
        exec ip netns exec client "$SOCKSIFY" --report -p "${PROXY[socksify]}" sh -c 'echo one
            exec >&-; for i in $(seq 500); do [ -e seen ] && exit; sleep 0.02; done; touch late' \
            2> "$ERR"
    } | { cat; touch seen; })" one
    run ! test -e late
}

@test "the table goes to the log file where there is one, behind its lines" {
    reported -v --log-file log "$PROBES/probe-connect" page.example 80 > out
    expect 'stderr' "$(cat "$ERR")" ''
    expect_match 'the log' "$(cat log)" \
        'preloaded.*page.example:80 via .*: connected.*report of probe-connect: 1 connection, '
    expect 'its mode' "$(stat -c %a log)" 600
}

@test "no password stands in the table" {
    client timeout 20 "$SOCKSIFY" --report -p socks5://alice:hunter2@10.77.0.1:1081 \
        "$PROBES/probe-connect" page.example 80 > out 2>&1 || true
    expect_match 'the table' "$(cat out)" 'page.example:80 .*authentication refused'
    run -1 grep hunter2 out
}

@test "the file is private, and gone in the end; anything else in its place is left alone" {
    reported sh -c 'stat -c "%a %F" "$SOCKSIFY_REPORT"' > out
    expect 'the file' "$(cat out)" '600 regular file'
    echo 'somebody elses words' > words
    ln -s words link
    local place
    for place in words link nowhere . /dev/null; do
        SOCKSIFY_REPORT=$place client timeout 20 "$SOCKSIFY" -p "${PROXY[socksify]}" \
            "$PROBES/probe-connect" page.example 80 > out
        expect_match "the connection, with $place" "$(cat out)" 'connect: 0'
    done
    expect 'the file' "$(cat words)" 'somebody elses words'
}

@test "the child of a report may have a report of its own" {
    reported sh -c '"$1" page.example 80
        "$0" --report -p "$2" "$1" 203.0.113.10 80 2> inner' \
        "$SOCKSIFY" "$PROBES/probe-connect" "${PROXY[socksify]}" > out
    expect 'outside' "$(sed -n 3,9p "$ERR" | wc -l)" 1
    expect 'the outer line' "$(row page.example:80)" 'page.example:80 10.77.0.1:1085 1 0'
    ERR=inner
    expect 'the inner line' "$(row 203.0.113.10:80)" '203.0.113.10:80 10.77.0.1:1085 1 0'
}

@test "supervised programs, and children of both kinds, count alike" {
    reported "$STATIC/probe-connect" 203.0.113.10 80 > out
    expect 'a static program' "$(row 203.0.113.10:80)" '203.0.113.10:80 10.77.0.1:1085 1 0'
    reported sh -c '"$0" 203.0.113.10 80; "$1" 203.0.113.10 80' "$STATIC/probe-connect" \
        "$PROBES/probe-connect" > out
    expect 'a static child' "$(row 203.0.113.10:80)" '203.0.113.10:80 10.77.0.1:1085 2 0'
    reported --seal sh -c '"$0" 203.0.113.10 80; "$1" 203.0.113.10 80; "$1" 127.0.0.1 1' \
        "$STATIC/probe-connect" "$PROBES/probe-connect" > out || true
    expect 'sealed' "$(row 203.0.113.10:80)" '203.0.113.10:80 10.77.0.1:1085 2 0'
    expect 'sealed and direct' "$(row 127.0.0.1:1)" '127.0.0.1:1 direct 1 0'
    expect 'the number of lines' "$(wc -l < "$ERR")" 4
    until_true supervisor_is_gone
}

@test "with the supervisor above the program, too, of a user without privileges" {
    mkdir -m 1777 /run/tmp
    cp "$STATIC/probe-connect" /run/tmp/connect
    run -7 --separate-stderr ip netns exec client unshare --mount sh -c '
        mount -t tmpfs none /proc/sys/kernel
        mkdir /proc/sys/kernel/yama
        echo 1 > /proc/sys/kernel/yama/ptrace_scope
        cd /run/tmp
        exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"' - \
        "$SOCKSIFY" --report --mode supervise -p "${PROXY[socksify]}" \
        sh -c './connect 203.0.113.10 80; exit 7'
    echo "$stderr" > "$ERR"
    expect 'the line' "$(row 203.0.113.10:80)" '203.0.113.10:80 10.77.0.1:1085 1 0'
    until_true supervisor_is_gone
}

@test "a socksified shell can be reported of, and a program in it that is supervised" {
    printf '"%s" 203.0.113.10 80\nexit 3\n' "$PROBES/probe-connect" > script
    run -3 --separate-stderr client env SHELL=/bin/sh "$SOCKSIFY" --report -p "${PROXY[socksify]}" \
        --shell < script
    echo "$stderr" > "$ERR"
    expect 'the line' "$(row 203.0.113.10:80)" '203.0.113.10:80 10.77.0.1:1085 1 0'
    client timeout 20 "$SOCKSIFY" -p "${PROXY[socksify]}" sh -c \
        '"$0" --report "$1" 203.0.113.10 80 2> err' "$SOCKSIFY" "$STATIC/probe-connect" > out
    expect 'inside' "$(row 203.0.113.10:80)" '203.0.113.10:80 10.77.0.1:1085 1 0'
    until_true supervisor_is_gone
}

@test "neither a program's name nor a host's does anything to the terminal" {
    ln -s "$(command -v curl)" $'cu\e[31m\nrl'
    reported -v $'./cu\e[31m\nrl' -s http://page.example/page > out
    expect_match 'the head' "$(grep ' report of ' "$ERR")" '^socksify: report of cu\?\[31m\?rl: '
    reported python3 -c 'import socket
socket.socket().connect_ex((b"b\xc3\xbccher\xc2\x9b31m.example", 80))' || true
    expect_match 'the line' "$(row '[^ ]*cher.*')" '^bücher\?\?31m.example:80 '
    run -1 grep -P '[\x00-\x09\x0b-\x1f]|\xc2[\x80-\x9f]' "$ERR"
}

@test "a low limit of descriptors is the program's; where it cannot be raised nothing is run" {
    expect 'the limit' "$(client bash -c 'ulimit -S -n 11; exec "$@"' - "$SOCKSIFY" --report \
        -p "${PROXY[socksify]}" sh -c 'ulimit -S -n' 2> "$ERR")" 11
    run -1 client bash -c 'ulimit -n 11; exec "$@"' - "$SOCKSIFY" --report -p "${PROXY[socksify]}" \
        touch ran
    expect_match 'the message' "$output" 'touch: no report can be made of it: Too many open files'
    [ ! -e ran ]
    run ! ls /dev/shm/socksify-report-*
}

@test "--report needs a program" {
    run -2 "$SOCKSIFY" --report --env
    run -2 "$SOCKSIFY" --report --serve
    run -2 "$SOCKSIFY" --report
    run -127 "$SOCKSIFY" --report -p socks5://10.77.0.1 no-such-program
}
