// Says that it runs, then waits for its input to end.
#include <stdio.h>

int main(void) {
  puts("ready");
  fflush(stdout);
  while (getchar() != EOF) {
  }
  return 0;
}
