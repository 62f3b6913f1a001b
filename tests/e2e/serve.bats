# SPDX-License-Identifier: MIT
# socksify --serve, as other people's clients see it.

load ../support/lab
load ../support/proxies

setup_file() {
    lab_up
    start_targets
    start_proxies socksify socksify-password
    start_script echo world '[::]:7' echo
}

teardown_file() {
    stop_all
}

teardown() {
    assert_no_leak
}

OPEN=10.77.0.1:1085
LOCKED=10.77.0.1:1086

# exchange ADDRESS:PORT HEX...: send frames one after another, each once the answer to the one
# before is there, and print the answers in hexadecimal.
exchange() {
    client timeout 20 python3 -c '
import socket, sys
host, port = sys.argv[1].rsplit(":", 1)
with socket.create_connection((host, port), 10) as s:
    for frame in sys.argv[2:]:
        s.sendall(bytes.fromhex(frame))
        answer = s.recv(1000)
        print(answer.hex())
        if not answer: break
' "$@"
}

hex() {
    printf %s "$1" | od -An -tx1 | tr -d ' \n'
}

# request ATYP-AND-ADDRESS PORT: a CONNECT of SOCKS5 in hexadecimal; name NAME PORT: the same by name.
request() {
    printf '050100%s%04x' "$1" "$2"
}

by_name() {
    request "03$(printf '%02x' ${#1})$(hex "$1")" "$2"
}

@test "curl fetches by every version of SOCKS" {
    local how
    for how in --socks4:203.0.113.10 --socks4a:page.example --socks4a:203.0.113.10 \
        --socks5:203.0.113.10 --socks5-hostname:page.example --socks5-hostname:page6.example \
        --socks5-hostname:203.0.113.10 '--socks5:[2001:db8:77::10]'; do
        expect "the page by $how" \
            "$(client timeout 20 curl -sS "${how%%:*}" $OPEN "http://${how#*:}/page" 2>&1)" "$PAGE"
    done
}

@test "a user and a password are asked for when they are set, and no other gets in" {
    local who
    expect 'the page' "$(client timeout 20 curl -sS -U alice:s3cret --socks5-hostname $LOCKED \
        http://page.example/page)" "$PAGE"
    for who in alice:wrong alice: bob:s3cret alice:s3cret2 :s3cret; do
        run -97 client timeout 20 curl -sS -U "$who" --socks5-hostname $LOCKED http://page.example/page
    done
    run -97 client timeout 20 curl -sS --socks5-hostname $LOCKED http://page.example/page
    run -97 client timeout 20 curl -sS --socks4a $LOCKED http://page.example/page
}

@test "every list of methods that holds one we know is accepted, and no other" {
    expect 'none' "$(exchange $OPEN 050100)" 0500
    expect 'none among others' "$(exchange $OPEN 0503010200)" 0500
    expect '255 methods' "$(exchange $OPEN "05ff$(printf '%02x' {0..254})")" 0500
    expect 'GSSAPI alone' "$(exchange $OPEN 050101)" 05ff
    expect 'no method at all' "$(exchange $OPEN 0500)" 05ff
    expect 'password, where one is needed' "$(exchange $LOCKED 05020002)" 0502
    expect 'none, where a password is needed' "$(exchange $LOCKED 050100)" 05ff
    expect 'a right password' "$(exchange $LOCKED 050102 "0105$(hex alice)06$(hex s3cret)" | xargs)" \
        '0502 0100'
    expect_match 'a wrong password' \
        "$(exchange $LOCKED 050102 "0105$(hex alice)05$(hex wrong)" | xargs)" \
        '^0502 01(0[1-9a-f]|[1-9a-f].)$'
}

# reply WHAT WANTED-REP REQUEST
reply() {
    expect_match "the reply to $1" "$(exchange $OPEN 050100 "$3" | tail -n 1)" "^05$2"
}

@test "reply codes tell the truth" {
    reply 'a good request' 0000 "$(request 01cb00710a 80)"
    reply 'a good name' 0000 "$(by_name page.example 80)"
    reply 'a closed port' 0500 "$(request 01cb00710a 81)"
    reply 'a closed port by name' 0500 "$(by_name page.example 81)"
    reply 'an unreachable host' 0400 "$(request 01c6336407 80)"
    reply 'an unreachable network' 0300 "$(request 01c0000263 80)"
    reply 'a name that nobody knows' 0400 "$(by_name nowhere.example 80)"
    reply 'BIND' 0700 05020001cb00710a0050
    reply 'UDP ASSOCIATE' 0700 05030001000000000000
    reply 'a command that does not exist' 0700 05090001cb00710a0050
    reply 'an address type that does not exist' 0800 05010002cb00710a0050
}

@test "SOCKS4 replies tell the truth" {
    expect_match 'a good request' "$(exchange $OPEN "04010050cb00710a00")" '^005a'
    expect_match 'a good name' "$(exchange $OPEN "0401005000000001$(hex bob)00$(hex page.example)00")" \
        '^005a'
    expect_match 'a closed port' "$(exchange $OPEN "04010051cb00710a00")" '^005b'
    expect_match 'BIND' "$(exchange $OPEN "04020050cb00710a00")" '^005b'
    expect_match 'a password is needed' "$(exchange $LOCKED "04010050cb00710a00")" '^005[bd]'
}

@test "the bound address of a success is the server's own" {
    expect_match 'the reply' "$(exchange $OPEN 050100 "$(request 01cb00710a 80)" | tail -n 1)" \
        '^05000001cb00710a[0-9a-f]{4}$'
    expect_match 'the reply' \
        "$(exchange $OPEN 050100 "$(request 0420010db8007700000000000000000010 80)" | tail -n 1)" \
        '^0500000420010db8007700000000000000000010[0-9a-f]{4}$'
}

@test "frames that come in one segment, or octet by octet, are understood" {
    expect 'all at once' \
        "$(exchange $OPEN "050100$(request 01cb00710a 7)$(hex hello)" '' '' | tr -d '\n' |
            sed 's/\(05000001cb00710a\)..../\1/')" "050005000001cb00710a$(hex hello)"
    expect_match 'octet by octet' "$(client timeout 20 python3 -c '
import socket, sys
with socket.create_connection(("10.77.0.1", 1085), 10) as s:
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for octet in bytes.fromhex(sys.argv[1]):
        s.sendall(bytes([octet]))
    with s.makefile("rb") as answers:
        print(answers.read(12).hex())
' "050100$(by_name page.example 80)")" '^050005000001cb00710a'
}

@test "what is no SOCKS is closed, without a word" {
    expect 'HTTP' "$(exchange $OPEN "$(hex $'GET / HTTP/1.0\r\n\r\n')")" ''
    expect 'a version that does not exist' "$(exchange $OPEN 060100)" ''
}

@test "a half-closed stream still brings the answer, in both directions" {
    local got
    got=$(client timeout 20 python3 -c '
import socket
s = socket.create_connection(("10.77.0.1", 1085), 10)
s.sendall(bytes.fromhex("050100")); s.recv(2)
s.sendall(bytes.fromhex("05010001cb00710a0007")); s.recv(10)
sent = bytes(range(256)) * 4000
import threading
def send():
    s.sendall(sent)
    s.shutdown(socket.SHUT_WR)
threading.Thread(target=send).start()
got = b""
while True:
    part = s.recv(65536)
    if not part: break
    got += part
print(got == sent)')
    expect 'whether all came back' "$got" True
}

@test "a name with several addresses is tried through all of them" {
    # Both families, the first of them dead: the page is on IPv4 or IPv6 only.
    printf '2001:db8:77::99 mixed.example\n203.0.113.10 mixed.example\n198.51.100.7 other.example\n2001:db8:77::10 other.example\n' \
        > "$BATS_TEST_TMPDIR/hosts"
    start_server several world 1090 "$SOCKSIFY" --serve 10.77.0.1:1090 \
        --hosts "$BATS_TEST_TMPDIR/hosts"
    local name
    for name in mixed other; do
        expect "the page of $name.example" "$(client timeout 20 curl -sS --socks5-hostname \
            10.77.0.1:1090 http://$name.example/page 2>&1)" "$PAGE"
    done
    stop several
}

@test "a slow client does not hold up others" {
    start idle client python3 -c '
import socket, time
held = [socket.create_connection(("10.77.0.1", 1085), 10) for i in range(200)]
for s in held[:100]: s.sendall(b"\x05")
print("held", flush=True)
time.sleep(60)'
    is_held() {
        stdout_of idle | grep -q held
    }
    until_true is_held
    expect 'the page' "$(client timeout 2 curl -sS --socks5-hostname $OPEN http://page.example/page)" \
        "$PAGE"
    stop idle
}

@test "-v prints a line for each request: who, what, how it ended" {
    start_server talking world 1091 "$SOCKSIFY" --serve 10.77.0.1:1091 -v
    client timeout 20 curl -sS --socks5-hostname 10.77.0.1:1091 http://page.example/page
    run -97 client timeout 20 curl -sS --socks4a 10.77.0.1:1091 http://closed.example:81/
    stop talking
    expect_match 'the first request' "$(stderr_of talking)" \
        'serve: 10\.77\.0\.2:[0-9]+ socks5 CONNECT page\.example:80 -> 203\.0\.113\.10:80: succeeded in [0-9]+ ms'
    expect_match 'the second' "$(stderr_of talking)" \
        'serve: 10\.77\.0\.2:[0-9]+ socks4 CONNECT closed\.example:81: failed in [0-9]+ ms: Connection refused'
    expect 'stdout' "$(stdout_of talking)" ''
}

@test "no password stands in the log or in the list of processes" {
    expect 'the log' "$(grep -c s3cret "$BATS_FILE_TMPDIR/socksify-password.err")" 0
    expect 'the command line' "$(tr '\0' ' ' < "/proc/$(server_pid socksify-password)/cmdline" |
        grep -c s3cret)" 0
}

@test "SIGTERM and SIGINT end it cleanly: exit 0, and the port is free again" {
    local signal pid
    for signal in TERM INT; do
        # A shell without job control starts what it puts in the background with SIGINT ignored.
        ip netns exec world env --default-signal=INT "$SOCKSIFY" --serve 10.77.0.1:1092 3>&- &
        pid=$!
        until_true is_listening world 1092
        # Also with a connection in the middle.
        start busy client "$SOCKSIFY" -v -p socks5://10.77.0.1:1092 \
            "$PROBES/probe-connect" -s '' page.example 7
        until_true grep -q connected "$BATS_FILE_TMPDIR/busy.err"
        kill -$signal $pid
        wait $pid || expect "the exit status after $signal" $? 0
        run ! is_listening world 1092
        stop busy
    done
}

@test "an open proxy beyond loopback draws a warning; a password or loopback does not" {
    expect_match 'stderr' "$(stderr_of socksify)" '10\.77\.0\.1:1085: an open proxy'
    run -1 grep 'open proxy' "$BATS_FILE_TMPDIR/socksify-password.err"
    start_server local - 1093 "$SOCKSIFY" --serve 1093 -v
    stop local
    expect 'stderr' "$(stderr_of local)" 'socksify: serve: listening on 127.0.0.1:1093'
}

@test "without an address it listens on loopback, port 1080" {
    start_server default - 1080 "$SOCKSIFY" --serve
    expect 'where it listens' "$(ss -Hltn 'sport = :1080' | awk '{ print $4 }')" 127.0.0.1:1080
    stop default
}

@test "a port that is taken, and an address that is none, are said" {
    run -1 world timeout 5 "$SOCKSIFY" --serve 10.77.0.1:1085
    expect_match 'the message' "$output" 'cannot listen on 10\.77\.0\.1 port 1085: Address already in use; --serve ADDR:PORT takes another port'
    run -78 timeout 5 "$SOCKSIFY" --serve nonsense:99999
    expect_match 'the message' "$output" 'nonsense:99999'
}

@test "500 streams at once all carry their octets" {
    expect 'how many' "$(client timeout 60 python3 -c '
import socket, concurrent.futures
def one(i):
    with socket.create_connection(("10.77.0.1", 1085), 30) as s:
        f = s.makefile("rb")
        s.sendall(bytes.fromhex("050100")); f.read(2)
        s.sendall(bytes.fromhex("05010001cb00710a0007"))
        if f.read(10)[1]: return 0
        text = b"%d\n" % i
        s.sendall(text)
        return f.readline() == text
with concurrent.futures.ThreadPoolExecutor(500) as pool:
    print(sum(pool.map(one, range(500))))')" 500
}
