# SPDX-License-Identifier: MIT
# The network that the end-to-end tests run in, and the processes they start there. Load it in a bats
# file. It exists only inside tests/support/isolated, so that nothing needs to be cleaned up.
#
#   client 10.77.0.2, fd77::2 ------ 10.77.0.1, fd77::1  world  203.0.113.10, 2001:db8:77::10
#
# The programs under test run in `client`; the proxies (ports 1080 to 1199 of 10.77.0.1 and fd77::1)
# and the targets (203.0.113.10, 2001:db8:77::10) in `world`. The client has a default route, so that
# whatever leaves beside the proxy really leaves: it is counted, and refused. Only the world knows
# what page.example and its kin are; the client's name server lies behind the default route.

if [ -z "${SOCKSIFY_ISOLATED-}" ]; then
    echo "run this file by: make e2e, or tests/support/isolated env BUILD=... bats FILE" >&2
    exit 1
fi

bats_require_minimum_version 1.5.0

SUPPORT=$(dirname "${BASH_SOURCE[0]}")
SUPPORT=$(realpath "$SUPPORT")
SOURCE=$(realpath "$SUPPORT/../..")
BUILD=${BUILD:-$SOURCE/build}
# Some tests are another user, who cannot go where the tree lies when that is somebody's home.
if [ ! -e /run/build ]; then
    mkdir /run/build /run/support
    mount --bind "$BUILD" /run/build
    mount --bind "$SUPPORT" /run/support
    # A library for 32-bit programs, and LD_PRELOAD with $LIB, are the business of mixed.bats.
    for part in lib lib32 lib64; do
        [ ! -d /run/build/$part ] || mount -t tmpfs $part /run/build/$part
    done
fi
BUILD=/run/build
SUPPORT=/run/support
PROBES=$BUILD/support
SOCKSIFY=$BUILD/socksify
export SUPPORT SOURCE BUILD PROBES SOCKSIFY

# Names that the world knows, beside both.example, which has both addresses.
WORLD_HOSTS='203.0.113.10 page.example closed.example
2001:db8:77::10 page6.example
203.0.113.10 both.example
2001:db8:77::10 both.example
198.51.100.7 far.example'

client() {
    ip netns exec client "$@"
}

world() {
    ip netns exec world "$@"
}

lab_up() {
    local ns
    mkdir -p /etc/netns/client /etc/netns/world
    for ns in client world; do
        ip netns add $ns
        ip -n $ns link set lo up
        cp /etc/hosts /etc/netns/$ns/hosts
    done
    echo "$WORLD_HOSTS" >> /etc/netns/world/hosts
    echo 'nameserver 8.8.8.8' > /etc/netns/client/resolv.conf

    ip link add eth0 netns client type veth peer name eth0 netns world
    ip -n client addr add 10.77.0.2/24 dev eth0
    ip -n client addr add fd77::2/64 dev eth0 nodad
    ip -n world addr add 10.77.0.1/24 dev eth0
    ip -n world addr add fd77::1/64 dev eth0 nodad
    ip -n world addr add 203.0.113.10/32 dev lo
    ip -n world addr add 2001:db8:77::10/128 dev lo
    for ns in client world; do
        ip -n $ns link set eth0 up
    done
    ip -n client route add default via 10.77.0.1
    ip -n client -6 route add default via fd77::1
    ip -n world route add unreachable 198.51.100.0/24

    client nft -f - <<'END'
table inet lab {
    set leaked4 { type ipv4_addr . inet_proto . inet_service; flags dynamic; size 1000; }
    set leaked6 { type ipv6_addr . inet_proto . inet_service; flags dynamic; size 1000; }
    counter leaks {}
    chain output {
        type filter hook output priority 0; policy accept;
        oifname "lo" accept
        ip daddr 10.77.0.1 tcp dport 1080-1199 accept
        ip6 daddr fd77::1 tcp dport 1080-1199 accept
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit,
                      mld-listener-report, mld2-listener-report } accept
        meta nfproto ipv4 add @leaked4 { ip daddr . meta l4proto . th dport }
        meta nfproto ipv6 add @leaked6 { ip6 daddr . meta l4proto . th dport }
        counter name leaks reject with icmpx admin-prohibited
    }
}
END
}

# How many packets left the client beside the proxy, since the last call of this function.
leaked_packets() {
    client nft reset counter inet lab leaks | sed -n 's/.*packets \([0-9]*\) .*/\1/p'
}

# Fail, and say where they went, when packets left beside the proxy.
assert_no_leak() {
    local count
    count=$(leaked_packets)
    [ "$count" -eq 0 ] && return
    echo "$count packets left beside the proxy:"
    client nft list table inet lab | sed -n '/elements/,/}/p'
    return 1
}

# Packet sockets send below the table above: from here on the world counts every frame that comes to
# it and is neither for a proxy nor the neighbours' business.
watch_frames() {
    world nft -f - <<'END'
table netdev frames {
    counter others {}
    chain ingress {
        type filter hook ingress device "eth0" priority 0; policy accept;
        arp daddr ip 10.77.0.1 accept
        ip daddr 10.77.0.1 tcp dport 1080-1199 accept
        ip6 daddr fd77::1 tcp dport 1080-1199 accept
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit,
                      mld-listener-report, mld2-listener-report } accept
        counter name others
    }
}
END
}

# How many, since the last call of this function.
unexpected_frames() {
    world nft reset counter netdev frames others | sed -n 's/.*packets \([0-9]*\) .*/\1/p'
}

assert_no_frame() {
    expect 'the number of unexpected frames' "$(unexpected_frames)" 0
}

# start NAME NAMESPACE COMMAND [ARG...]: run it in the background, in a namespace or ("-") here; its
# output goes to the files that `stdout_of NAME` and `stderr_of NAME` print.
start() {
    local name=$1 namespace=$2
    shift 2
    [ "$namespace" = - ] || set -- ip netns exec "$namespace" "$@"
    # exec: within a test, where bats traps, bash would keep a shell above it.
    exec "$@" > "$BATS_FILE_TMPDIR/$name.out" 2> "$BATS_FILE_TMPDIR/$name.err" < /dev/null 3>&- &
    echo $! > "$BATS_FILE_TMPDIR/$name.pid"
}

stdout_of() {
    cat "$BATS_FILE_TMPDIR/$1.out"
}

stderr_of() {
    cat "$BATS_FILE_TMPDIR/$1.err"
}

server_pid() {
    cat "$BATS_FILE_TMPDIR/$1.pid"
}

# until_true COMMAND...: try it until it succeeds, for ten seconds at most.
until_true() {
    local try
    for ((try = 0; try < 400; try++)); do
        "$@" && return
        sleep 0.025
    done
    echo "waited in vain for: $*"
    return 1
}

is_listening() { # NAMESPACE PORT
    local run=()
    [ "$1" = - ] || run=(ip netns exec "$1")
    [ -n "$("${run[@]}" ss -Hltn "sport = :$2")" ]
}

# start_server NAME NAMESPACE PORT COMMAND [ARG...]: start, and wait until it listens on the port.
start_server() {
    local name=$1 namespace=$2 port=$3
    shift 3
    start "$name" "$namespace" "$@"
    until_true is_listening "$namespace" "$port" || { stderr_of "$name"; return 1; }
}

# start_script NAME NAMESPACE ADDRESS:PORT STEP...: a scripted-server; see its head.
start_script() {
    local name=$1 namespace=$2 address=$3
    shift 3
    start_server "$name" "$namespace" "${address##*:}" "$PROBES/scripted-server" "$address" "$@"
}

is_gone() {
    ! kill -0 "$1" 2>/dev/null
}

# stop NAME...: end servers started here, and wait until they are gone.
stop() {
    local name pid
    for name in "$@"; do
        pid=$(server_pid "$name")
        kill "$pid" 2>/dev/null || continue
        until_true is_gone "$pid"
    done
}

# For teardown_file: end every server that was started. bats would wait for them.
stop_all() {
    local file name
    for file in "$BATS_FILE_TMPDIR"/*.pid; do
        name=${file##*/}
        stop "${name%.pid}"
    done
}

# expect WHAT ACTUAL WANTED: fail, showing both, when they differ.
expect() {
    [ "$2" = "$3" ] && return
    printf '%s is:\n%s\nbut should be:\n%s\n' "$1" "$2" "$3"
    return 1
}

# expect_match WHAT ACTUAL REGEX (extended, somewhere in it)
expect_match() {
    [[ $2 =~ $3 ]] && return
    printf '%s is:\n%s\nbut should match:\n%s\n' "$1" "$2" "$3"
    return 1
}
