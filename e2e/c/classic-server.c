/* The classic teaching server: backlog 5, one process per connection; reads a byte, waits, adds one, sends it back, closes. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *call) {
  perror(call);
  exit(1);
}

int main(int argc, char **argv) {
  int port = argc > 1 ? atoi(argv[1]) : 9736;
  unsigned hold_ms = argc > 2 ? (unsigned)atoi(argv[2]) : 5000;
  int backlog = argc > 3 ? atoi(argv[3]) : 5;
  signal(SIGCHLD, SIG_IGN); /* no zombies: the kernel reaps */

  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (listener < 0) die("socket");
  int one = 1;
  if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0) die("setsockopt");
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons((unsigned short)port);
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
  if (listen(listener, backlog) < 0) die("listen");
  puts("server waiting");
  fflush(stdout);

  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) continue;
    pid_t child = fork();
    if (child == 0) {
      unsigned char byte;
      close(listener);
      if (read(fd, &byte, 1) == 1) {
        if (hold_ms > 0) usleep(hold_ms * 1000u);
        byte = (unsigned char)(byte + 1);
        if (write(fd, &byte, 1) != 1) _exit(1);
      }
      close(fd);
      _exit(0);
    }
    close(fd);
  }
}
