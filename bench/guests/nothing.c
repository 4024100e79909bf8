/* A program of some 20 KB that ends at once. */
#include <stdio.h>

int main(int argc, char **argv) {
    if (argc > 9) printf("%s %g\n", argv[0], (double)argc);
    return 3;
}
