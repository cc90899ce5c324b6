// SPDX-License-Identifier: LGPL-2.1-or-later

// What bench-net.c measures, by Go's net package, which Leash's connections are modelled on. Peers are goroutines of
// the same program, as Go has it. Prints the same rows; medians of the same number of rounds.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"sort"
	"time"
)

var (
	isJSON  = flag.Bool("json", false, "print a JSON object a line")
	isQuick = flag.Bool("quick", false, "only show that it works")
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func figure(what string, microseconds float64) {
	name := what + ": Go"
	if *isJSON {
		fmt.Printf("{\"name\": %q, \"unit\": \"us\", \"value\": %g}\n", name, microseconds)
	} else {
		fmt.Printf("| %s | %.2f | us | |\n", name, microseconds)
	}
}

// Tells the median time of one of n.
func measure(what string, n int, run func(n int)) {
	rounds := 21
	if *isQuick {
		rounds, n = 3, n/50+1
	}
	took := make([]float64, rounds)
	run(n/4 + 1)
	for i := range took {
		start := time.Now()
		run(n)
		took[i] = float64(time.Since(start).Nanoseconds()) / float64(n) / 1000
	}
	sort.Float64s(took)
	figure(what, took[rounds/2])
}

// Serves each connection in a goroutine.
func listen(serve func(net.Conn)) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	go func() {
		for {
			conn, err := listener.Accept()
			check(err)
			go func() {
				serve(conn)
				conn.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

func dial(address string) net.Conn {
	conn, err := net.Dial("tcp", address)
	check(err)
	return conn
}

func main() {
	flag.Parse()
	nothing := listen(func(conn net.Conn) { io.Copy(io.Discard, conn) })
	echo := listen(func(conn net.Conn) { io.CopyBuffer(struct{ io.Writer }{conn}, struct{ io.Reader }{conn}, make([]byte, 64)) })
	sink := listen(func(conn net.Conn) {
		block := make([]byte, 65536)
		for {
			if _, err := io.ReadFull(conn, block); err != nil {
				return
			}
			if _, err := conn.Write(block[:1]); err != nil {
				return
			}
		}
	})

	measure("connecting and closing, TCP", 200, func(n int) {
		for i := 0; i < n; i++ {
			check(dial(nothing).Close())
		}
	})
	message := make([]byte, 64)
	conn := dial(echo)
	measure("64 bytes answered, TCP", 1000, func(n int) {
		for i := 0; i < n; i++ {
			_, err := conn.Write(message)
			check(err)
			_, err = io.ReadFull(conn, message)
			check(err)
		}
	})
	block := make([]byte, 65536)
	conn = dial(sink)
	measure("a block of 64 KiB sent, TCP", 1024, func(n int) {
		for i := 0; i < n; i += 16 {
			for k := 0; k < 16; k++ {
				_, err := conn.Write(block)
				check(err)
			}
			_, err := io.ReadFull(conn, message[:16])
			check(err)
		}
	})
}
