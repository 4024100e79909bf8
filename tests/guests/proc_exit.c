/* proc_exit with the status in argv[1]. Natively: _exit. */
#include <stdlib.h>
#ifdef __wasi__
#include <wasi/api.h>
#define EXIT __wasi_proc_exit
#else
#include <unistd.h>
#define EXIT _exit
#endif

int main(int argc, char **argv) {
    EXIT(argc > 1 ? atoi(argv[1]) : 0);
}
