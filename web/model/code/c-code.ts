// The classic pair in C: every call is written out, as the kernel sees it.
import { byteLiteral, codeLines, type CodePair } from './snippet.ts';

export const cCode: CodePair = {
  server: ({ port, backlog, holdMs }) =>
    codeLines(`
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static void serve(int fd) {
  unsigned char byte, rest[4096];
  if (read(fd, &byte, 1) == 1) { @@read
    poll(NULL, 0, ${holdMs}); /* hold it */ @@hold
    byte += 1;
    if (write(fd, &byte, 1) != 1) perror("write"); @@write
    shutdown(fd, SHUT_WR); @@shutdown
    while (read(fd, rest, sizeof rest) > 0) {} /* unread data would make close() send RST */ @@drain
  }
  close(fd); @@close
}

int main(void) {
  signal(SIGCHLD, SIG_IGN); /* children leave no zombies */
  signal(SIGPIPE, SIG_IGN); /* a write to nobody is EPIPE, not the end */
  int listener = socket(AF_INET, SOCK_STREAM, 0); @@socket
  int one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one); @@setsockopt
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(${port})};
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) == -1) { @@bind
    perror("bind");
    return 1;
  }
  if (listen(listener, ${backlog}) == -1) { @@listen
    perror("listen");
    return 1;
  }
  for (;;) {
    int fd = accept(listener, NULL, NULL); @@accept4
    if (fd == -1) continue;
    if (fork() == 0) {
      close(listener);
      serve(fd);
      _exit(0);
    }
    close(fd); /* the child has its own */
  }
}
`),
  client: ({ port, byte }) =>
    codeLines(`
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0); @@socket
  struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(${port})};
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (struct sockaddr *)&server, sizeof server) == -1) { @@connect
    perror("connect");
    return 1;
  }
  unsigned char byte = ${byteLiteral(byte)};
  if (write(fd, &byte, 1) != 1) { @@write
    perror("write");
    return 1;
  }
  if (read(fd, &byte, 1) != 1) { @@read,drain
    fprintf(stderr, "no reply\\n");
    return 1;
  }
  printf("char from server = %c\\n", byte);
  close(fd); @@close
  return 0;
}
`),
};
