# SPDX-License-Identifier: MIT
# Programs that no preloaded library reaches are served all the same, by a supervisor, and by the
# same rules, names and messages as all others.

load ../support/lab
load ../support/proxies
load ../support/supervise

setup_file() {
    lab_up
    start_targets
    start_proxies socksify microsocks socksify-password
    start_server names world 53 "$SUPPORT/name-server" 203.0.113.10 53
    # A page that is there without a proxy, on one of the ports that the lab lets out.
    start_script near world 10.77.0.1:1150 head 'text HTTP/1.0 200 OK\r\n\r\nnear\n'
    echo '10.77.0.1 near.lan' >> /etc/netns/client/hosts
}

teardown_file() {
    stop_all
}

setup() {
    configure ''
}

teardown() {
    assert_no_leak
}

configure() { # LINES, below the proxies and the default
    export SOCKSIFY_CONF=$BATS_TEST_TMPDIR/conf
    printf 'proxy p %s\nproxy micro %s\ndefault p\ndns-server 203.0.113.10\n%s\n' \
        "${PROXY[socksify]}" "${PROXY[microsocks]}" "$1" > "$SOCKSIFY_CONF"
}

socksified() { # [OPTION...] PROGRAM [ARG...]; its messages go to a file
    client timeout 20 "$SOCKSIFY" "$@" 2> "$BATS_TEST_TMPDIR/stderr" < /dev/null
}

messages() {
    cat "$BATS_TEST_TMPDIR/stderr"
}

# Each fetches the page that HOST has, and prints it.
declare -gA FETCH=(
    [busybox]="$BUSYBOX wget -q -O - http://HOST/page"
    [glibc]="$STATIC/probe-fetch HOST 80"
    [glibc-nonblocking]="$STATIC/probe-fetch -n HOST 80"
    [musl]="$PROBES/musl/probe-fetch HOST 80"
    [musl-nonblocking]="$PROBES/musl/probe-fetch -n HOST 80"
    [musl-static]="$PROBES/musl-static/probe-fetch HOST 80"
    [32-bit]="$PROBES/m32/probe-fetch HOST 80"
    [go]="$GO get http://HOST/page"
)

# fetch PROGRAM HOST [OPTION...]
fetch() {
    local command=${FETCH[$1]//HOST/$2}
    shift 2
    # shellcheck disable=SC2086
    socksified "$@" $command
}

@test "without socksify none of these programs gets the page: the lab sees what they try" {
    local program
    for program in "${!FETCH[@]}"; do
        # shellcheck disable=SC2086
        run client timeout 5 ${FETCH[$program]//HOST/203.0.113.10}
        [[ $output != *"$PAGE"* ]]
        [ "$(leaked_packets)" -gt 0 ]
    done
}

@test "static, Go, musl and 32-bit programs fetch a page by name, which the proxy is asked for" {
    local program before
    for program in "${!FETCH[@]}"; do
        before=$(stderr_of socksify | grep -c ' page.example:80 ' || true)
        expect "the page by $program" "$(fetch "$program" page.example)" "$PAGE"
        expect "what $program says" "$(messages)" ''
        [ "$(stderr_of socksify | grep -c ' page.example:80 ')" -gt "$before" ]
    done
}

@test "they fetch it by address" {
    local program
    for program in "${!FETCH[@]}"; do
        expect "the page by $program" "$(fetch "$program" 203.0.113.10)" "$PAGE"
        expect "what $program says" "$(messages)" ''
    done
}

@test "they fetch it by IPv6 address" {
    local program
    for program in glibc musl 32-bit; do
        expect "the page by $program" "$(fetch $program 2001:db8:77::10)" "$PAGE"
    done
    expect 'the page by busybox' "$(fetch busybox '[2001:db8:77::10]')" "$PAGE"
    expect 'the page by Go' "$(fetch go '[2001:db8:77::10]')" "$PAGE"
}

@test "one line with -v tells which way a program is served, and why" {
    local program
    for program in "${!FETCH[@]}"; do
        fetch "$program" page.example -v > "$BATS_TEST_TMPDIR/stdout"
        expect "the lines about $program in $(messages)" "$(messages | grep -c 'supervised')" 1
    done
    fetch glibc page.example -v
    expect_match 'why' "$(messages)" 'static'
    fetch musl page.example -v
    expect_match 'why' "$(messages)" 'another C library'
    fetch 32-bit page.example -v
    expect_match 'why' "$(messages)" '32.bit|statically'
    socksified -v curl -sS http://page.example/page
    expect "the lines about a dynamic program in $(messages)" \
        "$(messages | grep -c 'preload')" 1
    socksified --mode supervise -v curl -sS http://page.example/page
    expect_match 'what was asked for' "$(messages)" 'supervised'
}

@test "a connection draws the line of -v that a preloaded one draws" {
    local line='page\.example:80 via p: connected \([0-9.]+ ms\)|page\.example:80 via p: connected.*'
    socksified -v "$PROBES/probe-fetch" page.example 80
    expect_match 'preloaded' "$(messages)" "socksify: probe-fetch\[[0-9]+\]: ($line)"
    fetch glibc page.example -v
    expect_match 'supervised' "$(messages)" "socksify: probe-fetch\[[0-9]+\]: ($line)"
    fetch go page.example -v
    expect_match 'supervised' "$(messages)" "socksify: probe-go\[[0-9]+\]: ($line)"
}

@test "--mode preload refuses them, --mode supervise serves dynamic programs without the library" {
    run -126 client "$SOCKSIFY" --mode preload "$BUSYBOX" wget -q -O - http://page.example/page
    expect_match 'the message' "$output" '^socksify: .*statically linked'
    expect 'the page by curl' "$(socksified --mode supervise curl -sS http://page.example/page)" \
        "$PAGE"
    expect 'the page by wget' \
        "$(socksified --mode supervise wget -q -O - http://page.example/page)" "$PAGE"
    expect 'LD_PRELOAD' "$(socksified --mode supervise sh -c 'echo "<$LD_PRELOAD>"')" '<>'
    expect 'the map of libraries' \
        "$(socksified --mode supervise grep -c libsocksify /proc/self/maps || true)" 0
    expect 'for comparison, auto' "$([ "$(socksified grep -c libsocksify /proc/self/maps)" -gt 0 ] &&
        echo loaded)" loaded
}

@test "programs with event loops do as well supervised as preloaded" {
    local url=http://page.example/page
    expect 'node' "$(socksified --mode supervise node -e "require('http').get('$url',
        (response) => response.pipe(process.stdout))")" "$PAGE"
    expect 'asyncio' "$(socksified --mode supervise python3 -c 'import asyncio
async def main():
    reader, writer = await asyncio.open_connection("page.example", 80)
    writer.write(b"GET /page HTTP/1.0\r\n\r\n")
    print((await reader.read()).decode().split("\n\n")[-1].split("\r\n\r\n")[-1], end="")
asyncio.run(main())')" "$PAGE"
    expect 'curl, many at once' "$(socksified --mode supervise curl -sS --parallel \
        --parallel-immediate 'http://page.example/page?[1-20]' | grep -c "$PAGE")" 20
}

@test "programs that wait by poll and select have their own patience with a silent proxy" {
    start_script silent world 10.77.0.1:1151 'frame greeting' hold
    local patient=(--mode supervise -p socks5://10.77.0.1:1151) start=${EPOCHREALTIME/./} took
    expect 'curl' "$(socksified "${patient[@]}" curl -s --connect-timeout 0.3 \
        http://203.0.113.10/page; echo $?)" 28
    expect 'python3' "$(socksified "${patient[@]}" python3 -c 'import socket
try:
    socket.create_connection(("203.0.113.10", 80), 0.3)
except TimeoutError:
    print("timed out")')" 'timed out'
    expect 'nc' "$(socksified "${patient[@]}" nc -w 1 203.0.113.10 80; echo $?)" 1
    took=$(((${EPOCHREALTIME/./} - start) / 1000))
    # Each would wait for 20 seconds otherwise.
    [ "$took" -lt 15000 ] || expect 'the time' "$took ms" 'less than 15 seconds'
}

@test "a static child of a preloaded program is supervised too, and so is a dynamic child of a static one" {
    local url=http://page.example/page
    expect 'dynamic, static' "$(socksified sh -c "$BUSYBOX wget -q -O - $url")" "$PAGE"
    expect 'static, dynamic' "$(socksified "$BUSYBOX" sh -c "curl -sS $url")" "$PAGE"
    expect 'dynamic, static, dynamic, Go' \
        "$(socksified sh -c "$BUSYBOX sh -c 'env $GO get $url'")" "$PAGE"
    expect 'a script of a static interpreter' "$(printf '#!%s sh\n%s wget -q -O - %s\n' "$BUSYBOX" \
        "$BUSYBOX" $url > "$BATS_TEST_TMPDIR/script"; chmod +x "$BATS_TEST_TMPDIR/script"
        socksified "$BATS_TEST_TMPDIR/script")" "$PAGE"
}

@test "other types of DNS record come from the dns-server, through the proxy" {
    expect 'MX for Go' "$(socksified "$GO" lookup mx a.example)" $'10 mail.example.\nlookup: 0'
    expect 'MX for busybox' "$(socksified "$BUSYBOX" nslookup -type=MX a.example 8.8.8.8 |
        grep -c 'mail exchanger = 10 mail.example')" 1
    expect_match 'what the name server heard' "$(stdout_of names)" 'tcp a\.example 15'
    run -1 grep udp "$BATS_FILE_TMPDIR/names.out"
}

# --- Names and rules ---

@test "what a supervised program looked up a preloaded one connects to, and the other way round" {
    local address
    address=$(socksified "$STATIC/probe-dns" 8.8.8.8 page.example | sed 's/.* //')
    expect_match 'the stand-in' "$address" '^198\.1[89]\.'
    expect 'looked up by a preloaded one' \
        "$(socksified getent ahostsv4 page.example | sed -n '1s/ .*//p')" "$address"
    expect 'preloaded' "$(socksified curl -sS "http://$address/page")" "$PAGE"
    address=$(socksified getent ahostsv4 other.page.example | sed -n '1s/ .*//p')
    echo '203.0.113.10 other.page.example' >> /etc/netns/world/hosts
    expect 'supervised' "$(fetch busybox "$address")" "$PAGE"
    expect 'supervised, Go' "$(fetch go "$address")" "$PAGE"
    expect_match 'what the proxy was asked for' "$(stderr_of socksify)" ' other\.page\.example:80 '
}

@test "a search list in resolv.conf does not change which name the proxy is asked for" {
    local before program
    before=$(cat /etc/netns/client/resolv.conf)
    printf 'search ns.svc.test svc.test test\nnameserver 8.8.8.8\noptions ndots:5\n' \
        > /etc/netns/client/resolv.conf
    configure 'direct near.lan'
    for program in busybox glibc musl musl-static go; do
        expect "what $program fetches" "$(fetch "$program" page.example)" "$PAGE"
    done
    # Preloaded, with a resolver of its own.
    expect 'what a preloaded program gets' \
        "$(socksified python3 -c 'import dns.resolver
print(dns.resolver.Resolver().resolve("page.example", "A", search=True)[0])')" \
        "$(socksified getent ahostsv4 page.example | sed -n '1s/ .*//p')"
    echo "$before" > /etc/netns/client/resolv.conf
}

@test "a stand-in that nobody gave out leads nowhere" {
    expect 'what it prints' "$(fetch glibc 198.19.200.200)" 'connect: No route to host'
    expect 'the number of messages' "$(messages | wc -l)" 1
}

@test "names of the hosts file and this host are looked up there" {
    expect 'busybox' "$(socksified "$BUSYBOX" nslookup near.lan 8.8.8.8 | grep -c 10.77.0.1)" 1
    expect 'Go' "$(socksified "$GO" lookup localhost near.lan)" \
        $'lookup: 0 [127.0.0.1 ::1]\nlookup: 0 [10.77.0.1]'
}

# page_by PROGRAM HOST PORT: what comes of it, of a static probe or busybox under another name.
page_by() {
    socksified "$BATS_TEST_TMPDIR/$1" "$2" "$3"
}

called() { # NAME...: copies of the probe
    local name
    for name in "$@"; do
        cp "$STATIC/probe-fetch" "$BATS_TEST_TMPDIR/$name"
    done
}

@test "direct, block and via decide, by name and by address" {
    configure $'direct 10.77.0.1\nblock evil.example 203.0.113.77\nvia micro 2001:db8:77::/64'
    called fetch
    expect 'direct, by address' "$(page_by fetch 10.77.0.1 1150)" near
    expect 'direct, by a name of the hosts file' "$(page_by fetch near.lan 1150)" near
    expect 'proxied' "$(page_by fetch page.example 80)" "$PAGE"
    expect 'via another proxy' "$(socksified -v "$BATS_TEST_TMPDIR/fetch" 2001:db8:77::10 80)" "$PAGE"
    expect_match 'the proxy' "$(messages)" '\[2001:db8:77::10\]:80 via micro: connected'
    expect 'blocked by name' "$(page_by fetch evil.example 80)" 'connect: Permission denied'
    expect 'messages' "$(messages)" ''
    expect 'blocked by address' "$(page_by fetch 203.0.113.77 80)" 'connect: Permission denied'
    socksified -v "$BATS_TEST_TMPDIR/fetch" 203.0.113.77 80 || true
    expect_match 'what -v says' "$(messages)" \
        'socksify: fetch\[[0-9]+\]: 203\.0\.113\.77:80: blocked by a rule$'
}

@test "a name that goes direct is looked up by the name server of the program" {
    configure $'direct *.corp.example'
    start_server direct client 53 "$SUPPORT/name-server" 127.0.0.1 53
    expect 'the answers' "$(socksified "$STATIC/probe-dns" 127.0.0.1 a.corp.example)" \
        'a.corp.example: NOERROR 192.0.2.1'
    expect 'what it was asked' "$(stdout_of direct)" 'udp a.corp.example 1'
    stop direct
}

@test "each program of a tree goes by its own rules" {
    configure $'[app blocked]\ndefault block\n[app near*]\ndefault direct\n[app other]\ndefault micro'
    called blocked near-one other free
    cat > "$BATS_TEST_TMPDIR/tree" <<'END'
cd "${0%/*}"
./blocked page.example 80
./near-one 10.77.0.1 1150
./other page.example 80
./free page.example 80
END
    expect 'what they print' "$(socksified -v "$BUSYBOX" sh "$BATS_TEST_TMPDIR/tree")" \
        $'connect: Permission denied\nnear\n'"$PAGE"$'\n'"$PAGE"
    expect_match 'other' "$(messages)" 'socksify: other\[[0-9]+\]: page\.example:80 via micro'
    expect_match 'free' "$(messages)" 'socksify: free\[[0-9]+\]: page\.example:80 via p:'
}

@test "however many programs there are, each goes by its own rules" {
    configure $'[app blocked]\ndefault block\n[app many-*]\ndefault block'
    called blocked free
    cat > "$BATS_TEST_TMPDIR/tree" <<'END'
cd "${0%/*}"
./free page.example 80
i=0
while [ $((i += 1)) -le 1100 ]; do
    ln -s free many-$i
    ./many-$i 203.0.113.10 80
done 2>&1 | sort | uniq -c | while read -r count words; do echo "$count $words"; done
./blocked page.example 80 2>&1
./free page.example 80
END
    expect 'what they print' "$(socksified -q "$BUSYBOX" sh "$BATS_TEST_TMPDIR/tree")" \
        "$PAGE"$'\n1100 connect: Permission denied\nconnect: Permission denied\n'"$PAGE"
}

@test "a program is known by the name it was called by, and by its executable" {
    ln -s "$STATIC/probe-fetch" "$BATS_TEST_TMPDIR/wget"
    configure $'[app wget]\ndefault block'
    expect 'called wget' "$(page_by wget page.example 80)" 'connect: Permission denied'
    configure $'[app probe-fetch]\nvia micro *'
    expect 'called wget' "$(socksified -v "$BATS_TEST_TMPDIR/wget" page.example 80)" "$PAGE"
    expect_match 'its executable' "$(messages)" 'page\.example:80 via micro: connected'
}

@test "through a chain, and with a password" {
    configure ''
    expect 'a chain' "$(fetch busybox page.example -v -p "${PROXY[microsocks]}" \
        -p "${PROXY[socksify]}")" "$PAGE"
    expect 'the proxies' "$(messages | grep -c \
        'page.example:80 via 10.77.0.1:1082,10.77.0.1:1085: connected')" 1
    expect 'a password' "$(fetch go page.example -p "${PROXY[socksify-password]}")" "$PAGE"
    fetch glibc 203.0.113.10 -p socks5://alice:wrong@10.77.0.1:1086 || true
    expect_match 'a wrong one' "$(messages)" \
        '^socksify: probe-fetch\[[0-9]+\]: 203\.0\.113\.10:80 via 10\.77\.0\.1:1086: authentication refused \(authentication, code [0-9]+\); check user and password in its URL$'
}

@test "a proxy may have a name, also one that is in the hosts file only" {
    echo '10.77.0.1 proxy.lan' >> /etc/netns/client/hosts
    expect 'the page' "$(fetch busybox page.example -p socks5://proxy.lan:1085)" "$PAGE"
    expect 'the page for Go' "$(fetch go page.example -p socks5://proxy.lan:1085)" "$PAGE"
}

@test "-q silences, --log-file takes the messages" {
    local options=(-p socks5://10.77.0.1:1199)
    fetch glibc 203.0.113.10 "${options[@]}" || true
    expect 'the number of messages' "$(messages | wc -l)" 1
    fetch glibc 203.0.113.10 "${options[@]}" -q || true
    expect 'messages' "$(messages)" ''
    fetch glibc 203.0.113.10 "${options[@]}" --log-file "$BATS_TEST_TMPDIR/log" || true
    expect 'messages' "$(messages)" ''
    expect_match 'the log file' "$(cat "$BATS_TEST_TMPDIR/log")" \
        '^socksify: probe-fetch\[[0-9]+\]: 203\.0\.113\.10:80 via 10\.77\.0\.1:1199: Connection refused'
}

@test "a bad configuration ends the wrapper before anything runs" {
    configure 'nonsense'
    run -78 client "$SOCKSIFY" "$BUSYBOX" echo ran
    [[ $output != *ran* ]]
}
