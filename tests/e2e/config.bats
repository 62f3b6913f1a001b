# SPDX-License-Identifier: MIT
# Configuration: which of several wins, which rule decides, and what is said of mistakes. A mistake
# never means a program without a proxy.

load ../support/lab
load ../support/proxies

setup_file() {
    lab_up
    start_targets
    start_proxies danted microsocks socksify
    # A target that may be reached directly: the lab counts what goes elsewhere.
    start_script direct world 10.77.0.1:1150 'text direct\n'
}

teardown_file() {
    stop_all
}

setup() {
    CONF=$BATS_TEST_TMPDIR/socksify.conf
    mkdir -p /run/home/.config/socksify
}

teardown() {
    rm -f /run/home/.config/socksify/socksify.conf /etc/socksify.conf
    assert_no_leak
}

PROXIES='proxy d socks5://10.77.0.1:1080
proxy m socks5://10.77.0.1:1082
proxy s socks5://10.77.0.1:1085'

# way HOST PORT COMMAND...: run COMMAND (socksify, with or without options) and print which way the
# connection to HOST:PORT went: the route's name, "direct", or the errno.
way() {
    local host=$1 port=$2 said
    shift 2
    client timeout 20 "$@" -v "$PROBES/probe-connect" "$host" "$port" > "$BATS_TEST_TMPDIR/out" \
        2> "$BATS_TEST_TMPDIR/err" || true
    said=$(sed -nE "s/^socksify: probe-connect\[[0-9]+\]: .*:$port via (.*): connected.*/\1/p
        s/^socksify: probe-connect\[[0-9]+\]: .*:$port: (direct)$/\1/p" "$BATS_TEST_TMPDIR/err")
    [ -n "$said" ] || said=$(sed -n 's/^connect: //p' "$BATS_TEST_TMPDIR/out")
    [ -n "$said" ] || said=$(cat "$BATS_TEST_TMPDIR/err")
    echo "$said"
}

# rules LINES: the configuration, below three proxies.
rules() {
    printf '%s\n' "$PROXIES" "$1" > "$CONF"
}

expect_way() { # WANTED HOST PORT
    expect "the way to $2:$3" "$(way "$2" "$3" "$SOCKSIFY" -f "$CONF")" "$1"
}

@test "default names the proxy of whatever no rule names" {
    rules 'default m'
    expect_way m page.example 80
    expect_way m 203.0.113.10 80
    expect_way m 2001:db8:77::10 80
}

@test "the first rule that matches wins" {
    rules 'default m
via d page.example
via s *.example
via d 2001:db8:77::/48
via s 203.0.113.0/24:22-80
block 203.0.113.10'
    expect_way d page.example 80
    expect_way s page6.example 80
    expect_way d 2001:db8:77::10 80
    expect_way s 203.0.113.10 80
    expect_way EACCES 203.0.113.10 81
}

@test "a chain is written with commas" {
    rules 'default d,m
via m,s,d *.example'
    expect_way d,m 203.0.113.10 80
    expect_way m,s,d page.example 80
}

@test "block is EACCES" {
    rules 'default m
block *.ads.example'
    expect_way EACCES www.ads.example 80
    rules 'default block
via m page.example'
    expect_way EACCES page6.example 80
    expect_way m page.example 80
}

@test "direct goes without a proxy, to addresses and to names" {
    echo '10.77.0.1 near.lan' >> /etc/netns/client/hosts
    rules 'default m
direct 10.77.0.1:1150 near.lan:1150'
    expect_way direct 10.77.0.1 1150
    expect_way direct near.lan 1150
    expect_way m 203.0.113.10 80
}

@test "localnet covers private addresses and loopback, and nothing else" {
    rules 'default m
direct localnet'
    expect_way direct 10.77.0.1 1150
    expect_way m 203.0.113.10 80
}

@test "loopback is direct unless a rule says otherwise" {
    start_script loop client 127.0.0.1:1160 'text loop\n'
    rules 'default m'
    expect 'what loopback says' "$(client "$SOCKSIFY" -f "$CONF" "$PROBES/probe-connect" -s '' \
        127.0.0.1 1160 | sed -n 's/^got: //p')" loop
    rules 'default m
block 127.0.0.0/8'
    expect_way EACCES 127.0.0.1 1160
    stop loop
}

@test "an app section holds for its programs alone, and before the general rules" {
    rules 'default m
via s page.example
[app probe-*]
default d
via m page.example
[app wget curl]
block *'
    expect_way m page.example 80
    expect_way d page6.example 80
    run -7 client "$SOCKSIFY" -f "$CONF" curl -s http://page.example/page
    expect 'bash, which has no section' \
        "$(client "$SOCKSIFY" -f "$CONF" -v bash -c 'exec 3<> /dev/tcp/page.example/80' 2>&1 |
            sed -nE 's/.* via ([a-z]): connected.*/\1/p')" s
}

@test "the program that another starts is matched by its own name" {
    rules 'default m
[app curl]
default d'
    expect_match 'what curl in sh says' "$(client "$SOCKSIFY" -f "$CONF" -v sh -c \
        'curl -sS http://page.example/page' 2>&1)" 'page\.example:80 via d: connected'
}

@test "command line, environment, file and ALL_PROXY win in this order" {
    rules 'default s'
    local all=(env ALL_PROXY=socks5h://10.77.0.1:1082 SOCKSIFY_PROXY=d SOCKSIFY_CONF="$CONF")
    expect '-p' "$(way page.example 80 "${all[@]}" "$SOCKSIFY" -p m)" m
    expect 'SOCKSIFY_PROXY' "$(way page.example 80 "${all[@]}" "$SOCKSIFY")" d
    unset 'all[2]'
    expect 'the file' "$(way page.example 80 "${all[@]}" "$SOCKSIFY")" s
    unset 'all[3]'
    expect 'ALL_PROXY' "$(way page.example 80 "${all[@]}" "$SOCKSIFY" -f /dev/null)" 10.77.0.1:1082
    expect 'all_proxy' "$(way page.example 80 env all_proxy=socks5://10.77.0.1:1080 "$SOCKSIFY" \
        -f /dev/null)" 10.77.0.1:1080
}

@test "of the files -f wins, then SOCKSIFY_CONF, the user's own, and that of /etc" {
    local way_of=(way page.example 80)
    rules 'default s'
    printf '%s\n' "$PROXIES" 'default d' > "$BATS_TEST_TMPDIR/other.conf"
    printf '%s\n' "$PROXIES" 'default m' > /run/home/.config/socksify/socksify.conf
    printf '%s\n' "$PROXIES" 'default d,m' > /etc/socksify.conf
    expect '-f' "$("${way_of[@]}" env SOCKSIFY_CONF="$BATS_TEST_TMPDIR/other.conf" "$SOCKSIFY" \
        -f "$CONF")" s
    expect 'SOCKSIFY_CONF' "$("${way_of[@]}" env SOCKSIFY_CONF="$BATS_TEST_TMPDIR/other.conf" \
        "$SOCKSIFY")" d
    expect "the user's" "$("${way_of[@]}" "$SOCKSIFY")" m
    mkdir "$BATS_TEST_TMPDIR/socksify"
    cp "$CONF" "$BATS_TEST_TMPDIR/socksify/"
    expect 'XDG_CONFIG_HOME' "$("${way_of[@]}" env XDG_CONFIG_HOME="$BATS_TEST_TMPDIR" \
        "$SOCKSIFY")" s
    rm /run/home/.config/socksify/socksify.conf
    expect "/etc's" "$("${way_of[@]}" "$SOCKSIFY")" d,m
}

@test "an ALL_PROXY that is no SOCKS URL is not used" {
    run -78 client env ALL_PROXY=http://10.77.0.1:1080 "$SOCKSIFY" true
}

@test "without any configuration nothing is run: exit 78" {
    run -78 client "$SOCKSIFY" touch "$BATS_TEST_TMPDIR/ran"
    expect_match 'the message' "$output" '^socksify: .*(no configuration|no proxy)'
    [ ! -e "$BATS_TEST_TMPDIR/ran" ]
}

# Each line: a mistake; then what must stand after "FILE:LINE: ", as a regular expression.
MISTAKES='proxy|proxy: expected: proxy NAME URL
proxy a|proxy: expected: proxy NAME URL
proxy a http://h:1|http.*expected
proxy a socks5://h:0|0.*expected
proxy a socks5://h:65536|65536.*expected
proxy a socks5://|expected
proxy a socks5://h:1 timeout=soon|soon.*expected
proxy a socks5://h:1 colour=red|colour.*expected
proxy direct socks5://h:1|direct: expected a name for the proxy
proxy d socks5://h:1|d: expected another name, for it is defined on line 1
default nobody|nobody: expected direct, block or a proxy
default d m|m: expected nothing after the route
default|default: expected: default NAME
via d|expected
via nobody *|nobody: expected
direct 1.2.3.4/33|1\.2\.3\.4/33: .*expected
direct 1.2.3.4:0|expected
direct 1.2.3.4:9-8|expected
block *.a.*|expected
timeout never|never: expected
timeout 0|0: expected
[app|expected a \] at the end
[app]|expected at least one program
[apps wget]|unknown section
gateway home|gateway: unknown directive: expected proxy, default'

@test "every mistake is answered with file, line, the word and what was expected: exit 78" {
    local mistake wanted line failed=0
    line=$(($(wc -l <<< "$PROXIES") + 1))
    while IFS='|' read -r mistake wanted; do
        rules "$mistake"
        run client "$SOCKSIFY" -f "$CONF" touch "$BATS_TEST_TMPDIR/ran"
        expect "exit status for '$mistake'" "$status" 78 || failed=1
        expect_match "the message for '$mistake'" "$output" "^socksify: $CONF:$line: .*$wanted" ||
            failed=1
        expect 'the number of its lines' "${#lines[@]}" 1 || failed=1
    done <<< "$MISTAKES"
    [ $failed -eq 0 ]
    [ ! -e "$BATS_TEST_TMPDIR/ran" ]
}

@test "a mistake in another program's section counts, too" {
    rules 'default d
[app somebody-else]
via nobody *'
    run -78 client "$SOCKSIFY" -f "$CONF" true
}

@test "a mistake in the environment names the variable" {
    local name
    run -78 client env SOCKSIFY_PROXY=ftp://x "$SOCKSIFY" true
    expect_match 'the message' "$output" '^socksify: SOCKSIFY_PROXY: .*expected'
    for name in ALL_PROXY all_proxy; do
        run -78 client env $name=socks5://h:x "$SOCKSIFY" -f /dev/null true
        expect_match 'the message' "$output" "^socksify: $name: .*expected"
    done
    run -78 client env SOCKSIFY_TIMEOUT=soon "$SOCKSIFY" -p socks5://10.77.0.1 true
    expect_match 'the message' "$output" '^socksify: SOCKSIFY_TIMEOUT: soon: expected'
    run -78 client env SOCKSIFY_LOG=loud "$SOCKSIFY" -p socks5://10.77.0.1 true
    expect_match 'the message' "$output" '^socksify: SOCKSIFY_LOG: loud: expected'
    run -78 client "$SOCKSIFY" -f /nowhere/at/all true
    expect_match 'the message' "$output" '/nowhere/at/all'
}

@test "no mistake shows a password" {
    rules 'proxy a socks5://user:hunter2@h:99999'
    run -78 client "$SOCKSIFY" -f "$CONF" true
    [[ $output != *hunter2* ]]
    run -78 client "$SOCKSIFY" -p socks5://user:hunter2@h:99999 true
    [[ $output != *hunter2* ]]
}

@test "a library without the wrapper and with a bad configuration refuses connections: EACCES" {
    rules 'default nobody'
    client env LD_PRELOAD="$BUILD/libsocksify.so" SOCKSIFY_CONF="$CONF" \
        "$PROBES/probe-connect" 203.0.113.10 80 > "$BATS_TEST_TMPDIR/out" \
        2> "$BATS_TEST_TMPDIR/err" || true
    expect_match 'the answer' "$(cat "$BATS_TEST_TMPDIR/out")" 'connect: EACCES'
    expect_match 'stderr' "$(cat "$BATS_TEST_TMPDIR/err")" "$CONF:4: nobody: expected"
    expect 'the number of its lines' "$(wc -l < "$BATS_TEST_TMPDIR/err")" 1
}

@test "a file that holds a password and that others can read draws a warning" {
    printf 'proxy a socks5://alice:s3cret@10.77.0.1:1081\ndefault a\n' > "$CONF"
    chmod 644 "$CONF"
    run -0 client "$SOCKSIFY" -f "$CONF" true
    expect_match 'stderr' "$output" "$CONF.*password"
    chmod 600 "$CONF"
    run -0 client "$SOCKSIFY" -f "$CONF" true
    expect 'stderr' "$output" ''
}

@test "credentials may be percent-encoded" {
    start_script login world 10.77.0.1:1170 'frame greeting' 'send 05 02' 'frame auth' 'send 01 01'
    way page.example 80 "$SOCKSIFY" -p 'socks5://a%40b:c%3Ad%2F%25@10.77.0.1:1170'
    # a@b and c:d/%
    expect_match 'what the proxy read' "$(stdout_of login)" '1: 010361406205633a642f25'
    stop login
}

@test "timeout is taken from -t, the proxy or the file" {
    start_script silent world 10.77.0.1:1171 hold
    local ms
    printf 'proxy a socks5://10.77.0.1:1171 timeout=300ms\ndefault a\n' > "$CONF"
    expect "the proxy's" "$(way page.example 80 "$SOCKSIFY" -f "$CONF")" ETIMEDOUT
    ms=$(sed -n 's/^ms: //p' "$BATS_TEST_TMPDIR/out")
    [ "$ms" -ge 290 ] && [ "$ms" -lt 600 ]
    printf 'proxy a socks5://10.77.0.1:1171\ndefault a\ntimeout 300ms\n' > "$CONF"
    expect "the file's" "$(way page.example 80 "$SOCKSIFY" -f "$CONF")" ETIMEDOUT
    ms=$(sed -n 's/^ms: //p' "$BATS_TEST_TMPDIR/out")
    [ "$ms" -ge 290 ] && [ "$ms" -lt 600 ]
    printf 'proxy a socks5://10.77.0.1:1171 timeout=20s\ndefault a\n' > "$CONF"
    expect "-t" "$(way page.example 80 "$SOCKSIFY" -f "$CONF" -t 300ms)" ETIMEDOUT
    ms=$(sed -n 's/^ms: //p' "$BATS_TEST_TMPDIR/out")
    [ "$ms" -ge 290 ] && [ "$ms" -lt 600 ]
    stop silent
}

@test "a log file that cannot be opened is told of, and the program runs" {
    local log
    for log in /nowhere/log /run; do
        run -0 client "$SOCKSIFY" --log-file $log -v -p socks5://10.77.0.1:1080 true
        expect_match "what is said of $log" "$output" \
            "^socksify: warning: --log-file: $log: .*; messages go to standard error.socksify: true: pre"
    done
    # Nor does a pipe without a reader stop it.
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    run -0 timeout 10 "$SOCKSIFY" --log-file "$BATS_TEST_TMPDIR/pipe" -p socks5://10.77.0.1:1080 true
    expect 'what is said of a pipe' "$output" ''
}

@test "-q silences, -v tells each connection, --log-file takes it all" {
    run client "$SOCKSIFY" -q -p socks5://10.77.0.1:1199 "$PROBES/probe-connect" page.example 80
    [[ $output != *socksify:* ]]
    run client "$SOCKSIFY" -p socks5://10.77.0.1:1080 "$PROBES/probe-connect" page.example 80
    [[ $output != *socksify:* ]]
    client "$SOCKSIFY" -v --log-file "$BATS_TEST_TMPDIR/log" -p socks5://10.77.0.1:1080 \
        "$PROBES/probe-connect" page.example 80 2> "$BATS_TEST_TMPDIR/err"
    expect 'stderr' "$(cat "$BATS_TEST_TMPDIR/err")" ''
    expect_match 'the log' "$(tail -n 1 "$BATS_TEST_TMPDIR/log")" \
        '^socksify: probe-connect\[[0-9]+\]: page\.example:80 via 10\.77\.0\.1:1080: connected in [0-9]+ ms$'
}

@test "the configuration that is installed can be used once two lines are added" {
    { cat "$SOURCE/conf/socksify.conf"; printf 'proxy home socks5://10.77.0.1:1080\ndefault home\n'; } \
        > "$CONF"
    expect_way home page.example 80
}
