/* A library that another needs, which it needs in turn. */
extern int sum(int); extern int odd_in_top(int);
static int n;
__attribute__((constructor)) static void init(void) { n = 3; }
int mid(int x) { return x * n; }
int odd(int x) { return x == 0 ? 0 : odd_in_top(x - 1); }
