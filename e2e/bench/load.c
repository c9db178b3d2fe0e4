/*
 * A load generator that is not the bottleneck: keeps `concurrency` exchanges under way until `total` are done or the time is over,
 * and prints what came of them as one line of JSON. An exchange: connect, write one byte, read the reply, read end of file, close.
 * usage: load PORT CONCURRENCY TOTAL MAX_SECONDS [RATE_PER_SECOND [HOLD_MS]]
 * With a rate, exchanges begin at that rate instead; with a hold, how late each reply is against it is told too.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_FDS 65536

struct exchange {
  double begun, written;
  int state; /* 0 free, 1 connecting, 2 waiting, 3 replied */
  unsigned char byte;
};

static struct exchange exchanges[MAX_FDS];
static double *lateness;
static long done, replied, wrong, failed, live, begun;
static double last_reply;

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static void end(int fd, int good) {
  close(fd);
  exchanges[fd].state = 0;
  live -= 1;
  done += 1;
  if (!good) failed += 1;
}

static int begin(int epfd, const struct sockaddr_in *to) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return 0;
  begun += 1;
  live += 1;
  exchanges[fd] = (struct exchange){.begun = now_ms(), .state = 1, .byte = (unsigned char)begun};
  if (connect(fd, (const struct sockaddr *)to, sizeof *to) < 0 && errno != EINPROGRESS) {
    end(fd, 0);
    return 1;
  }
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.fd = fd};
  epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event);
  return 1;
}

static void advance(int fd, unsigned events) {
  struct exchange *x = &exchanges[fd];
  if (x->state == 1 && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
    /* Before the write: whoever is put off the processor just after it must not make the reply look early. */
    x->written = now_ms();
    if (write(fd, &x->byte, 1) != 1) {
      end(fd, 0);
      return;
    }
    x->state = 2;
  }
  if (!(events & (EPOLLIN | EPOLLERR | EPOLLHUP))) return;
  for (;;) {
    unsigned char reply;
    ssize_t got = read(fd, &reply, 1);
    if (got < 0 && errno == EAGAIN) return;
    if (got == 1 && x->state == 2) {
      x->state = 3;
      last_reply = now_ms();
      lateness[replied++] = last_reply - x->written;
      if (reply != (unsigned char)(x->byte + 1)) wrong += 1;
      continue;
    }
    end(fd, x->state == 3);
    return;
  }
}

int main(int argc, char **argv) {
  if (argc < 5) {
    fprintf(stderr, "usage: load PORT CONCURRENCY TOTAL MAX_SECONDS [RATE_PER_SECOND [HOLD_MS]]\n");
    return 2;
  }
  long concurrency = atol(argv[2]), total = atol(argv[3]);
  double limit = atof(argv[4]) * 1e3, rate = argc > 5 ? atof(argv[5]) : 0, hold = argc > 6 ? atof(argv[6]) : 0;
  struct sockaddr_in to;
  memset(&to, 0, sizeof to);
  to.sin_family = AF_INET;
  to.sin_port = htons((unsigned short)atoi(argv[1]));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  lateness = calloc((size_t)total, sizeof *lateness);
  int epfd = epoll_create1(EPOLL_CLOEXEC);
  static struct epoll_event events[1024];
  double start = now_ms();
  while (done < total) {
    double elapsed = now_ms() - start;
    if (elapsed > limit) break;
    long allowed = rate > 0 ? (long)(elapsed * rate / 1e3) + 1 : total;
    while (begun < total && begun < allowed && live < concurrency && begin(epfd, &to)) {
    }
    int ready = epoll_wait(epfd, events, 1024, rate > 0 ? 1 : 100);
    for (int i = 0; i < ready; i += 1) advance(events[i].data.fd, events[i].events);
  }
  double seconds = (now_ms() - start) / 1e3;
  qsort(lateness, (size_t)replied, sizeof *lateness, compare);
  double at50 = replied ? lateness[replied / 2] : 0, at99 = replied ? lateness[(long)((double)replied * 0.99)] : 0;
  double least = replied ? lateness[0] : 0, most = replied ? lateness[replied - 1] : 0;
  printf("{\"done\":%ld,\"replied\":%ld,\"wrong\":%ld,\"failed\":%ld,\"seconds\":%.4f,\"perSecond\":%.1f,\"lastReplyMs\":%.1f,"
         "\"lateMs\":{\"least\":%.3f,\"p50\":%.3f,\"p99\":%.3f,\"most\":%.3f}}\n",
         done, replied, wrong, failed, seconds, (double)replied / seconds, last_reply - start, least - hold, at50 - hold, at99 - hold, most - hold);
  return done == total && failed == 0 && wrong == 0 ? 0 : 1;
}
