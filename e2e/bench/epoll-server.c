/*
 * The reference: one epoll loop in C, hold 0. Barest: accept4, epoll_ctl, read, write, close. With -DSAME_CALLS it makes every
 * call that sockscope's increment server makes, in the same order: the difference is then what the language and the recording cost.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_EVENTS 512
#define MAX_FDS 65536

#ifdef SAME_CALLS
static char lingering[MAX_FDS];
#endif

static void serve(int epfd, int fd, char *buffer) {
#ifdef SAME_CALLS
  if (lingering[fd]) {
    for (;;) {
      ssize_t got = read(fd, buffer, 4096);
      if (got > 0) continue;
      if (got < 0 && errno == EAGAIN) return;
      close(fd);
      return;
    }
  }
#endif
  ssize_t got = read(fd, buffer, 1);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) {
    close(fd);
    return;
  }
  char reply = (char)(buffer[0] + 1);
#ifdef SAME_CALLS
  int end_of_file = 0;
  for (;;) {
    got = read(fd, buffer, 4096);
    if (got > 0) continue;
    end_of_file = got == 0;
    break;
  }
#endif
  if (write(fd, &reply, 1) != 1) {
    close(fd);
    return;
  }
#ifdef SAME_CALLS
  shutdown(fd, SHUT_WR);
  lingering[fd] = 1;
  if (end_of_file) close(fd);
#else
  close(fd);
#endif
  (void)epfd;
}

int main(int argc, char **argv) {
  int port = argc > 1 ? atoi(argv[1]) : 9736;
  int backlog = argc > 2 ? atoi(argv[2]) : 4096;
  static char buffer[4096];
  static struct epoll_event events[MAX_EVENTS];
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int one = 1;
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons((unsigned short)port);
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, backlog) < 0) {
    perror("bind or listen");
    return 1;
  }
  int epfd = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
  epoll_ctl(epfd, EPOLL_CTL_ADD, listener, &event);
  puts("listening");
  fflush(stdout);
  for (;;) {
    int ready = epoll_wait(epfd, events, MAX_EVENTS, 250);
    int accepting = 0;
    for (int i = 0; i < ready; i += 1) {
      if (events[i].data.fd == listener) accepting = 1;
      else serve(epfd, events[i].data.fd, buffer);
    }
    if (!accepting) continue;
    int waiting = 128;
#ifdef SAME_CALLS
    struct tcp_info info;
    socklen_t info_length = 104;
    if (getsockopt(listener, IPPROTO_TCP, TCP_INFO, &info, &info_length) == 0 && info.tcpi_unacked < 128) waiting = info.tcpi_unacked > 0 ? (int)info.tcpi_unacked : 1;
#endif
    for (int i = 0; i < waiting; i += 1) {
#ifdef SAME_CALLS
      struct sockaddr_in peer;
      socklen_t peer_length = sizeof peer;
      int fd = accept4(listener, (struct sockaddr *)&peer, &peer_length, SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
      int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
#endif
      if (fd < 0) break;
#ifdef SAME_CALLS
      peer_length = sizeof peer;
      getsockname(fd, (struct sockaddr *)&peer, &peer_length);
      lingering[fd] = 0;
      event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
#else
      event.events = EPOLLIN;
#endif
      event.data.fd = fd;
      epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event);
    }
  }
}
