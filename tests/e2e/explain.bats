# SPDX-License-Identifier: MIT
# socksify --explain: which line decides, and what comes of it, as a run would have it, and without
# sending anything.

load ../support/lab
load ../support/proxies

setup_file() {
    lab_up
    echo '10.9.8.7 near.lan
fd00::7 both.lan
203.0.113.10 both.lan' >> /etc/netns/client/hosts
    start_script web world 203.0.113.10:80 'text hello'
    start_proxies microsocks socksify
}

teardown_file() {
    stop_all
}

setup() {
    CONF=$BATS_TEST_TMPDIR/conf
    cat > "$CONF" <<'END'
# the first line
proxy home socks5://alice:hunter2@192.0.2.10 timeout=5s
proxy tor  socks5://[2001:db8::1]:9050
proxy old  socks4://bastion.example
proxy here socks4://bastion.example:1081 resolve=local
default home   # for all the rest
via home,tor *.onion 203.0.113.0/24:80-90
direct *.corp.example
direct half.example:80
block *.ads.example
via old *.old.example
via here *.here.example
via tor 10.9.8.7
udp direct 192.0.2.123:123

[app git probe-c*]
via tor *.example.com
default tor
timeout 7s
[app ssh]
block *
END
}

teardown() {
    assert_no_leak
}

# explained ARGUMENT...: what it prints, with the configuration's path as FILE.
explained() {
    client "$SOCKSIFY" -f "$CONF" --explain "$@" | sed "s|$CONF|FILE|"
}

# says TEXT TARGET [OPTION...]: all that it prints, but for the sections'.
says() {
    local wanted=$1
    shift
    expect "what it says of $*" "$(explained "$@" | grep -v '  section: ')" "$wanted"
}

@test "a rule for names decides: its line, the route without a password, the name, datagrams" {
    says 'a.onion:81
  rule:      FILE:7: via home,tor *.onion 203.0.113.0/24:80-90
  name:      the program gets a stand-in; looked up by the proxy, not on this machine
  route:     socks5://192.0.2.10:1080 (home), then socks5://[2001:db8::1]:9050 (tor); for at most 5 s
  datagrams: refused, as a stand-in leads nowhere' A.onion.:81
    run -1 grep -r hunter2 <(explained a.onion:81) <(explained other.example:1)
}

@test "a rule for addresses decides, and its ports count" {
    says '203.0.113.7:90
  rule:      FILE:7: via home,tor *.onion 203.0.113.0/24:80-90
  route:     socks5://192.0.2.10:1080 (home), then socks5://[2001:db8::1]:9050 (tor); for at most 5 s
  datagrams: refused, as no `udp` line lets them pass' 203.0.113.7:90
    says '203.0.113.7:91
  rule:      none names it; FILE:6: default home
  route:     socks5://192.0.2.10:1080 (home); for at most 5 s
  datagrams: refused, as no `udp` line lets them pass' 203.0.113.7:91
    says '192.0.2.123:123
  rule:      none names it; FILE:6: default home
  route:     socks5://192.0.2.10:1080 (home); for at most 5 s
  datagrams: pass, beside the proxy; FILE:14: udp direct 192.0.2.123:123' 192.0.2.123:123
}

@test "names that go direct are looked up here; with one port of many, when the program connects" {
    says 'x.corp.example:80
  rule:      FILE:8: direct *.corp.example
  name:      looked up on this machine: the program connects to an address
  route:     that of the address found: rules for addresses decide
  datagrams: as `udp` lines say for the address found' x.corp.example:80
    says 'half.example:80
  rule:      FILE:9: direct half.example:80
  name:      the program gets a stand-in; looked up on this machine when the program connects
  route:     direct, without a proxy
  datagrams: refused, as a stand-in leads nowhere' half.example:80
}

@test "what is blocked is looked up nowhere" {
    says 'y.ads.example:443
  rule:      FILE:10: block *.ads.example
  name:      the program gets a stand-in; looked up nowhere
  route:     none, it is blocked: the program gets EACCES (Permission denied)
  datagrams: refused, as a stand-in leads nowhere' https://y.ads.example/banner
}

@test "what a proxy cannot carry is said, and what resolve=local does" {
    says 'a.old.example:80
  rule:      FILE:11: via old *.old.example
  name:      the program gets a stand-in; looked up nowhere
  route:     socks4://bastion.example:1080 (old); for at most 30 s
             which fails: SOCKS4 cannot carry a host name: use socks4a or socks5: the program gets EHOSTUNREACH (No route to host)
  datagrams: refused, as a stand-in leads nowhere' http://a.old.example/
    says 'a.here.example:80
  rule:      FILE:12: via here *.here.example
  name:      the program gets a stand-in; looked up on this machine when the program connects (resolve=local)
  route:     socks4://bastion.example:1081 (here); for at most 30 s
  datagrams: refused, as a stand-in leads nowhere' http://a.here.example/
}

@test "a name of the hosts file becomes its addresses, which rules for addresses decide" {
    says 'near.lan:22
  name:      in /etc/hosts: the program connects to an address, and rules for addresses decide
10.9.8.7:22
  rule:      FILE:13: via tor 10.9.8.7
  route:     socks5://[2001:db8::1]:9050 (tor); for at most 30 s
  datagrams: refused, as no `udp` line lets them pass' ssh://git@near.lan/tree
    expect 'the addresses of another' "$(explained both.lan:80 | grep '^[^ ]' | tr '\n' ' ')" \
        'both.lan:80 [fd00::7]:80 203.0.113.10:80 '
}

@test "this machine is direct, and a name server's port is answered in the program" {
    local target
    for target in 127.0.0.1:80 127.1:80 '[::1]:80' 0.0.0.0:80 0x7f000001:80; do
        expect_match "what it says of $target" "$(explained "$target")" \
            'rule:      none names it; this machine itself.*route:     direct.*datagrams: pass, as all'
    done
    expect_match 'localhost' "$(explained localhost:80)" 'in /etc/hosts.*this machine itself'
    expect_match 'a subdomain' "$(explained a.localhost:80)" 'in /etc/hosts.*127\.0\.0\.1:80'
    expect_match 'a name server' "$(explained 9.9.9.9:53)" \
        "name server's port.*route:     none: DNS queries are answered in the program"
}

@test "a stand-in is explained as the name that it stands for" {
    local address
    address=$(client "$SOCKSIFY" -f "$CONF" getent ahostsv4 b.onion | sed -n '1s/ .*//p')
    expect_match 'the stand-in' "$address" '^198\.1[89]\.'
    says "$address:80
  stand-in:  for b.onion:80
  rule:      FILE:7: via home,tor *.onion 203.0.113.0/24:80-90
  name:      looked up by the proxy, not on this machine
  route:     socks5://192.0.2.10:1080 (home), then socks5://[2001:db8::1]:9050 (tor); for at most 5 s
  datagrams: refused, as a stand-in leads nowhere" "$address:80"
    expect_match 'one that nobody has' "$(explained 198.19.77.77:80)" \
        'for no name that is known: the program gets EHOSTUNREACH'
}

@test "--app picks the sections, by the name called or by the executable" {
    says 'www.example.com:443, for git
  rule:      FILE:17: via tor *.example.com, of [app git probe-c*]
  name:      the program gets a stand-in; looked up by the proxy, not on this machine
  route:     socks5://[2001:db8::1]:9050 (tor); for at most 7 s
  datagrams: refused, as a stand-in leads nowhere' www.example.com:443 --app git
    expect 'its section' "$(explained example.com --app git | sed -n 's/  section: *//p')" \
        'FILE:16: [app git probe-c*]'
    expect_match 'its default' "$(explained other.example:1 --app /usr/bin/git)" \
        'none names it; FILE:18: default tor, of \[app git probe-c\*\]'
    expect_match 'another' "$(explained other.example:1 --app ssh)" 'FILE:21: block \*, of \[app ssh\]'
    expect_match 'none' "$(explained other.example:1 --app nobody)" \
        'section:   none of the file is for nobody'
    expect_match 'no program' "$(explained other.example:1)" 'section:   none, for no program is named'
    ln -s "$PROBES/probe-connect" "$BATS_TEST_TMPDIR/link"
    expect_match 'by its executable' "$(explained other.example:1 --app "$BATS_TEST_TMPDIR/link")" \
        'FILE:16: \[app git probe-c\*\]'
}

@test "a default of the command line and of the environment is called by its name" {
    echo 'block *.ads.example' > "$CONF"
    expect_match '-p' "$(explained a.example:1 -p socks5://h:9)" \
        'none names it; the default is that of -p.*route:     socks5://h:9; '
    expect_match 'SOCKSIFY_PROXY' "$(SOCKSIFY_PROXY=socks4a://h explained a.example:1)" \
        'that of SOCKSIFY_PROXY.*socks4a://h:1080; '
    expect_match 'ALL_PROXY' "$(ALL_PROXY=socks5h://u:hunter2@h explained a.example:1)" \
        'that of ALL_PROXY.*route:     socks5://h:1080; '
    expect_match 'all_proxy' "$(all_proxy=socks5h://h explained a.example:1)" 'that of all_proxy'
    expect_match 'before both' \
        "$(ALL_PROXY=socks5://no SOCKSIFY_PROXY=socks5://no explained a.example:1 -p socks5://yes)" \
        'route:     socks5://yes:1080; '
    expect_match 'its rules hold' "$(SOCKSIFY_PROXY=socks5://h explained a.ads.example:1)" \
        'FILE:1: block \*\.ads\.example'
    expect_match 'and a chain' "$(explained a.example:1 -p socks5://h -p socks4://i)" \
        'socks5://h:1080, then socks4://i:1080; '
    run -0 client env SOCKSIFY_CONF=/dev/null "$SOCKSIFY" -p socks5://h --explain a.example:1
    expect_match 'without a file' "$output" 'that of -p'
}

@test "a port that is not said is told" {
    expect 'the head' "$(explained a.example | head -n 1)" 'a.example:443 (without a port: 443 is taken)'
    expect 'of IPv6' "$(explained 2001:db8::7 | head -n 1)" \
        '[2001:db8::7]:443 (without a port: 443 is taken)'
    expect 'a scheme says it' "$(explained ftp://u:p@a.example/x@y | head -n 1)" a.example:21
}

@test "a line of the file cannot reach the terminal, and a long one is cut" {
    printf 'proxy p socks5://h\ndefault p\ndirect a.example \033[31mred.example' > "$CONF"
    run -78 client "$SOCKSIFY" -f "$CONF" --explain a.example:1
    run -1 grep $'\033' <<< "$output"
    printf 'proxy p socks5://h\ndefault p\nvia p' > "$CONF"
    seq -f ' host-%g.example' 1000 | tr -d '\n' >> "$CONF"
    printf '\n\n' >> "$CONF"
    expect_match 'the line' "$(explained host-999.example:1 | grep rule:)" \
        'FILE:3: via p host-1\.example .*\.\.\.$'
}

@test "names of programs, files and hosts cannot reach the terminal either" {
    local file=$BATS_TEST_TMPDIR/$'conf\e[31m'
    cp "$CONF" "$file"
    run -0 client "$SOCKSIFY" -f "$file" --explain $'a\u009b31m\u202e.ads.example:1' \
        --app $'git\e]0;x\a\nroute: direct'
    expect 'what it says' "$output" "a??31m???.ads.example:1, for git?]0;x??route: direct
  section:   none of the file is for git?]0;x??route: direct
  rule:      $BATS_TEST_TMPDIR/conf?[31m:10: block *.ads.example
  name:      the program gets a stand-in; looked up nowhere
  route:     none, it is blocked: the program gets EACCES (Permission denied)
  datagrams: refused, as a stand-in leads nowhere"
}

@test "a bad target is 2, a bad configuration 78, and the message says why" {
    local target
    for target in '' a.example:0 a.example:65536 a.example:x '[::1' '[1.2.3.4]:80' a/b :80 \
        foo://a.example http:// 'a b:1'; do
        run -2 client "$SOCKSIFY" -p socks5://h --explain "$target"
        expect_match "the message for '$target'" "$output" '^socksify: .*(expected|needs a value)'
    done
    run -2 "$SOCKSIFY" --explain
    run -2 "$SOCKSIFY" --explain a.example:1 ls
    run -2 "$SOCKSIFY" --app git ls
    run -2 "$SOCKSIFY" --explain a.example:1 --check
    echo 'default nowhere' > "$CONF"
    run -78 --separate-stderr client "$SOCKSIFY" -f "$CONF" --explain a.example:1
    expect 'stdout' "$output" ''
    # shellcheck disable=SC2154
    expect_match 'stderr' "$stderr" '/conf:1: nowhere: '
}

@test "it says what a run does" {
    local target ran
    printf 'proxy m %s\nproxy s %s\ndefault m\nvia s page.example\nvia s,m 203.0.113.10\n' \
        "${PROXY[microsocks]}" "${PROXY[socksify]}" > "$CONF"
    printf 'block no.example\n[app probe-connect]\nvia s both.example\n' >> "$CONF"
    for target in page.example:80 both.example:80 203.0.113.10:80 page6.example:81 no.example:80; do
        ran=$(client "$SOCKSIFY" -v -f "$CONF" "$PROBES/probe-connect" "${target%:*}" "${target#*:}" \
            2>&1 | sed -nE 's/^socksify: probe-connect\[[0-9]+\]: [^ ]* via ([^ ]*): .*/\1/p
                            s/^.*blocked by a rule$/block/p')
        expect "the route to $target" "$ran" "$(explained "$target" --app probe-connect |
            sed -n '/route: .*blocked/s/.*/block/p; /route: /{
                s/ *route: *//; s/[^ ,]*:\/\/[^ ]* (\([a-z]*\))/\1/g; s/, then /,/g; s/;.*//p }')"
    done
}
