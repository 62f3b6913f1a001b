# SPDX-License-Identifier: MIT
# The proxies and targets of the world (see lab.bash), and the programs that go from one to the other.

# What each proxy is called here, and how a client names it. ssh forwards through the sshd that is
# also a target. Ports are free: the namespace is ours alone.
declare -gA PROXY=(
    [danted]=socks5://10.77.0.1:1080
    [danted-4]=socks4://10.77.0.1:1080
    [danted-over-ipv6]='socks5://[fd77::1]:1080'
    [danted-password]=socks5://alice:s3cret@10.77.0.1:1081
    [microsocks]=socks5://10.77.0.1:1082
    [microsocks-password]=socks5://alice:s3cret@10.77.0.1:1083
    [ssh]=socks5://10.77.0.1:1084
    [ssh-4a]=socks4a://10.77.0.1:1084
    [socksify]=socks5://10.77.0.1:1085
    [socksify-4a]=socks4a://10.77.0.1:1085
    [socksify-password]=socks5://alice:s3cret@10.77.0.1:1086
)

# The page that http servers in the world serve, and that ssh prints.
PAGE='the page of the world'

# A user of the world's machine, for danted and sshd, that the real /etc/passwd never sees.
world_users() {
    echo 'alice:x:1234:1234::/run/home:/bin/bash' | cat /etc/passwd - > /etc/netns/world/passwd
    echo "alice:$(openssl passwd -6 s3cret):19000:0:99999:7:::" | cat /etc/shadow - \
        > /etc/netns/world/shadow
    chmod 640 /etc/netns/world/shadow
}

# Web server (plain http, also git's "dumb" protocol) and ssh server.
start_targets() {
    world_users
    mkdir -p /run/web /run/work
    echo "$PAGE" > /run/web/page
    cp /run/web/page /run/work/page
    git init -q -b main /run/work
    git -C /run/work add page
    git -C /run/work -c user.name=a -c user.email=a@b commit -q -m page
    git clone -q --bare /run/work /run/web/repo.git
    git -C /run/web/repo.git update-server-info
    start_server web world 80 python3 -m http.server --bind :: --directory /run/web 80

    ssh-keygen -q -t ed25519 -N '' -f /run/home/host-key
    ssh-keygen -q -t ed25519 -N '' -f /run/home/key
    cat > /run/home/sshd_config <<'END'
HostKey /run/home/host-key
AuthorizedKeysFile /run/home/key.pub
StrictModes no
PidFile none
END
    cat > /run/home/ssh_config <<'END'
User alice
IdentityFile /run/home/key
UserKnownHostsFile /dev/null
StrictHostKeyChecking no
BatchMode yes
LogLevel error
END
    start_server sshd world 22 /usr/sbin/sshd -D -e -f /run/home/sshd_config
}

start_danted() { # NAME PORT METHOD
    cat > "$BATS_FILE_TMPDIR/$1.conf" <<END
logoutput: stderr
internal: 10.77.0.1 port = $2
internal: fd77::1 port = $2
external: 203.0.113.10
external: 2001:db8:77::10
clientmethod: none
socksmethod: $3
user.privileged: root
user.unprivileged: nobody
client pass { from: 0/0 to: 0/0 }
socks pass { from: 0/0 to: 0/0 command: connect }
END
    start_server "$1" world "$2" danted -f "$BATS_FILE_TMPDIR/$1.conf" -N 1 -p "/run/$1.pid"
}

start_proxies() { # NAME...
    local name
    for name in "$@"; do
        case $name in
        danted) start_danted danted 1080 none ;;
        danted-password) start_danted danted-password 1081 username ;;
        microsocks) start_server microsocks world 1082 microsocks -i 10.77.0.1 -p 1082 ;;
        microsocks-password)
            start_server microsocks-password world 1083 \
                microsocks -i 10.77.0.1 -p 1083 -u alice -P s3cret
            ;;
        ssh)
            start_server ssh world 1084 \
                ssh -F /run/home/ssh_config -N -D 10.77.0.1:1084 203.0.113.10
            ;;
        socksify) start_server socksify world 1085 "$SOCKSIFY" --serve 10.77.0.1:1085 -v ;;
        socksify-password)
            start_server socksify-password world 1086 \
                "$SOCKSIFY" --serve 10.77.0.1:1086 --user alice --password s3cret -v
            ;;
        esac
    done
}

# through PROXY-NAME COMMAND [ARG...]: run it in the client, socksified.
through() {
    local proxy=${PROXY[$1]}
    shift
    client timeout 20 "$SOCKSIFY" -p "$proxy" "$@"
}

# in_url HOST: the host as a URL writes it.
in_url() {
    case $1 in
    *:*) echo "[$1]" ;;
    *) echo "$1" ;;
    esac
}

# One function for each program: fetch_PROGRAM PROXY-NAME HOST prints the page that HOST holds.
fetch_curl() {
    through "$1" curl -sS "http://$(in_url "$2")/page"
}

fetch_wget() {
    through "$1" wget -q -O - "http://$(in_url "$2")/page"
}

fetch_git() {
    local clone
    clone=$(mktemp -d)
    through "$1" git clone -q "http://$(in_url "$2")/repo.git" "$clone/clone" &&
        cat "$clone/clone/page"
    rm -rf "$clone"
}

fetch_ssh() {
    through "$1" ssh -F /run/home/ssh_config "$2" cat /run/web/page
}

fetch_python3() {
    through "$1" python3 -c 'import sys, urllib.request
sys.stdout.write(urllib.request.urlopen(sys.argv[1]).read().decode())' "http://$(in_url "$2")/page"
}

fetch_bash() {
    through "$1" bash -c 'exec 3<> "/dev/tcp/$1/80"
printf "GET /page HTTP/1.0\r\n\r\n" >&3
sed "1,/^\r$/d" <&3' - "$2"
}
