// A library that tests load into a program before all others (LD_PRELOAD): the clock of the day
// goes an hour back, and an hour ahead, fifty times a second. Clocks that never go back are the
// system's.
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>

#include <cstdint>

namespace {

using ClockGetTime = int (*)(clockid_t, timespec*);

ClockGetTime real_clock() {
  static const auto kReal = reinterpret_cast<ClockGetTime>(dlsym(RTLD_NEXT, "clock_gettime"));
  return kReal;
}

int64_t jump() {
  timespec now{};
  real_clock()(CLOCK_MONOTONIC, &now);
  const int64_t fiftieths = now.tv_sec * 50 + now.tv_nsec / 20'000'000;
  return fiftieths % 2 == 0 ? 3600 : -3600;
}

bool is_of_the_day(clockid_t clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const int result = real_clock()(clock, time);
  if (result == 0 && is_of_the_day(clock)) time->tv_sec += jump();
  return result;
}

int gettimeofday(timeval* time, void*) noexcept {
  timespec now{};
  const int result = clock_gettime(CLOCK_REALTIME, &now);
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return result;
}

time_t time(time_t* out) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != nullptr) *out = now.tv_sec;
  return now.tv_sec;
}
}
