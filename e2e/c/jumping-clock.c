// A wall clock that jumps an hour ahead or back each tenth of a second, for one process: preloaded, it stands between the program and the C library.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <sys/time.h>
#include <time.h>

typedef int clock_function(clockid_t, struct timespec *);

static int true_clock(clockid_t id, struct timespec *now) {
  static clock_function *next;
  if (next == NULL) next = (clock_function *)dlsym(RTLD_NEXT, "clock_gettime");
  return next(id, now);
}

static time_t jump(void) {
  struct timespec steady;
  true_clock(CLOCK_MONOTONIC, &steady);
  return (steady.tv_nsec / 100000000) % 2 == 0 ? 3600 : -3600;
}

int clock_gettime(clockid_t id, struct timespec *now) {
  int result = true_clock(id, now);
  if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) now->tv_sec += jump();
  return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  struct timespec wall;
  (void)zone;
  int result = clock_gettime(CLOCK_REALTIME, &wall);
  now->tv_sec = wall.tv_sec;
  now->tv_usec = wall.tv_nsec / 1000;
  return result;
}

time_t time(time_t *where) {
  struct timespec wall;
  clock_gettime(CLOCK_REALTIME, &wall);
  if (where != NULL) *where = wall.tv_sec;
  return wall.tv_sec;
}
