# SPDX-License-Identifier: MIT
# Programs that people use, each under the eyes of a packet filter and of the world at the other end
# of the cable: it works through the proxy, which is asked for the name that only the world knows, or
# it is refused what no proxy carries, in one line. In neither case does a packet go elsewhere.

load ../support/lab
load ../support/proxies

# Each program has a name of its own in the world: PROGRAM.example.
PROGRAMS='curl curl-https wget git git-daemon ssh sftp urllib socket asyncio dnspython
    node-http node-cares node-lookup node-fetch perl bash nc nc-z socat openssl telnet ftp rsync lftp
    aria2 axel w3m httping whois finger redis psql mosquitto apt gpg iperf3 dig host nslookup drill
    getent rdate'

setup_file() {
    lab_up
    local name
    for name in $PROGRAMS; do
        echo "203.0.113.10 $name.example" >> /etc/netns/world/hosts
    done
    watch_frames
    start_targets
    start_proxies socksify
    start_services
    start_server names world 53 "$SUPPORT/name-server" 203.0.113.10 53
    export SOCKSIFY_CONF=/run/home/socksify.conf
    printf 'proxy p %s\ndefault p\ndns-server 203.0.113.10\n' "${PROXY[socksify]}" > $SOCKSIFY_CONF
}

# What the programs talk to, besides the web server and sshd.
start_services() {
    local at=203.0.113.10
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=example \
        -keyout /run/home/tls.key -out /run/home/tls.crt 2> /dev/null
    start_server https world 443 env -C /run/web openssl s_server -quiet -WWW -accept $at:443 \
        -cert /run/home/tls.crt -key /run/home/tls.key
    touch /run/web/repo.git/git-daemon-export-ok
    start_server git-daemon world 9418 git daemon --listen=$at --base-path=/run/web --reuseaddr
    printf '[files]\npath = /run/web\nuse chroot = no\n' > /run/home/rsyncd.conf
    start_server rsyncd world 873 rsync --daemon --no-detach --address=$at \
        --config=/run/home/rsyncd.conf
    start_server iperf world 5201 iperf3 -s -B $at
    start_server keys world 11371 python3 -m http.server --bind $at --directory /run/web 11371
    start_script echo world $at:7 echo
    start_script finger world $at:79 any "text $PAGE\r\n" shutdown
    start_script whois world $at:43 any "text $PAGE\r\n" shutdown
    start_script redis world $at:6379 any 'text +PONG\r\n' hold
    start_script mqtt world $at:1883 any 'send 20 02 00 00' drain
    start_script time world $at:37 'send ee 00 00 00' shutdown
    # An error is what the server can say in one step: FATAL, 28000, "the page".
    start_script postgres world $at:5432 any 'send 45 00 00 00 1d 53 46 41 54 41 4c 00
        43 32 38 30 30 30 00 4d 74 68 65 20 70 61 67 65 00 00'
    start_script ftp-data world $at:2121 "text $PAGE\r\n" shutdown
    start_server ftp world 21 python3 -u -c "$FTP"
    mkdir -p /run/web/debian
    : > /run/web/debian/Packages
    printf 'Origin: world\n' > /run/web/debian/Release
}

FTP='import socket
listener = socket.create_server(("203.0.113.10", 21))
while True:
    connection, _ = listener.accept()
    connection.sendall(b"220 hello\r\n")
    for line in connection.makefile():
        connection.sendall({
            "USER": b"331 password\r\n", "PASS": b"230 in\r\n", "TYPE": b"200 fine\r\n",
            "EPSV": b"229 here (|||2121|)\r\n", "PASV": b"227 here (203,0,113,10,8,73)\r\n",
            "RETR": b"150 now\r\n226 done\r\n", "QUIT": b"221 bye\r\n",
        }.get(line.split()[0].upper(), b"502 no\r\n"))'

teardown_file() {
    stop_all
}

teardown() {
    assert_no_leak
    assert_no_frame
}

# socksified COMMAND [ARG...]: both streams on stdout.
socksified() {
    client timeout 20 "$SOCKSIFY" "$@" 2>&1
}

# The page comes, or what else the server says, and the proxy has been asked for the name.
works() { # NAME PORT REGEX COMMAND [ARG...]
    local name=$1 port=$2 regex=$3
    shift 3
    expect_match "the output of $1" "$(socksified "$@" < /dev/null || echo "status $?")" "$regex"
    expect_match 'what the proxy was asked for' "$(stderr_of socksify)" " $name\\.example:$port "
}

# Refused, and said so in one line; the program ends by itself.
refused() { # REGEX COMMAND [ARG...]
    local regex=$1 got status=0
    shift
    got=$(client timeout 20 "$SOCKSIFY" "$@" < /dev/null 2>&1) || status=$?
    expect_match "the output of $1" "$got" "$regex"
    expect "the lines from socksify in: $got" \
        "$(grep -cE 'socksify: [^:]*: .*: (blocked|refused): ' <<< "$got")" 1
    [ "$status" -ne 124 ]
}

BLOCKED='socksify: [^:]*: datagrams to [^ ]*: blocked'
NO_PACKETS='socksify: [^:]*: packet sockets: refused'

@test "curl" {
    works curl 80 "^$PAGE\$" curl -sS http://curl.example/page
    works curl-https 443 "^$PAGE\$" curl -sSk https://curl-https.example/page
}

@test "wget" {
    works wget 80 "^$PAGE\$" wget -q -O - http://wget.example/page
}

@test "git, over http and by its own protocol" {
    works git 80 '' git clone -q http://git.example/repo.git "$BATS_TEST_TMPDIR/http"
    works git-daemon 9418 '' git clone -q git://git-daemon.example/repo.git "$BATS_TEST_TMPDIR/git"
    expect 'the page' "$(cat "$BATS_TEST_TMPDIR"/{http,git}/page)" "$PAGE"$'\n'"$PAGE"
}

@test "ssh and sftp" {
    works ssh 22 "^$PAGE\$" ssh -F /run/home/ssh_config ssh.example cat /run/web/page
    works sftp 22 '' sftp -q -s /usr/lib/openssh/sftp-server \
        -F /run/home/ssh_config sftp.example:/run/web/page "$BATS_TEST_TMPDIR"
    expect 'the page' "$(cat "$BATS_TEST_TMPDIR/page")" "$PAGE"
}

@test "rsync" {
    works rsync 873 '' rsync rsync://rsync.example/files/page "$BATS_TEST_TMPDIR/page"
    expect 'the page' "$(cat "$BATS_TEST_TMPDIR/page")" "$PAGE"
}

GET='b"GET /page HTTP/1.0\r\n\r\n"'

@test "Python: urllib, socket, asyncio" {
    works urllib 80 "^$PAGE\$" python3 -c 'import urllib.request
print(urllib.request.urlopen("http://urllib.example/page").read().decode(), end="")'
    works socket 80 "$PAGE\$" python3 -c "import socket
s = socket.create_connection(('socket.example', 80))
s.sendall($GET)
print(s.makefile().read())"
    works asyncio 80 "$PAGE\$" python3 -c "import asyncio
async def main():
    reader, writer = await asyncio.open_connection('asyncio.example', 80)
    writer.write($GET)
    print((await reader.read()).decode())
asyncio.run(main())"
}

@test "Python: datagrams" {
    refused "$BLOCKED.*PermissionError" python3 -c 'import socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("203.0.113.10", 9))'
    refused "$BLOCKED.*PermissionError" python3 -c 'import asyncio
class Failed(asyncio.DatagramProtocol):
    def error_received(self, error): end.set_result(error)
async def main():
    global end
    loop = asyncio.get_running_loop()
    end = loop.create_future()
    transport, _ = await loop.create_datagram_endpoint(Failed, remote_addr=("203.0.113.10", 9))
    transport.sendto(b"x")
    print(repr(await asyncio.wait_for(end, 5)))
asyncio.run(main())'
}

@test "Python: a query by multicast DNS, and SSDP" {
    refused "$BLOCKED.*Permission denied" python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("", 5353))
for call in (lambda: s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                                  socket.inet_aton("224.0.0.251") + socket.inet_aton("0.0.0.0")),
             lambda: s.sendto(b"\0" * 12, ("224.0.0.251", 5353)),
             lambda: s.sendto(b"M-SEARCH * HTTP/1.1\r\n\r\n", ("239.255.255.250", 1900))):
    try:
        call()
        print("passed")
    except PermissionError as error:
        print(error)'
}

@test "dnspython, and a connection to what it found" {
    works dnspython 80 "$PAGE\$" python3 -c "import dns.resolver, socket
address = dns.resolver.resolve('dnspython.example', 'A')[0].address
s = socket.create_connection((address, 80))
s.sendall($GET)
print(s.makefile().read())
assert dns.resolver.resolve('dnspython.example', 'MX', tcp=True)[0].preference == 10"
}

@test "node: http, fetch, and connections to what dns.resolve4 and dns.lookup find" {
    works node-http 80 "^$PAGE\$" node -e 'require("http").get("http://node-http.example/page",
        (response) => response.pipe(process.stdout))'
    works node-fetch 80 "^$PAGE\$" node -e 'fetch("http://node-fetch.example/page").then(
        (response) => response.text()).then((text) => process.stdout.write(text))'
    works node-cares 80 "^$PAGE\$" node -e 'require("dns").resolve4("node-cares.example",
        (error, found) => require("http").get("http://" + found[0] + "/page",
            (response) => response.pipe(process.stdout)))'
    works node-lookup 80 "^$PAGE\$" node -e 'require("dns").lookup("node-lookup.example",
        (error, found) => require("http").get("http://" + found + "/page",
            (response) => response.pipe(process.stdout)))'
}

@test "node: datagrams" {
    refused "$BLOCKED.*EACCES" node -e 'const socket = require("dgram").createSocket("udp4")
        socket.send("x", 9, "203.0.113.10", (error) => { console.log(error.code); socket.close() })'
}

@test "perl" {
    works perl 80 "$PAGE\$" perl -MIO::Socket::INET -e '
        $s = IO::Socket::INET->new("perl.example:80"); print $s "GET /page HTTP/1.0\r\n\r\n"; print <$s>'
    refused "$BLOCKED.*Permission denied" perl -MIO::Socket::INET -e '
        $s = IO::Socket::INET->new(Proto => "udp", PeerAddr => "203.0.113.10:9");
        defined send($s, "x", 0) or print "$!\n"'
}

@test "bash: /dev/tcp and /dev/udp" {
    works bash 80 "$PAGE\$" bash -c 'exec 3<> /dev/tcp/bash.example/80
printf "GET /page HTTP/1.0\r\n\r\n" >&3; cat <&3'
    # It writes by stdio, whose calls inside libc nobody can refuse: the datagram ends on this host.
    socksified bash -c 'echo x > /dev/udp/203.0.113.10/9'
}

@test "nc, with streams and datagrams" {
    works nc 79 "^$PAGE" sh -c 'echo | nc -w 5 nc.example 79'
    works nc-z 80 '' nc -z nc-z.example 80
    refused "$BLOCKED" sh -c 'echo x | nc -u -w 1 203.0.113.10 9'
}

@test "socat, with streams, datagrams and broadcasts" {
    works socat 79 "^$PAGE" sh -c 'echo | socat -t 5 - TCP:socat.example:79'
    refused "$BLOCKED.*Permission denied" sh -c 'echo x | socat - UDP:203.0.113.10:9'
    refused "$BLOCKED.*Permission denied" \
        sh -c 'echo x | socat - UDP-DATAGRAM:255.255.255.255:9,broadcast'
}

@test "openssl s_client, by TLS and DTLS" {
    works openssl 443 'subject=CN = example' openssl s_client -connect openssl.example:443
    refused "$BLOCKED" openssl s_client -dtls -connect 203.0.113.10:443
}

@test "telnet" {
    works telnet 79 "$PAGE" sh -c '(echo; sleep 0.2) | telnet telnet.example 79'
}

@test "ftp" {
    works ftp 21 "" tnftp -n -V -o "$BATS_TEST_TMPDIR/page" ftp://ftp.example/page
    expect 'the page' "$(tr -d '\r' < "$BATS_TEST_TMPDIR/page")" "$PAGE"
}

@test "lftp" {
    works lftp 80 "^$PAGE" lftp -c 'set net:max-retries 1; cat http://lftp.example/page'
}

@test "aria2c, which uses c-ares" {
    works aria2 80 '' aria2c -q -d "$BATS_TEST_TMPDIR" http://aria2.example/page
    expect 'the page' "$(cat "$BATS_TEST_TMPDIR/page")" "$PAGE"
}

@test "axel" {
    works axel 80 '' axel -q -n 2 -o "$BATS_TEST_TMPDIR/page" http://axel.example/page
    expect 'the page' "$(cat "$BATS_TEST_TMPDIR/page")" "$PAGE"
}

@test "w3m" {
    works w3m 80 "^$PAGE" w3m -dump http://w3m.example/page
}

@test "httping" {
    works httping 80 'connected to' httping -c 1 -g http://httping.example/page
}

@test "whois" {
    works whois 43 "^$PAGE" whois -h whois.example anything
}

@test "finger" {
    works finger 79 "$PAGE" finger somebody@finger.example
}

@test "redis-cli" {
    works redis 6379 '^PONG$' redis-cli -h redis.example ping
}

@test "psql" {
    works psql 5432 'the page' psql 'host=psql.example user=a dbname=a sslmode=disable gssencmode=disable' -c x
}

@test "mosquitto_pub" {
    works mosquitto 1883 '^$' mosquitto_pub -h mosquitto.example -t topic -m message
}

@test "apt-get update" {
    mkdir -p "$BATS_TEST_TMPDIR"/apt/{lists/partial,cache/archives/partial}
    echo 'deb [trusted=yes allow-insecure=yes] http://apt.example/debian ./' \
        > "$BATS_TEST_TMPDIR/apt/sources.list"
    chmod -R a+rX "$BATS_TEST_TMPDIR"
    works apt 80 'http://apt.example/debian \./ Packages|Reading package lists' \
        apt-get -o Dir::Etc::SourceList="$BATS_TEST_TMPDIR/apt/sources.list" \
        -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$BATS_TEST_TMPDIR/apt/lists" \
        -o Dir::Cache="$BATS_TEST_TMPDIR/apt/cache" update
}

@test "gpg's dirmngr, a daemon with a resolver of its own" {
    mkdir -m 700 "$BATS_TEST_TMPDIR/gnupg"
    works gpg 11371 'keyserver receive failed' gpg --homedir "$BATS_TEST_TMPDIR/gnupg" \
        --keyserver hkp://gpg.example --recv-keys 0123456789ABCDEF0123456789ABCDEF01234567
    gpgconf --homedir "$BATS_TEST_TMPDIR/gnupg" --kill all
}

@test "iperf3, with streams and datagrams" {
    works iperf3 5201 'receiver' iperf3 -c iperf3.example -n 1K
    refused "$BLOCKED" iperf3 -u -c 203.0.113.10 -n 1K
}

# The stand-in that a resolver found leads to the target.
leads_to_the_page() { # NAME OUTPUT
    local address
    address=$(grep -oE '198\.1[89]\.[0-9]+\.[0-9]+' <<< "$2" | head -n 1)
    expect "the page at the address in: $2" "$(socksified curl -sS "http://$address/page")" "$PAGE"
    expect_match 'what the proxy was asked for' "$(stderr_of socksify)" " $1\\.example:80 "
}

@test "dig, host, nslookup and drill" {
    leads_to_the_page dig "$(socksified dig +short dig.example)"
    leads_to_the_page dig "$(socksified dig +tcp +short @9.9.9.9 dig.example)"
    leads_to_the_page host "$(socksified host host.example)"
    leads_to_the_page nslookup "$(socksified nslookup nslookup.example | tail -n +3)"
    leads_to_the_page drill "$(socksified drill drill.example @127.0.0.53)"
    expect_match 'MX by dig' "$(socksified dig +short MX dig.example)" '^10 mail\.example\.$'
    expect_match 'any by host' "$(socksified host -a host.example)" 'descriptive text|TXT'
    expect_match 'a transfer' "$(socksified dig AXFR @8.8.8.8 dig.example)" 'ailed|status:'
}

@test "getent" {
    expect_match 'IPv6' "$(socksified getent hosts getent.example)" '^fd73:6f63:6b73::'
    leads_to_the_page getent "$(socksified getent ahostsv4 getent.example)"
}

@test "ping and ping -6" {
    refused "$BLOCKED" ping -c 1 -W 1 203.0.113.10
    refused "$BLOCKED" ping -6 -c 1 -W 1 2001:db8:77::10
    refused "$BLOCKED" ping -c 1 -W 1 curl.example
}

@test "fping" {
    refused "$BLOCKED" fping -c 1 -t 500 203.0.113.10
}

@test "traceroute by UDP, ICMP and TCP" {
    refused "$BLOCKED" traceroute -w 1 -q 1 -m 2 203.0.113.10
    refused "$BLOCKED" traceroute -I -w 1 -q 1 -m 2 203.0.113.10
    socksified traceroute -T -w 1 -q 1 -m 2 203.0.113.10 || true # connects, by way of the proxy
}

@test "mtr" {
    # Its helper first tries whether there is SCTP.
    expect_match 'the output' "$(socksified mtr -r -c 1 -m 2 203.0.113.10)" \
        "SCTP sockets: refused.*$BLOCKED"
}

@test "arping, etherwake and hping3: packets below IP" {
    refused "$NO_PACKETS" arping -c 1 -w 1 -i eth0 10.77.0.1
    refused "$NO_PACKETS" etherwake -i eth0 02:00:00:00:00:01
    refused "$NO_PACKETS|$BLOCKED" hping3 -S -c 1 -p 80 203.0.113.10
}

@test "ndisc6 and rdisc6" {
    refused "$BLOCKED" ndisc6 -1 -r 1 -w 100 fd77::9 eth0
    refused "$BLOCKED" rdisc6 -1 -r 1 -w 100 eth0
}

@test "tftp" {
    refused "$BLOCKED" sh -c 'cd "$1" && echo get page | tftp 203.0.113.10' - "$BATS_TEST_TMPDIR"
}

@test "rdate, by TCP and UDP" {
    works rdate 37 ' 20[0-9][0-9]' rdate -p rdate.example
    # It does not look whether its question could be sent, and waits.
    refused "$BLOCKED" sh -c 'timeout 0.5 rdate -u -p 203.0.113.10; true'
}

@test "natpmpc, for the port mapping of a router" {
    refused "$BLOCKED" natpmpc -g 10.77.0.1
}

@test "nbtscan" {
    refused "$BLOCKED" nbtscan -t 500 10.77.0.1
}

@test "a program that the library cannot reach is not started with it alone" {
    expect_match 'the output' \
        "$(socksified --mode preload busybox wget -q -O - http://203.0.113.10/page)" \
        'busybox: statically linked'
}

@test "without socksify each kind of these packets is seen" {
    local command
    for command in 'dig +tries=1 +timeout=1 a.example' 'ping -c 1 -W 1 203.0.113.10' \
        'curl -s http://203.0.113.10/' 'traceroute -q 1 -m 1 -w 1 203.0.113.10' \
        'curl -s http://[2001:db8:77::10]/'; do
        # shellcheck disable=SC2086
        client timeout 5 $command > /dev/null 2>&1 || true
        expect "packets of $command" "$(($(leaked_packets) > 0))" 1
    done
    client arping -c 1 -w 1 -i eth0 10.77.0.9 > /dev/null 2>&1 || true
    expect 'frames' "$(($(unexpected_frames) > 0))" 1
}
