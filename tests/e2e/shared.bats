# SPDX-License-Identifier: MIT
# The map of names that a user's programs share, where it is missing, full, hostile, or somebody
# else's: programs work on, and say once what is wrong; and what a name is at the proxy.

load ../support/lab
load ../support/proxies

MAP=/dev/shm/socksify-0.names

setup_file() {
    lab_up
    start_targets
    start_proxies socksify
}

teardown_file() {
    stop_all
}

setup() {
    rm -rf $MAP
}

teardown() {
    assert_no_leak
}

fetch() { # stderr goes to a file
    through socksify "$@" 2> "$BATS_TEST_TMPDIR/stderr"
}

# Resolves, connects in the same process, and resolves and connects in a forked child of it.
PROGRAM='import os, socket, sys
def page(address):
    s = socket.create_connection((address, 80))
    s.sendall(b"GET /page HTTP/1.0\r\n\r\n")
    print(s.makefile().read().split("\n\n")[1], end="", flush=True)
address = socket.gethostbyname("page.example")
page(address)
if os.fork() == 0:
    page(address)
    page(socket.gethostbyname("page6.example"))
    os._exit(0)
os.wait()'

# works_alone REGEX: the map is not used; everything works, with one warning that matches.
works_alone() {
    expect "three pages, $1" "$(fetch python3 -c "$PROGRAM")" "$PAGE"$'\n'"$PAGE"$'\n'"$PAGE"
    expect_match 'the warning' "$(cat "$BATS_TEST_TMPDIR/stderr")" \
        "^socksify: python3\\[[0-9]+\\]: warning: names map: ($1); [^"$'\n'"]*\$"
    expect 'a program that looks up no name' "$(through socksify true 2>&1)" ''
}

works_shared() {
    expect 'the pages' "$(fetch python3 -c "$PROGRAM")" "$PAGE"$'\n'"$PAGE"$'\n'"$PAGE"
    expect 'messages' "$(cat "$BATS_TEST_TMPDIR/stderr")" ''
    expect 'the map' "$(stat -c '%F %U %a' $MAP)" 'regular file root 600'
}

@test "the map is made where there is none, and again when it is removed" {
    works_shared
    rm $MAP
    works_shared
}

@test "a link, a directory, a fifo or a device in its place is not used, nor touched" {
    ln -s /run/elsewhere $MAP
    works_alone 'it is a symbolic link'
    [ ! -e /run/elsewhere ] && [ -L $MAP ]
    rm $MAP
    mkdir $MAP
    works_alone '[^;]*'
    rmdir $MAP
    mkfifo -m 600 $MAP
    works_alone '[^;]*'
    rm $MAP
    mknod -m 600 $MAP c 1 3
    works_alone '[^;]*'
}

@test "another user's file, one that others may read, or one with two names is not used" {
    works_shared
    chown nobody $MAP
    works_alone '[^;]*'
    chown root $MAP
    chmod 644 $MAP
    works_alone '[^;]*'
    chmod 600 $MAP
    ln $MAP /dev/shm/second
    works_alone '[^;]*'
    rm /dev/shm/second
    works_shared
}

@test "a truncated or damaged file is not used" {
    local size
    : > $MAP
    chmod 600 $MAP
    works_alone '[^;]*'
    rm $MAP
    works_shared
    size=$(stat -c %s $MAP)
    truncate -s $((size / 2)) $MAP
    works_alone '[^;]*'
    truncate -s "$size" $MAP
    printf 'nonsense' | dd of=$MAP conv=notrunc status=none
    works_alone '[^;]*'
}

@test "a file whose head is right and whose rest is rubbish gives wrong names at worst" {
    local size
    works_shared
    size=$(stat -c %s $MAP)
    head -c $((size - 4096)) /dev/urandom | dd of=$MAP bs=4096 seek=1 conv=notrunc status=none
    fetch python3 -c "$PROGRAM" || [ $? -lt 128 ]
    rm $MAP
    works_shared
}

@test "/dev/shm missing, full or read-only: a private map, and one warning" {
    local state
    for state in 'size=64k' 'ro'; do
        mount -t tmpfs -o "mode=1777,$state" small /dev/shm
        works_alone '[^;]*'
        expect 'what is left there' "$(ls -A /dev/shm)" ''
        umount /dev/shm
    done
    mount -t tmpfs -o mode=755 none /dev
    mknod -m 666 /dev/null c 1 3
    mknod -m 666 /dev/urandom c 1 9
    works_alone '[^;]*'
    umount /dev
    works_shared
}

@test "two users have two maps, and each its own stand-ins" {
    local mine theirs
    printf 'proxy p %s\ndefault p\n' "${PROXY[socksify]}" > /etc/socksify.conf
    chmod 644 /etc/socksify.conf
    client "$SOCKSIFY" getent ahostsv4 first.example > /dev/null
    mine=$(client "$SOCKSIFY" getent ahostsv4 page.example | sed -n '1s/ .*//p')
    theirs=$(as_nobody getent ahostsv4 page.example | sed -n '1s/ .*//p')
    expect 'the stand-ins' "$mine $theirs" '198.18.0.2 198.18.0.1'
    expect 'the page, for them' "$(as_nobody curl -s "http://$theirs/page")" "$PAGE"
    expect 'the page, for us' "$(client "$SOCKSIFY" curl -s "http://$mine/page")" "$PAGE"
    expect 'the maps' "$(stat -c '%n %u %a' /dev/shm/*)" \
        $'/dev/shm/socksify-0.names 0 600\n/dev/shm/socksify-65534.names 65534 600'
    rm /etc/socksify.conf
}

as_nobody() {
    client setpriv --reuid=65534 --regid=65534 --clear-groups timeout 20 "$SOCKSIFY" "$@"
}

@test "names reach the proxy letter by letter, in lower case and without the final dot" {
    local label name hex
    label=$(printf 'a%.0s' {1..60})
    local -A names=(
        [Page.EXAMPLE]=page.example
        [page.example.]=page.example
        [_sip._tcp.under_score.example]=_sip._tcp.under_score.example
        [bücher.example]=bücher.example
        [BÜCHER.example]=bÜcher.example
        [a]=a
        [${label}.$label.$label.$label.${label:0:9}]=${label}.$label.$label.$label.${label:0:9}
        [${label}.$label.$label.$label.${label:0:11}]=${label}.$label.$label.$label.${label:0:11}
    )
    start_script proxy world 10.77.0.1:1100 'frame greeting' 'send 05 00' 'frame request' \
        'send 05 00 00 01 00*6' hold
    for name in "${!names[@]}"; do
        expect_match "connecting to $name" "$(client timeout 20 "$SOCKSIFY" \
            -p socks5://10.77.0.1:1100 "$PROBES/probe-connect" "$name" 80)" 'connect: 0'
        hex=$(printf '%s' "${names[$name]}" | od -An -v -tx1 | tr -d ' \n')
        expect_match "at the proxy, $name" "$(stdout_of proxy | tr -d ' ' | tail -n 3)" \
            ":05010003$(printf %02x $((${#hex} / 2)))${hex}0050"
    done
    stop proxy
}

@test "a full pool: the oldest name makes room, and a live connection keeps its meaning" {
    local got
    got=$(through socksify python3 -c 'import socket
live = socket.create_connection(("page.example", 80))
oldest = live.getpeername()[0]
for i in range(131072 + 10):
    socket.getaddrinfo("n%d.example" % i, 80, socket.AF_INET)
print("peer", live.getpeername()[0] == oldest)
live.sendall(b"GET /page HTTP/1.0\r\n\r\n")
print(live.makefile().read().split("\n\n")[1].strip())
print("renamed", socket.gethostbyaddr(oldest)[0] != "page.example")
newest = socket.gethostbyname("n131081.example")
print("newest", socket.gethostbyaddr(newest)[0])
again = socket.gethostbyname("page.example")
print("again", socket.gethostbyaddr(again)[0], again != oldest)')
    expect 'what came' "$got" "peer True
$PAGE
renamed True
newest n131081.example
again page.example True"
}

@test "processes that insert at once lose and double nothing" {
    local worker
    for worker in {1..8}; do
        through socksify python3 -c 'import socket, sys
for i in range(int(sys.argv[1]) % 2, 3000, 1 + int(sys.argv[1]) % 2):
    print("n%d" % i, socket.gethostbyname("n%d.many" % i))' "$worker" \
            > "$BATS_TEST_TMPDIR/$worker" 3>&- &
    done
    wait
    expect 'names' "$(sort -u "$BATS_TEST_TMPDIR"/? | wc -l)" 3000
    expect 'stand-ins' "$(sort -u "$BATS_TEST_TMPDIR"/? | cut -d ' ' -f 2 | sort -u | wc -l)" 3000
}
