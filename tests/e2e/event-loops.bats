# SPDX-License-Identifier: MIT
# Programs with event loops, through a proxy that takes 120 ms for each connection: all connections
# are opened at once, none waits for another, and each is of use.

load ../support/lab
load ../support/proxies

LOOPS=$SUPPORT/loops
COUNT=100

ACCEPT=('frame greeting' 'delay 60' 'send 05 00' 'frame request' 'delay 60' 'send 05 00 00 01 00*6')
SLOW=socks5://10.77.0.1:1100
SLOW_WEB=socks5://10.77.0.1:1101
SLOW_REDIS=socks5://10.77.0.1:1102
SLOW_POSTGRES=socks5://10.77.0.1:1103
SLOW_PAGES=socks5://10.77.0.1:1104 # takes as many connections at once as there are

setup_file() {
    lab_up
    start_targets
    start_script slow world 10.77.0.1:1100 "${ACCEPT[@]}" echo
    start_script slow-web world 10.77.0.1:1101 "${ACCEPT[@]}" 'relay 203.0.113.10:80'
    start_script slow-redis world 10.77.0.1:1102 "${ACCEPT[@]}" 'relay 127.0.0.1:6379'
    # What psql hears: no TLS, and after its first message a refusal with a text.
    start_script slow-postgres world 10.77.0.1:1103 "${ACCEPT[@]}" 'read 8' 'send 4e' any \
        'send 45 00 00 00 1d 53 46 41 54 41 4c 00 43 33 44 30 30 30 00' \
        'send 4d 6e 6f 20 77 6f 72 6c 64 00 00' drain
    start_script slow-pages world 10.77.0.1:1104 "${ACCEPT[@]}" head \
        'text HTTP/1.0 200 OK\r\n\r\n' "text $PAGE\n"
    start_proxies socksify
}

teardown_file() {
    stop_all
}

teardown() {
    assert_no_leak
}

# at_once COMMAND...: it takes no longer than if all its connections are opened together (one after
# the other they would take 12 seconds). Its output is left in $got.
at_once() {
    local start=${EPOCHREALTIME/./} took
    got=$("$@" 2>&1) || { echo "ended with $?: $got"; return 1; }
    took=$(((${EPOCHREALTIME/./} - start) / 1000))
    [ "$took" -lt 4000 ] || expect 'the time' "$took ms" 'less than 4000 ms'
}

# slowly PROXY-URL COMMAND...: in the client, through that proxy.
slowly() {
    local url=$1
    shift
    client timeout 30 "$SOCKSIFY" -p "$url" "$@"
}

compile() { # NAME LIBRARY
    cc -O2 -std=c11 -D_GNU_SOURCE -o "$BATS_FILE_TMPDIR/$1" "$LOOPS/$1.c" "-l$2"
}

@test "Python's asyncio opens 100 connections by name at once" {
    at_once slowly $SLOW python3 "$LOOPS/asyncio_echo.py" page.example 7 $COUNT
    expect 'what was heard' "$got" "$COUNT of $COUNT"
}

@test "Python's selectors open 100 connections at once, by select, poll and epoll" {
    local selector
    for selector in SelectSelector PollSelector EpollSelector; do
        at_once slowly $SLOW python3 "$LOOPS/selectors_echo.py" $selector 203.0.113.10 7 $COUNT
        expect "what was heard by $selector" "$got" "$COUNT of $COUNT"
    done
}

@test "node opens 100 sockets at once, fetches pages, and its timers go on" {
    local chooser=$BATS_TEST_TMPDIR/conf
    cat > "$chooser" <<END_CONF
proxy slow $SLOW
proxy web $SLOW_WEB
proxy true ${PROXY[socksify]}
default slow
via web *:80
via true *:81
END_CONF
    at_once client timeout 30 "$SOCKSIFY" -f "$chooser" node "$LOOPS/node_loop.js" page.example 7 \
        $COUNT
    expect 'what node says' "$got" "net: $COUNT of $COUNT
http: $PAGE
fetch: $PAGE
echo: again
refused: ECONNREFUSED
the loop went on"
}

@test "a libuv program opens 100 connections at once, and hears of a failure" {
    compile uv_echo uv
    printf 'proxy slow %s\nproxy true %s\ndefault slow\nvia true *:81\n' $SLOW \
        "${PROXY[socksify]}" > "$BATS_TEST_TMPDIR/conf"
    at_once client timeout 30 "$SOCKSIFY" -f "$BATS_TEST_TMPDIR/conf" "$BATS_FILE_TMPDIR/uv_echo" \
        203.0.113.10 7 $COUNT
    expect 'what was heard' "$got" $"$COUNT of $COUNT
failed: ECONNREFUSED"
}

@test "a libevent program does, by epoll, poll and select" {
    local method
    compile event_echo event
    printf 'proxy slow %s\nproxy true %s\ndefault slow\nvia true *:81\n' $SLOW \
        "${PROXY[socksify]}" > "$BATS_TEST_TMPDIR/conf"
    for method in epoll poll select; do
        at_once client timeout 30 "$SOCKSIFY" -f "$BATS_TEST_TMPDIR/conf" \
            "$BATS_FILE_TMPDIR/event_echo" $method 203.0.113.10 7 $COUNT
        expect 'what was heard' "$got" "$method: $COUNT of $COUNT
failed: ECONNREFUSED"
    done
}

@test "a libcurl program fetches 50 pages at once with the multi_socket interface" {
    compile curl_multi curl
    at_once slowly $SLOW_PAGES "$BATS_FILE_TMPDIR/curl_multi" http://page.example/page 50
    expect 'what was fetched' "$got" "50 of 50, $((50 * (${#PAGE} + 1))) octets"
}

@test "curl fetches 50 pages in parallel" {
    at_once slowly $SLOW_PAGES curl -sS --parallel --parallel-immediate --parallel-max 50 \
        'http://page[1-50].example/page'
    expect 'the number of pages' "$(grep -c "$PAGE" <<< "$got")" 50
}

@test "aria2 fetches a file over several connections" {
    head -c 4000000 /dev/zero > /run/web/large
    at_once slowly $SLOW_WEB aria2c -q -x 4 -s 4 -k 1M -d "$BATS_TEST_TMPDIR" \
        http://page.example/large
    cmp /run/web/large "$BATS_TEST_TMPDIR/large"
}

@test "nginx passes requests on to an upstream behind the proxy" {
    mkdir -p "$BATS_TEST_TMPDIR/nginx"
    cat > "$BATS_TEST_TMPDIR/nginx.conf" <<END_CONF
daemon off;
pid $BATS_TEST_TMPDIR/nginx/pid;
error_log stderr;
worker_processes 2;
events { worker_connections 512; }
http {
    access_log off;
    client_body_temp_path $BATS_TEST_TMPDIR/nginx/body;
    proxy_temp_path $BATS_TEST_TMPDIR/nginx/proxy;
    fastcgi_temp_path $BATS_TEST_TMPDIR/nginx/fastcgi;
    uwsgi_temp_path $BATS_TEST_TMPDIR/nginx/uwsgi;
    scgi_temp_path $BATS_TEST_TMPDIR/nginx/scgi;
    server {
        listen 127.0.0.1:8080;
        location / { proxy_pass http://203.0.113.10; }
        location /closed { proxy_pass http://203.0.113.10:81; }
    }
}
END_CONF
    printf 'proxy slow %s\nproxy true %s\ndefault slow\nvia true *:81\n' $SLOW_PAGES \
        "${PROXY[socksify]}" > "$BATS_TEST_TMPDIR/conf"
    start_server nginx client 8080 "$SOCKSIFY" -f "$BATS_TEST_TMPDIR/conf" nginx \
        -c "$BATS_TEST_TMPDIR/nginx.conf"
    at_once client curl -sS --parallel --parallel-immediate --parallel-max 40 \
        'http://127.0.0.1:8080/page?[1-40]'
    expect 'the number of pages' "$(grep -c "$PAGE" <<< "$got")" 40
    expect 'the answer for a closed upstream' \
        "$(client curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8080/closed)" 502
    stop nginx
}

@test "redis-cli talks to a server behind the proxy" {
    start_server redis world 6379 redis-server --port 6379 --bind 127.0.0.1 --save '' \
        --appendonly no
    got=$(slowly $SLOW_REDIS redis-cli -h redis.example SET word "$PAGE")
    expect 'the answer' "$got" OK
    got=$(slowly $SLOW_REDIS redis-cli -h redis.example GET word)
    expect 'the answer' "$got" "$PAGE"
    stop redis
}

@test "psql, which polls by itself, talks to a server behind the proxy" {
    got=$(slowly $SLOW_POSTGRES psql -w -h postgres.example -U alice world 2>&1) || true
    expect_match 'what psql says' "$got" 'FATAL: +no world$'
}

@test "git clones over a slow proxy" {
    slowly $SLOW_WEB git clone -q http://page.example/repo.git "$BATS_TEST_TMPDIR/clone"
    expect 'the page' "$(cat "$BATS_TEST_TMPDIR/clone/page")" "$PAGE"
}
