/* In the container, with Docker's capabilities: stops whatever appears, as soon as it does, once.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
  int next = fork();
  if (next == 0) _exit(0);
  wait(0);
  puts("ready");
  fflush(stdout);
  for (next++;;) {
    for (int pid = next; pid < next + 8; pid++) {
      if (kill(pid, SIGSTOP) == 0) next = pid + 1;
    }
  }
}
