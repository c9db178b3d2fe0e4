// The classic pair in Python: the socket module has the calls under their own names.
import { codeLines, type CodePair } from './snippet.ts';

export const pythonCode: CodePair = {
  server: ({ port, backlog, holdMs }) =>
    codeLines(`
import socket
import threading
import time


def serve(connection):
    with connection:  # close() at its end @@close
        byte = connection.recv(1) @@read
        if not byte:
            return
        time.sleep(${holdMs / 1_000}) @@hold
        connection.sendall(bytes([(byte[0] + 1) % 256])) @@write
        connection.shutdown(socket.SHUT_WR) @@shutdown
        while connection.recv(4096):  # unread data would make close() send RST @@drain
            pass


listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM) @@socket
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1) @@setsockopt
listener.bind(("0.0.0.0", ${port})) @@bind
listener.listen(${backlog}) @@listen
while True:
    connection, peer = listener.accept() @@accept4
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
`),
  client: ({ port, byte }) =>
    codeLines(`
import socket

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection: @@socket,close
    connection.connect(("127.0.0.1", ${port})) @@connect
    connection.sendall(bytes([0x${byte.toString(16).padStart(2, '0')}])) @@write
    reply = connection.recv(1)  # b"" at end of file @@read,drain
    print("char from server =", reply.decode("latin-1"))
`),
};
