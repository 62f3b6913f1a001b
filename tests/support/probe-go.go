// SPDX-License-Identifier: MIT

// probe-go WAY ARGUMENT...: a Go program without a C library, with its own resolver.
//
//	get URL...               fetch pages one after the other, and print them
//	dial HOST:PORT...        connect to an echo server, converse, and print whom to
//	lookup NAME...           print the addresses (or "mx NAME": the mail exchangers)
//	many COUNT ADDRESS       so many goroutines dial at once, each with octets of its own to be
//	                         echoed; prints how many were right, and good=N wall=SECONDS
//	deadline TIME ADDRESS    dial with a deadline
//	cancel COUNT ADDRESS     dial so often at once, cancel all in the middle, then wait for stdin
//	datagram ADDRESS         send one
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const patience = 15 * time.Second

// The errno at the bottom of an error, or what else it is.
func reason(err error) string {
	var errno syscall.Errno
	var timeout interface{ Timeout() bool }
	switch {
	case err == nil:
		return "0"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.As(err, &errno):
		return errno.Error()
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	}
	return err.Error()
}

func get(urls []string) {
	for _, url := range urls {
		answer, err := http.Get(url)
		if err != nil {
			fmt.Println("get:", reason(err))
			continue
		}
		io.Copy(os.Stdout, answer.Body)
		answer.Body.Close()
	}
}

// Send octets and compare what comes back.
func converse(connection net.Conn, octets []byte) error {
	back := make([]byte, len(octets))
	connection.SetDeadline(time.Now().Add(patience))
	if _, err := connection.Write(octets); err != nil {
		return err
	}
	if _, err := io.ReadFull(connection, back); err != nil {
		return err
	}
	if !bytes.Equal(octets, back) {
		return errors.New("other octets came back")
	}
	return nil
}

func dial(addresses []string) {
	for _, address := range addresses {
		connection, err := net.DialTimeout("tcp", address, patience)
		if err != nil {
			fmt.Println("dial:", reason(err))
			continue
		}
		fmt.Println("dial: 0", connection.RemoteAddr())
		fmt.Println("converse:", reason(converse(connection, []byte("ping"))))
		connection.Close()
	}
}

func lookup(names []string) {
	if len(names) == 2 && names[0] == "mx" {
		found, err := net.LookupMX(names[1])
		for _, mx := range found {
			fmt.Println(mx.Pref, mx.Host)
		}
		fmt.Println("lookup:", reason(err))
		return
	}
	for _, name := range names {
		found, err := net.LookupHost(name)
		fmt.Println("lookup:", reason(err), found)
	}
}

func many(count int, address string) {
	var all sync.WaitGroup
	var good int32
	start := time.Now()
	for i := 0; i < count; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			connection, err := net.DialTimeout("tcp", address, patience)
			if err == nil {
				err = converse(connection, []byte(fmt.Sprintf("number %d, ", i)))
				connection.Close()
			}
			if err == nil {
				atomic.AddInt32(&good, 1)
			} else {
				fmt.Fprintln(os.Stderr, i, err)
			}
		}(i)
	}
	all.Wait()
	fmt.Printf("%d of %d\n", good, count)
	fmt.Fprintf(os.Stderr, "good=%d wall=%.6f\n", good, time.Since(start).Seconds())
}

func deadline(limit time.Duration, address string) {
	start := time.Now()
	_, err := net.DialTimeout("tcp", address, limit)
	took := time.Since(start)
	fmt.Println("dial:", reason(err))
	if took < limit || took > limit+time.Second {
		fmt.Println("it took", took)
	}
}

func cancel(count int, address string) {
	var all sync.WaitGroup
	var canceled int32
	background, giveUp := context.WithCancel(context.Background())
	for i := 0; i < count; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			var dialer net.Dialer
			_, err := dialer.DialContext(background, "tcp", address)
			if reason(err) == "canceled" || reason(err) == "operation was canceled" {
				atomic.AddInt32(&canceled, 1)
			} else {
				fmt.Println("dial:", reason(err))
			}
		}()
	}
	input := bufio.NewReader(os.Stdin)
	input.ReadString('\n')
	giveUp()
	all.Wait()
	fmt.Printf("canceled: %d\n", canceled)
	input.ReadString('\n')
}

func datagram(address string) {
	connection, err := net.Dial("udp", address)
	if err == nil {
		_, err = connection.Write([]byte("ping"))
	}
	fmt.Println("write:", reason(err))
	unconnected, err := net.ListenPacket("udp", ":0")
	if err == nil {
		var to *net.UDPAddr
		to, _ = net.ResolveUDPAddr("udp", address)
		_, err = unconnected.WriteTo([]byte("ping"), to)
	}
	fmt.Println("write to:", reason(err))
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return value
}

func main() {
	arguments := os.Args[1:]
	if len(arguments) < 2 {
		fmt.Fprintln(os.Stderr, "usage: probe-go WAY ARGUMENT...")
		os.Exit(2)
	}
	way, arguments := arguments[0], arguments[1:]
	switch way {
	case "get":
		get(arguments)
	case "dial":
		dial(arguments)
	case "lookup":
		lookup(arguments)
	case "many":
		many(number(arguments[0]), arguments[1])
	case "deadline":
		limit, _ := time.ParseDuration(arguments[0])
		deadline(limit, arguments[1])
	case "cancel":
		cancel(number(arguments[0]), arguments[1])
	case "datagram":
		datagram(arguments[0])
	}
}
