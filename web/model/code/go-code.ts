// The classic pair in Go: net.ListenTCP makes four calls in one, and the runtime waits with epoll where the code seems to block.
import { byteLiteral, codeLines, type CodePair } from './snippet.ts';

export const goCode: CodePair = {
  server: ({ port, holdMs }) =>
    codeLines(`
package main

import (
	"io"
	"log"
	"net"
	"time"
)

func serve(connection *net.TCPConn) {
	defer connection.Close() @@close
	buffer := make([]byte, 1)
	if _, err := connection.Read(buffer); err != nil { @@read
		return
	}
	time.Sleep(${holdMs} * time.Millisecond) @@hold
	if _, err := connection.Write([]byte{buffer[0] + 1}); err != nil { @@write
		return
	}
	connection.CloseWrite() @@shutdown
	connection.SetReadDeadline(time.Now().Add(2 * time.Second))
	io.Copy(io.Discard, connection) // unread data would make Close send RST @@drain
}

func main() {
	// socket, setsockopt(SO_REUSEADDR), bind and listen in one; the backlog is the machine's own (net.core.somaxconn).
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{Port: ${port}}) @@socket,setsockopt,bind,listen
	if err != nil {
		log.Fatal(err)
	}
	for {
		connection, err := listener.AcceptTCP() @@accept4
		if err != nil {
			log.Print(err)
			continue
		}
		go serve(connection)
	}
}
`),
  client: ({ port, byte }) =>
    codeLines(`
package main

import (
	"fmt"
	"log"
	"net"
)

func main() {
	connection, err := net.Dial("tcp4", "127.0.0.1:${port}") @@socket,connect
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close() @@close
	if _, err := connection.Write([]byte{${byteLiteral(byte)}}); err != nil { @@write
		log.Fatal(err)
	}
	reply := make([]byte, 1)
	if _, err := connection.Read(reply); err != nil { @@read,drain
		log.Fatal(err)
	}
	fmt.Printf("char from server = %c\\n", reply[0])
}
`),
};
